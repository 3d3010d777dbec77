"""What the page Reports says of the waiting list: places freed, offered, refilled."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from bookings.models import Appointment, Booking
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import answers
from practices.models import Practice
from tests import factories
from tests.desk.world import browser, person, said
from tests.factories import NOON, Scene
from tests.waitlist.families import decline, join, look, offer

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
HEAD = "Minutes until refilled Visits saved"


class World:
    """A practice whose visits are of Thursday, the 4th of June, and looked at a week later."""

    def __init__(self, scene: Scene, clock: Traveller) -> None:
        self.scene, self.clock = scene, clock
        self.staff = person("desk", scene.practice)

    def opening(self, hour: int, **fields: Any) -> Booking:
        start = datetime(2026, 6, 4, hour)  # noqa: DTZ001  # wall time
        return self.scene.booking(start_datetime=start, **fields)

    def visit(self, hour: int, **said: Any) -> Appointment:
        """Book an opening of its own for somebody."""
        fields: Any = {"status": "booked", "first_name": "Zoe", **said}
        where = self.opening(hour).pk
        return appointments.take(booking_id=where, fields=fields, by=PATIENT, now=NOON)

    def cancel(self, visit: Appointment, now: datetime = NOON + HOUR) -> None:
        appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=now)

    def get(self, page: str, practice: Practice | None = None) -> Any:
        self.clock.move_to(NOON + WEEK)
        practice = practice or self.scene.practice
        return browser(self.staff).get(f"/admin/desk/{practice.pk}/{page}")

    def text(self) -> str:
        return said(self.get("numbers/"))


@pytest.fixture
def world(scene: Scene, clock: Traveller) -> World:
    return World(scene, clock)


def answer(entry: Any, now: datetime, verb: Callable[..., Any], **more: Any) -> None:
    found = offer(entry)
    assert found is not None
    verb(offer_id=found.pk, by=PATIENT, now=now, **more)


def test_a_place_counts_as_freed_offered_and_refilled_once(world: World) -> None:
    """Ada declines it, Ben does not answer, Cleo takes it; nobody wants the one of ten o'clock."""
    first, second = world.visit(9), world.visit(10)
    families = [join(world.scene.practice, name) for name in ("Ada", "Ben", "Cleo")]
    world.cancel(first)
    look(world.scene.practice, NOON + HOUR)
    answer(families[0], NOON + 2 * HOUR, decline, leaves=True)
    look(world.scene.practice, NOON + 2 * HOUR)
    look(world.scene.practice, NOON + 6 * HOUR)
    answer(families[2], NOON + 7 * HOUR, answers.accept)
    world.cancel(second, NOON + 7 * HOUR)
    text = world.text()
    assert f"{HEAD} All 2 1 1 360 1" in text


def test_who_comes_earlier_leaves_a_place_and_saves_no_visit(world: World) -> None:
    early, late = world.visit(9), world.visit(11, email="ada@family.example", first_name="Ada")
    entry = join(world.scene.practice, visits=[late])
    world.cancel(early)
    look(world.scene.practice, NOON + HOUR)
    answer(entry, NOON + HOUR + timedelta(minutes=37), answers.accept)
    assert f"{HEAD} All 2 1 1 37 0" in world.text()


def test_who_took_a_place_and_cancelled_has_not_saved_it(world: World) -> None:
    visit = world.visit(9)
    entry = join(world.scene.practice)
    world.cancel(visit)
    look(world.scene.practice, NOON + HOUR)
    answer(entry, NOON + 2 * HOUR, answers.accept)
    world.cancel(Appointment.objects.get(status="booked"), NOON + 3 * HOUR)
    assert f"{HEAD} All 2 1 1 60 0" in world.text()


