"""Property-based test (Hypothesis) of the waiting list, against the naive rules of oracle.py."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from hypothesis.stateful import run_state_machine_as_test as run

from bookings import walltime
from bookings.models import (
    ON_LIST,
    Appointment,
    Booking,
    EntryStatus,
    Event,
    OfferOutcome,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.actors import PATIENT, Actor
from bookings.scheduling.waitlist import answers, entries, offers
from openchair.errors import Refused
from practices.models import Kind
from tests.desk.world import person
from tests.factories import NOON, Scene, doctor, location
from tests.test_races import inconsistencies
from tests.waitlist import families, oracle
from tests.waitlist.families import decline

HALF = timedelta(minutes=30)
NTH = st.integers(0, 30)
SLOTS = [timedelta(hours=hours) for hours in (21, 21.5, 22, 26, 46, 46.5, 47, 70, 165, 260)]
"""When openings begin, after NOON: side by side in the morning, and alone."""
SOME = st.lists(st.sampled_from(SLOTS), min_size=1, max_size=3, unique=True)
OPENING = st.tuples(st.integers(0, 3), SOME, st.sampled_from([1, 1, 2, 3]))
WISHES = st.fixed_dictionaries(
    {"people": st.sampled_from([1, 1, 1, 2, 3])},
    optional={
        "location": st.integers(0, 1),
        "doctor": st.integers(0, 2),
        "parts": st.sampled_from([["morning"], ["late_morning", "early_afternoon"]]),
        "weekdays": st.sampled_from([["tue", "wed"], ["thu"]]),
        "days": st.sampled_from([(0, 2), (2, 30)]),
    },
)


class WaitingMachine(RuleBasedStateMachine):
    """Does what people do in a practice; after most steps somebody looks, and all is checked."""

    clock: time_machine.Traveller
    published = steps = looks = made = 0

    @initialize(
        kind=st.sampled_from(["exact", "exact", "range"]),
        openings=st.lists(OPENING, min_size=2, max_size=4),
        waiting=st.lists(WISHES, min_size=2, max_size=4),
    )
    def begin(self, kind: str, openings: list[Any], waiting: list[Any]) -> None:
        self.clock.move_to(NOON, tick=False)
        self.scene = scene = Scene(Kind(kind))
        self.practice = scene.practice
        self.booked_as = "reserved" if kind == "range" else "booked"
        branch = location(scene.practice, "America/Chicago")
        second = doctor(scene.location)
        second.locations.add(branch)
        at = [(scene.location, scene.doctor), (scene.location, second), (branch, second)]
        self.at = [*at, (branch, doctor(branch))]
        self.desk = Actor.of_staff(person(f"desk-{scene.practice.pk}", scene.practice))
        self.joined = 0
        for at, slots, places in openings:
            self.publish_all(at, slots, places)
        for wishes in waiting:
            self.enter(wishes)
        self.step(looks=False)

    @property
    def now(self) -> datetime:
        return walltime.now()

    # What is there to choose from ----------------------------------------------------------------

    def nth(self, rows: Any, nth: int) -> Any:
        return rows[nth % rows.count()] if rows.exists() else None

    @property
    def openings(self) -> Any:
        rows = Booking.objects.filter(practice=self.practice).exclude(status="closed")
        return rows.order_by("pk")

    @property
    def visits(self) -> Any:
        rows = Appointment.objects.filter(booking__practice=self.practice)
        return rows.order_by("created_at", "booking", "updated_at")

    @property
    def listed(self) -> Any:
        rows = WaitlistEntry.objects.filter(practice=self.practice, status__in=ON_LIST)
        return rows.order_by("created_at")

    @property
    def offers(self) -> Any:
        return WaitlistOffer.objects.filter(entry__practice=self.practice).order_by("pk")

    def actor(self, who: int) -> Actor:
        return [self.scene.actor, self.desk, PATIENT][who % 3]

    def attempt(self, verb: Callable[..., Any], **said: Any) -> Any:
        """Do something that may be refused; return None then."""
        try:
            return verb(**said, now=self.now)
        except Refused:
            return None

    # Openings and visits -------------------------------------------------------------------------

    @rule(opening=OPENING, looks=st.booleans())
    def publish(self, opening: tuple[int, list[timedelta], int], looks: bool) -> None:
        self.publish_all(*opening)
        self.step(looks)

    def publish_all(self, at: int, slots: list[timedelta], places: int) -> None:
        where, who = self.at[at]
        for start in map(self.begins, slots):
            if not self.openings.filter(doctor=who, start_datetime=start).exists():
                said = {"location_id": where.pk, "doctor_id": who.pk, "start_datetime": start}
                fields: Any = {**said, "length": 30, "total_appointments": places}
                type(self).published += 1
                by, pk = self.scene.actor, f"o{self.published:08}"  # in an order, to be run again
                bookings.publish(fields=fields, by=by, now=self.now, booking_id=pk)

    def begins(self, slot: timedelta) -> datetime:
        return NOON + timedelta(days=(self.now - NOON).days) + slot

    @rule(nth=NTH, slot=st.sampled_from(SLOTS), looks=st.booleans())
    def edit_time(self, nth: int, slot: timedelta, looks: bool) -> None:
        booking, start = self.nth(self.openings, nth), self.begins(slot)
        if booking is None:
            return
        if not self.openings.filter(doctor=booking.doctor, start_datetime=start).exists():
            fields: Any = {"start_datetime": start}
            self.attempt(bookings.edit, booking_id=booking.pk, fields=fields, by=self.desk)
        self.step(looks)

    @rule(nth=NTH, fields=st.sampled_from([{"total_appointments": each} for each in (1, 2, 4)]))
    def edit_places(self, nth: int, fields: Any) -> None:
        booking = self.nth(self.openings, nth)
        if booking is not None:
            self.attempt(bookings.edit, booking_id=booking.pk, fields=fields, by=self.desk)
        self.step()

    @rule(nth=NTH, status=st.sampled_from(["open", "pending", "booked"]), looks=st.booleans())
    def partner_puts_status(self, nth: int, status: str, looks: bool) -> None:
        booking = self.nth(self.openings, nth)
        if booking is not None:
            fields: Any = {"status": status, "start_datetime": booking.start_datetime}
            self.attempt(bookings.edit, booking_id=booking.pk, fields=fields, by=self.scene.actor)
        self.step(looks)

    @rule(nth=NTH)
    def close(self, nth: int) -> None:
        booking = self.nth(self.openings, nth)
        if booking is not None:
            self.attempt(bookings.close, booking_id=booking.pk, by=self.desk)
        self.step()

    @rule(nth=NTH, who=NTH, holds=st.booleans(), looks=st.booleans())
    def take(self, nth: int, who: int, holds: bool, looks: bool) -> None:
        booking = self.nth(self.openings, nth)
        if booking is not None:
            self.claim(booking, who, {"first_name": "Zoe"}, "pending" if holds else self.booked_as)
        self.step(looks)

    @rule(nth=NTH, entry=NTH)
    def book_elsewhere(self, nth: int, entry: int) -> None:
        """Somebody who waits books by another way."""
        booking, known = self.nth(self.openings, nth), self.nth(self.listed, entry)
        if booking is None or known is None:
            return
        person = known.unread_person
        said = {"first_name": person.first_name, "last_name": person.last_name}
        said |= {"email": person.email, "phone": person.phone}
        took = self.claim(booking, 0, said, self.booked_as)
        self.step()
        if took and not known.visits.exists():
            known.refresh_from_db()
            assert known.status not in ON_LIST

    def claim(self, booking: Booking, who: int, said: Any, status: str) -> bool:
        """Take a place; nobody who waits and was not asked yet is passed over."""
        lapses = (booking.pending_until or self.now + HALF) <= self.now
        free, waits = oracle.free(self.practice, self.now), oracle.waiting(self.practice, self.now)
        fields = {**said, "status": status}
        taken = self.attempt(
            appointments.take, booking_id=booking.pk, fields=fields, by=self.actor(who)
        )
        if taken is not None and not lapses and booking.pk in free:
            day = free[booking.pk].wall.date()
            of_day = {pk: place for pk, place in free.items() if place.wall.date() == day}
            ways = (self.ways(entry, of_day) for entry in waits)
            assert [*ways].count([[booking.pk]]) < free[booking.pk].free
        return taken is not None

    @rule(nth=NTH, who=NTH, looks=st.booleans())
    def cancel(self, nth: int, who: int, looks: bool) -> None:
        visit = self.nth(self.visits.filter(status__in=["booked", "reserved", "pending"]), nth)
        if visit is not None:
            self.attempt(appointments.cancel, appointment_id=visit.pk, by=self.actor(who))
        self.step(looks)

    @rule(nth=NTH, to=NTH, looks=st.booleans())
    def move_visit(self, nth: int, to: int, looks: bool) -> None:
        visit = self.nth(self.visits.filter(status__in=["booked", "reserved", "pending"]), nth)
        target = self.nth(self.openings, to)
        if visit is not None and target is not None:
            where: Any = {visit.pk: {"booking_id": target.pk}}
            self.attempt(moving.move, to=where, by=self.desk)
        self.step(looks)

    # The list ------------------------------------------------------------------------------------

    @rule(wishes=WISHES, looks=st.booleans(), by_phone=st.booleans())
    def join(self, wishes: dict[str, Any], looks: bool, by_phone: bool) -> None:
        self.enter(wishes, by_phone=by_phone)
        self.step(looks)

    @rule(nth=NTH, both=st.booleans(), wishes=WISHES)
    def want_an_earlier_time(self, nth: int, both: bool, wishes: dict[str, Any]) -> None:
        to_come = self.visits.filter(status__in=oracle.BOOKED, waitlist_entries=None)
        chosen = to_come.filter(booking__start_datetime__gt=self.now)
        visits = [*chosen][nth % 5 :][: 1 + both]
        if visits:
            self.enter({**wishes, "people": len(visits)}, visits=visits)
        self.step()

    def enter(self, wishes: dict[str, Any], *, by_phone: bool = False, visits: Any = ()) -> None:
        said = {name: value for name, value in wishes.items() if name in {"people", "weekdays"}}
        said["parts"] = wishes.get("parts", [])
        if "location" in wishes:
            said["location_ids"] = [self.at[wishes["location"] * 2][0].pk]
        if "doctor" in wishes:
            said["doctor_ids"] = [self.at[wishes["doctor"]][1].pk]
        if "days" in wishes:
            today, (first, last) = self.now.date(), wishes["days"]
            said |= {"earliest": today + timedelta(first), "latest": today + timedelta(last)}
        if by_phone:
            said |= {"email": "", "phone": f"555 01{self.joined:05}"}
        self.joined += 1
        families.join(self.practice, f"F{self.joined}", now=self.now, visits=visits, **said)

    @rule(
        nth=NTH,
        verb=st.sampled_from([entries.put_first, entries.put_back, entries.pause, entries.resume]),
        looks=st.booleans(),
    )
    def change_entry(self, nth: int, verb: Any, looks: bool) -> None:
        entry = self.nth(self.listed, nth)
        if entry is not None:
            self.attempt(verb, entry_id=entry.pk, by=self.desk)
        self.step(looks)

    @rule(nth=NTH)
    def leave(self, nth: int) -> None:
        entry = self.nth(self.listed, nth)
        if entry is not None:
            entries.end(entry_id=entry.pk, status=EntryStatus.LEFT, by=PATIENT, now=self.now)
        self.step()

    # Offers --------------------------------------------------------------------------------------

    @rule(nth=NTH, late=st.booleans(), looks=st.booleans())
    def accept(self, nth: int, late: bool, looks: bool) -> None:
        offer = self.nth(self.offers.filter(outcome__isnull=not late), nth)
        if offer is None:
            return
        booked = self.attempt(answers.accept, offer_id=offer.pk, by=PATIENT)
        if booked is not None:
            offer.refresh_from_db()
            assert (offer.outcome, offer.entry.status) == ("accepted", "booked")
            assert {each.status for each in booked} <= oracle.BOOKED
            assert all(each.booking.start_datetime > self.now for each in booked)
            assert not offer.entry.offers.filter(outcome__isnull=True).exists()
        self.step(looks)

    @rule(nth=NTH, leaves=st.booleans(), looks=st.booleans())
    def decline(self, nth: int, leaves: bool, looks: bool) -> None:
        offer = self.nth(self.offers.filter(outcome__isnull=True), nth)
        if offer is not None:
            self.attempt(decline, offer_id=offer.pk, by=PATIENT, leaves=leaves)
        self.step(looks)

    @rule(nth=NTH)
    def withdraw(self, nth: int) -> None:
        offer = self.nth(self.offers.filter(outcome__isnull=True), nth)
        if offer is not None:
            outcome = OfferOutcome.WITHDRAWN
            self.attempt(offers.end, offer_id=offer.pk, outcome=outcome, by=self.desk)
        self.step()

    @rule(nth=NTH, to=NTH, books=st.booleans())
    def offer_or_book_by_hand(self, nth: int, to: int, books: bool) -> None:
        entry, opening = self.nth(self.listed, nth), self.nth(self.openings, to)
        if entry is None or opening is None:
            return
        people = len(oracle.to_come(entry, self.now)) or entry.people
        verb: Any = answers.book if books else offers.make
        ids = [opening.pk] * people
        self.attempt(verb, entry_id=entry.pk, booking_ids=ids, by=self.desk)
        self.step()

    # Time, and what is true whenever somebody has looked -----------------------------------------

    @rule(minutes=st.sampled_from([1, 20, 60, 60, 240, 300, 1440]))
    def time_passes(self, minutes: int) -> None:
        self.clock.shift(minutes * 60)
        self.step()

    @rule(seldom=st.integers(0, 5))
    def weeks_pass(self, seldom: int) -> None:
        if not seldom:
            self.clock.shift(timedelta(days=30))
        self.step()

    def step(self, looks: bool = True) -> None:
        type(self).steps += 1
        # Joined one after the other, also where the clock of a machine did not go on.
        self.clock.shift(timedelta(milliseconds=1))
        if looks:
            self.look()

    def look(self) -> None:
        type(self).looks += 1
        known = {*self.offers.values_list("pk", flat=True)}
        bookings.catch_up(practice_id=self.practice.pk, now=self.now)
        oracle.check_places(self.openings)
        oracle.check_offers(self.offers, self.now)
        self.check_turns([*self.offers.exclude(pk__in=known)])

    def ways(self, entry: WaitlistEntry, free: dict[str, oracle.Place]) -> list[list[str]]:
        found = oracle.options(entry, free, self.now, self.offered(entry))
        return [[place.booking.pk for place in way] for way in found]

    def check_turns(self, made: list[WaitlistOffer]) -> None:
        """Each new offer was for the first who fits; and nobody is left who fits."""
        type(self).made += len(made)
        now, free = self.now, oracle.free(self.practice, self.now)
        waits = oracle.waiting(self.practice, now)
        for entry in waits:
            assert next(oracle.options(entry, free, now, self.offered(entry)), None) is None
        for offer in reversed(made):  # as it was before it was made
            for each in offer.held:
                booking = each.booking
                count = free[booking.pk].free if booking.pk in free else 0
                free[booking.pk] = oracle.Place(booking, count + 1)
            before = self.offered(offer.entry) - {offer.booking_id}
            for entry in oracle.in_order([*waits, offer.entry]):
                if entry == offer.entry:
                    break
                assert next(oracle.options(entry, free, now, self.offered(entry)), None) is None
            ways = [*oracle.options(offer.entry, free, now, before)]
            chosen = sorted(each.booking_id for each in offer.held)
            assert chosen in [sorted(place.booking.pk for place in way) for way in ways]
            begins = [each.booking.start_datetime for each in offer.held]
            assert min(each for each in begins if each is not None) == min(
                way[0].start for way in ways
            )
            assert offer.entry.status == "waiting"
            waits.append(offer.entry)

    def offered(self, entry: WaitlistEntry) -> set[str]:
        """Return what is not offered to a family again: what it was, and what its visits left."""
        events = Event.objects.filter(appointment__in=entry.visits.all())
        moves = events.filter(at__gt=entry.created_at)
        left = {each.changes.get("booking_id", [""])[0] for each in moves}
        return left | {*entry.offers.values_list("booking_id", flat=True)}

    def teardown(self) -> None:
        if hasattr(self, "practice"):
            self.look()
            assert inconsistencies() == []


@pytest.mark.parametrize("steps", [300, pytest.param(5000, marks=pytest.mark.nightly)])
@pytest.mark.django_db
def test_after_so_many_steps_nobody_was_passed_over(
    steps: int, clock: time_machine.Traveller
) -> None:
    machine = WaitingMachine
    machine.clock, machine.steps, machine.made = clock, 0, 0
    run(
        machine,
        settings=settings(
            max_examples=steps // 20,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert machine.steps >= steps
    assert machine.made >= steps // 20
