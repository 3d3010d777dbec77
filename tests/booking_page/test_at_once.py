"""Presses of a button at the same moment, in as many threads: one books, and no limit is passed."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from bookings.booking_page import holding
from bookings.booking_page.holding import AlreadyBooked, Gone, NotAsSeen, WrongCode
from bookings.models import Appointment, PatientHold
from bookings.scheduling import appointments, moving
from bookings.scheduling.availability import Option
from openchair.errors import LimitReached, Refused
from practices.models import MailSettings
from tests.booking_page.test_holding import TYPED, again, held, openings, page_of
from tests.conftest import together
from tests.factories import Scene
from tests.test_races import inconsistencies

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(transactional_db, clock) -> Scene:
    clock.move_to(datetime(2026, 6, 1, 16, tzinfo=UTC))
    return Scene()


def test_a_visit_that_is_sent_by_eight_at_once_is_booked_once(scene):
    page = page_of(scene, "Ada", "Ben")
    seen = holding.shown(held(page, *openings(scene)))
    answers = together(8, lambda: holding.confirm(page, seen))
    assert sum(isinstance(each, list) for each in answers) == 1
    assert sum(isinstance(each, AlreadyBooked) for each in answers) == 7
    assert Appointment.objects.filter(status="booked").count() == 2


def test_of_eight_codes_typed_at_once_five_are_compared(scene, settings):
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example"}
    MailSettings.objects.create(practice=scene.practice, code=True)
    page = page_of(scene)
    seen = holding.shown(held(page, *openings(scene, 1), email="anne@example.org"))
    answers = together(8, lambda: holding.confirm(page, seen, "no code"))
    assert sum(isinstance(each, WrongCode) for each in answers) == 5
    assert sum(isinstance(each, LimitReached) for each in answers) == 3


def test_eight_holds_at_once_do_not_pass_the_limit_of_an_address(scene):
    of, nth = openings(scene, 8), count()
    pages = [page_of(scene, f"Patient {each}") for each in range(8)]

    def act() -> list[str]:
        mine = next(nth)
        return holding.hold(pages[mine], Option((of[mine],)))

    answers = together(8, act)
    assert sum(isinstance(each, LimitReached) for each in answers) == 6
    assert PatientHold.objects.count() == Appointment.objects.taken().count() == 2


def test_one_page_that_chooses_eight_times_at_once_holds_one(scene):
    of, nth, page = openings(scene, 8), count(), page_of(scene)
    answers = together(8, lambda: holding.hold(again(page), Option((of[next(nth)],))))
    assert len({tuple(each) for each in answers}) == 1
    assert Appointment.objects.taken().count() == 1


def all_at_once(scene: Scene) -> list[Any]:
    """Book, extend and change a held visit while the office cancels one and moves the other."""
    at: Any = {"by": scene.actor, "now": datetime.now(UTC)}
    first, second, third, fourth = openings(scene, 4)
    page = page_of(scene, "Ada", "Ben")
    ada, ben = visit = held(page, first, second)
    seen = holding.shown(visit)
    acts = iter(
        [
            lambda: holding.confirm(again(page), seen),
            lambda: holding.keep(again(page), TYPED),
            lambda: holding.hold(again(page), Option((fourth, third))),
            lambda: appointments.cancel(appointment_id=ada.pk, **at),
            lambda: moving.move(to={ben.pk: {"booking_id": third.pk}}, **at),
        ]
    )

    def act() -> Any:
        return next(acts)()

    return together(5, act)


def test_a_visit_that_all_change_at_once_is_one_thing_or_the_other(scene):
    for _ in range(5):
        for answer in all_at_once(scene):
            assert isinstance(answer, (list, Appointment, Gone, AlreadyBooked, NotAsSeen, Refused))
        assert inconsistencies() == []
        PatientHold.objects.all().delete()