def test_places_of_one_opening_are_counted_one_by_one(world: World) -> None:
    opening = world.opening(9, total_appointments=2)
    fields: Any = {"status": "booked", "first_name": "Zoe"}
    first, second = (
        appointments.take(booking_id=opening.pk, fields=fields, by=PATIENT, now=NOON)
        for _ in range(2)
    )
    world.cancel(first)
    world.cancel(second, NOON + 2 * HOUR)
    families = [join(world.scene.practice, name, now=NOON + 2 * HOUR) for name in ("Ada", "Ben")]
    look(world.scene.practice, NOON + 2 * HOUR)
    for each in families:
        answer(each, NOON + 3 * HOUR, answers.accept)
    assert f"{HEAD} All 2 2 2 90 2" in world.text()


def test_what_was_free_from_the_start_is_not_counted(world: World) -> None:
    world.opening(9)
    entry = join(world.scene.practice)
    look(world.scene.practice)
    answer(entry, NOON + HOUR, answers.accept)
    assert HEAD not in world.text()


def test_a_place_that_a_visit_was_moved_from_is_freed(world: World) -> None:
    to: Any = {world.visit(9).pk: {"booking_id": world.opening(10).pk}}
    moving.move(to=to, by=PATIENT, now=NOON + HOUR)
    assert f"{HEAD} All 1 0 0 – 0" in world.text()


def test_a_place_given_up_once_its_time_has_come_is_not_counted(world: World) -> None:
    world.cancel(world.visit(9), NOON + 4 * 24 * HOUR)
    assert HEAD not in world.text()


def test_what_was_closed_is_not_counted(world: World) -> None:
    visit = world.visit(9)
    world.cancel(visit)
    bookings.close(booking_id=visit.booking_id, by=PATIENT, now=NOON + HOUR)
    assert HEAD not in world.text()


def test_an_offer_that_nobody_took_is_no_cancelled_visit(world: World) -> None:
    world.opening(9)
    entry = join(world.scene.practice, source="flyer")
    look(world.scene.practice)
    answer(entry, NOON + HOUR, decline, leaves=False)
    text = world.text()
    assert "flyer" not in text
    assert "Online booking" not in text.split("By booker")[1].split("By week")[0]


def test_by_location_and_doctor_where_there_are_several(world: World) -> None:
    other = factories.location(world.scene.practice, name="Harbor")
    doctor = factories.doctor(other, name="Dr. Adams")
    world.cancel(world.visit(9))
    fields: Any = {"status": "booked", "first_name": "Zoe"}
    there = world.opening(9, location_id=other.pk, doctor_id=doctor.pk)
    world.cancel(appointments.take(booking_id=there.pk, fields=fields, by=PATIENT, now=NOON))
    rows = "Chesterfield 1 0 0 – 0 Harbor 1 0 0 – 0 Dr. Adams 1 0 0 – 0 Dr. Reyes 1 0 0 – 0"
    assert f"{HEAD} All 2 0 0 – 0 {rows}" in world.text()


def test_the_csv_has_counts_by_week_and_no_names(world: World) -> None:
    visit = world.visit(9)
    entry = join(world.scene.practice)
    world.cancel(visit)
    look(world.scene.practice, NOON + HOUR)
    answer(entry, NOON + 2 * HOUR, answers.accept)
    answered = world.get("waiting-list.csv")
    rows = list(csv.reader(StringIO(answered.content.decode("utf-8-sig"))))
    assert rows[0][3:] == [
        "freed",
        "offered",
        "refilled",
        "median minutes until refilled",
        "visits saved",
    ]
    assert rows[1:] == [["2026-06-01", "Chesterfield", "Dr. Reyes", "1", "1", "1", "60", "1"]]
    assert world.get("waiting-list.csv", Scene().practice).status_code == 404


def test_more_offers_take_no_more_statements(world: World) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            world.text()
        return len(asked)

    counted = []
    for hour in (9, 10):
        world.clock.move_to(NOON)
        visit = world.visit(hour)
        entry = join(world.scene.practice, f"Ada{hour}")
        world.cancel(visit)
        look(world.scene.practice, NOON + HOUR)
        answer(entry, NOON + 2 * HOUR, answers.accept)
        counted.append(statements())
    assert counted[0] == counted[1]
