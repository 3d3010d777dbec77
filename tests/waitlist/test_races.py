"""Races about the waiting list: whoever cancels, answers, books and looks at once.

SQLite has one writer: what passes there says nothing of locks.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
import time_machine
from django.db import connection

from bookings.models import ON_LIST, Appointment, Booking, EntryStatus, WaitlistEntry, WaitlistOffer
from bookings.scheduling import appointments, bookings
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import answers, entries
from openchair.errors import Refused
from tests.conftest import together
from tests.factories import NOON, Scene
from tests.test_races import inconsistencies
from tests.waitlist import families, oracle
from tests.waitlist.families import decline

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = [
    1,
    pytest.param(10 if connection.vendor == "postgresql" else 2, marks=pytest.mark.nightly),
]
DAY = timedelta(days=1)


def opening(scene: Scene, nth: int, **values: Any) -> Booking:
    at = NOON + DAY * (1 + nth // 8) + timedelta(minutes=30 * (nth % 8))
    return scene.booking(start_datetime=at, length=30, **values)


def visit(booking: Booking, **said: Any) -> Appointment:
    fields: Any = {"status": "booked", "first_name": "Zoe", **said}
    return appointments.take(booking_id=booking.pk, fields=fields, by=PATIENT, now=NOON)


def check(scene: Scene) -> None:
    """Nothing was sold twice, and after one look nothing is left for which somebody fits."""
    families.look(scene.practice)
    assert inconsistencies() == []
    live = WaitlistOffer.objects.filter(outcome__isnull=True).select_related("entry")
    for offer in live:
        assert [each.status for each in offer.held] == ["pending"] * offer.places
        assert offer.entry.status in ON_LIST
    groups = {each.group_id for each in live}
    held = Appointment.objects.filter(status="pending", created_at__gte=NOON)
    assert {each.group_id for each in held} == groups
    free = oracle.free(scene.practice, NOON)
    for entry in oracle.waiting(scene.practice, NOON):
        but = {*entry.offers.values_list("booking_id", flat=True)}
        assert next(oracle.options(entry, free, NOON, but), None) is None


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all of them in threads at the same moment; none but Refused is raised."""
    turns = iter(acts)
    results = together(len(acts), lambda: next(turns)())  # noqa: PLW0108  # each thread takes one
    unexpected = [each for each in results if isinstance(each, Exception)]
    assert [each for each in unexpected if not isinstance(each, Refused)] == []
    return results


@pytest.mark.parametrize("rounds", ROUNDS)
def test_32_cancel_32_answer_and_16_book_and_no_place_is_sold_twice_or_left(
    rounds: int, clock: time_machine.Traveller
) -> None:
    for nth in range(rounds):
        random, scene = Random(nth), Scene()
        visits = [visit(opening(scene, each)) for each in range(32)]
        offered = [opening(scene, each) for each in range(32, 64)]
        waiting = [families.join(scene.practice, f"F{nth}x{each}") for each in range(48)]
        families.look(scene.practice)
        offers = WaitlistOffer.objects.filter(entry__in=waiting)
        assert offers.count() == len(offered)
        at: Any = {"by": PATIENT, "now": NOON}
        acts: list[Callable[[], Any]]
        acts = [partial(appointments.cancel, appointment_id=each.pk, **at) for each in visits]
        for each, offer in enumerate(offers):
            verbs = (answers.accept, partial(decline, leaves=each % 4 == 1))
            acts.append(partial(verbs[each % 2], offer_id=offer.pk, **at))
        wanted = random.choices([*visits, *visits], k=16)
        acts += [
            partial(visit, each.booking, first_name=f"B{number}")
            for number, each in enumerate(wanted)
        ]
        random.shuffle(acts)
        at_once(acts)
        check(scene)
        accepted = offers.filter(outcome="accepted", places=1)
        for offer in accepted.select_related("entry"):
            assert (offer.entry.status, offer.held[0].status) == ("booked", "booked")


@pytest.mark.parametrize("rounds", ROUNDS)
def test_of_several_who_look_at_once_one_makes_each_offer(
    rounds: int, clock: time_machine.Traveller
) -> None:
    for nth in range(rounds):
        scene = Scene()
        for each in range(6):
            opening(scene, each, total_appointments=1 + each % 2)
        waiting = [families.join(scene.practice, f"F{nth}x{each}") for each in range(12)]
        at_once([partial(families.look, scene.practice)] * 8)
        check(scene)
        offers = WaitlistOffer.objects.filter(entry__in=waiting)
        assert sorted(each.entry_id for each in offers) == sorted(each.pk for each in waiting[:9])


def test_who_accepts_on_the_second_it_ends_has_the_place_or_the_next_one_is_offered_it(
    clock: time_machine.Traveller,
) -> None:
    for nth in range(4):
        clock.move_to(NOON, tick=False)
        scene = Scene()
        opening(scene, 0)
        first, second = (families.join(scene.practice, f"{name}{nth}") for name in ("Ada", "Ben"))
        families.look(scene.practice)
        offer = families.offer(first)
        assert offer is not None
        clock.move_to(offer.until, tick=False)
        at: Any = {"by": PATIENT, "now": offer.until}
        look = partial(families.look, scene.practice, offer.until)
        at_once([partial(answers.accept, offer_id=offer.pk, **at), look, look])
        families.look(scene.practice, offer.until)
        first.refresh_from_db()
        assert (first.status == "booked") != bool(families.held(second))
        assert inconsistencies() == []


def test_who_joins_while_others_look_is_offered_what_is_free(clock: time_machine.Traveller) -> None:
    scene = Scene()
    for each in range(8):
        opening(scene, each)
    families.join(scene.practice, "F0")
    joins = [partial(families.join, scene.practice, f"F{each}") for each in range(1, 8)]
    at_once([act for join in joins for act in (join, partial(families.look, scene.practice))])
    check(scene)
    assert WaitlistOffer.objects.filter(outcome__isnull=True).count() == 8


@pytest.mark.parametrize("by_desk", [appointments.cancel, None], ids=["cancelled", "left"])
def test_an_earlier_visit_is_accepted_or_its_place_is_given_back(
    by_desk: Any, clock: time_machine.Traveller
) -> None:
    for nth in range(6):
        scene = Scene()
        mine, early = visit(opening(scene, 40)), visit(opening(scene, 0))
        entry = families.join(scene.practice, f"Ada{nth}", visits=[mine])
        clock.shift(1)
        now = NOON + timedelta(seconds=1)
        appointments.cancel(appointment_id=early.pk, by=PATIENT, now=now)
        families.look(scene.practice, now)
        offer = families.offer(entry)
        assert offer is not None
        at: Any = {"by": scene.actor, "now": now}
        leave: Any = partial(entries.end, entry_id=entry.pk, status=EntryStatus.LEFT)
        other = partial(by_desk, appointment_id=mine.pk) if by_desk else leave
        look = partial(families.look, scene.practice, now)
        acts = [partial(answers.accept, offer_id=offer.pk, **at), partial(other, **at), look]
        at_once(acts)
        bookings.catch_up(practice_id=scene.practice.pk, now=now)
        assert inconsistencies() == []
        assert not Appointment.objects.filter(
            booking__practice=scene.practice, status="pending"
        ).exists()
        assert WaitlistEntry.objects.get(pk=entry.pk).status not in ON_LIST
