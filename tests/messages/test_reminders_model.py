"""Property-based test (Hypothesis) of reminders against E2, with the clock turned over months.

Whenever a worker is there, what it sends is what E2, read anew here, says of every visit: so none
is sent of what is cancelled or elsewhere now, none twice, none at night, and none is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from hypothesis.stateful import run_state_machine_as_test as run

from bookings import walltime
from bookings.messages import queue, reminders
from bookings.messages.mail.sending import MailHandler
from bookings.models import Appointment, Delivery, Outcome, Queue, Task
from bookings.patients import reminder_opt_outs
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.actors import PATIENT
from practices.models import Doctor, Kind, Location, MailSettings, Practice
from tests import factories
from tests.conftest import only_once_on_sqlite
from tests.factories import Scene

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KINDS = {3: "reminder_3_days", 1: "reminder_1_day"}
BEGINS = [datetime(2026, 2, 12, 15, tzinfo=UTC), datetime(2026, 10, 8, 15, tzinfo=UTC)]
"""So that three months have the clocks go forward, or back."""
PLACES = [
    (Kind.EXACT, ["America/New_York", "America/Phoenix"]),
    (Kind.EXACT, ["Pacific/Honolulu"]),
    (Kind.RANGE, ["America/Chicago"]),
]
TIMES = [time(0, 30), time(6), time(8, 59), time(9), time(14, 15), time(18, 59), time(19), time(22)]
TIMES_OF_DAY = st.sampled_from([*TIMES, -HOUR / 2, HOUR / 2])
"""Also relative to now: that a kind is due half an hour less, or more, than a day later."""
DAYS_AHEAD = st.sampled_from([5, 6, 4, 7, 9, 3, 2, 1])
THREE_TIMES = st.lists(TIMES_OF_DAY, min_size=3, max_size=3)
HOURS = st.sampled_from([7, 20, 1, 30, 50, 80, 100])
ADDRESSES = ["ada@example.org", "bea@example.org", ""]
THREE_EMAILS = st.lists(st.sampled_from([*ADDRESSES[:2], *ADDRESSES]), min_size=3, max_size=3)
Key = tuple[datetime, int]
Clock = time | timedelta


@dataclass
class House:
    """A practice of the model: its offices with their zones, and what it says of reminders."""

    scene: Scene
    offices: list[Location]
    on: set[int] = field(default_factory=lambda: {3, 1})
    active: bool = True
    opted_out: list["Visit"] = field(default_factory=list)
    """On whose pages somebody ended reminders: of that visit, and of all with its address."""


@dataclass
class Visit:
    """A visit of the model. since: when it got its time and place, and its address."""

    pk: str
    house: House
    office: Location
    email: str
    start: datetime | None
    since: datetime
    confirmed: bool = False
    cancelled: bool = False
    known: set[Key] = field(default_factory=set)
    waiting: dict[Key, datetime] = field(default_factory=dict)

    def days_before(self, days: int) -> datetime:
        """Return when it is so many days before the visit, at the same time on the clock there."""
        assert self.start is not None
        there = self.start.astimezone(ZoneInfo(self.office.timezone))
        day = there.date() - timedelta(days=days)
        return datetime.combine(day, there.time(), there.tzinfo).astimezone(UTC)

    def is_day(self, now: datetime) -> bool:
        return 9 <= now.astimezone(ZoneInfo(self.office.timezone)).hour < 19

    def next_morning(self, now: datetime) -> datetime:
        """Return the next nine o'clock there."""
        zone = ZoneInfo(self.office.timezone)
        today = now.astimezone(zone).date()
        mornings = (datetime.combine(today + n * DAY, time(9), zone) for n in (0, 1))
        return next(each.astimezone(UTC) for each in mornings if each > now)

    def due(self, now: datetime) -> int:
        """Return of how many days before a reminder is due, by E2 without its hours; 0 for none."""
        if self.start is None or self.cancelled or self.start <= now or not self.email:
            return 0
        nearest = min((days for days in (3, 1) if self.days_before(days) <= now), default=0)
        if nearest not in self.house.on or not self.house.active:
            return 0
        if any(each.email == self.email for each in self.house.opted_out):
            return 0
        if self.days_before(nearest) - self.since < DAY:
            return 0
        return 0 if self.confirmed and nearest != min(self.house.on) else nearest

    def find(self, now: datetime) -> None:
        days = self.due(now)
        if days and self.is_day(now) and self.start and (self.start, days) not in self.known:
            self.known.add((self.start, days))
            self.waiting[self.start, days] = now

    def send(self, now: datetime) -> Iterator[tuple[str, str]]:
        """Yield what is sent now of what was found; what is no longer due is forgotten."""
        for (start, days), at in [*self.waiting.items()]:
            if at > now:
                continue
            del self.waiting[start, days]
            if start != self.start or days != self.due(now):
                continue
            if self.is_day(now):
                yield self.pk, KINDS[days]
            elif self.next_morning(now) < start:
                self.waiting[start, days] = self.next_morning(now)


class ReminderMachine(RuleBasedStateMachine):
    """Drives the product and the model side by side."""

    clock: time_machine.Traveller
    sent = 0

    @initialize(
        begins=st.sampled_from(BEGINS),
        booked=st.lists(st.tuples(DAYS_AHEAD, THREE_TIMES, THREE_EMAILS), min_size=2, max_size=4),
    )
    def begin(self, begins: datetime, booked: list[tuple[int, list[Clock], list[str]]]) -> None:
        self.clock.move_to(begins, tick=False)
        Practice.objects.update(active=False)  # those of the examples before
        Task.objects.all().delete()
        self.visits: list[Visit] = []
        self.houses = [self.house(kind, zones) for kind, zones in PLACES]
        for each in booked:
            self.families_book(*each, hours=0)

    def house(self, kind: Kind, zones: list[str]) -> House:
        scene = Scene(kind, zones[0])
        others = [factories.location(scene.practice, zone) for zone in zones[1:]]
        Doctor.objects.get(pk=scene.doctor.pk).locations.add(*others)
        return House(scene, [scene.location, *others])

    @property
    def now(self) -> datetime:
        return walltime.now()

    def start(self, office: Location, days: int, at: Clock) -> datetime:
        """Return the wall time of a visit so many days ahead."""
        there = self.now.astimezone(ZoneInfo(office.timezone))
        clock = (there + at).time() if isinstance(at, timedelta) else at
        return datetime.combine(there.date() + timedelta(days=days), clock)

    def opening(self, house: House, office: Location, days: int, at: Clock) -> Any:
        """Publish an opening so many days ahead."""
        start = self.start(office, days, at)
        return house.scene.booking(now=self.now, location_id=office.pk, start_datetime=start)

    def visit(self, nth: int) -> Visit | None:
        """Return one that is to come, in a practice that is there."""
        to_come = [
            each
            for each in self.visits
            if each.house.active
            and not each.cancelled
            and (each.start is None or each.start > self.now)
        ]
        return to_come[nth % len(to_come)] if to_come else None

    def teardown(self) -> None:
        """Let the time of what is booked come."""
        self.wait(9 * 24)

    @rule(days=DAYS_AHEAD, times=THREE_TIMES, emails=THREE_EMAILS, hours=HOURS)
    def families_book(self, days: int, times: list[Clock], emails: list[str], hours: int) -> None:
        """In each practice, at one of its offices; then time passes."""
        for house, at, email in zip(self.houses, times, emails, strict=True):
            if house.active:
                self.book(house, house.offices[days % len(house.offices)], days, at, email)
        self.wait(hours)

    def book(self, house: House, office: Location, days: int, at: Clock, email: str) -> None:
        opening = self.opening(house, office, days, at)
        is_range = house.scene.practice.kind == Kind.RANGE
        status = "reserved" if is_range else "booked"
        fields: Any = {"status": status, "email": email, "first_name": "Ada"}
        taken = appointments.take(booking_id=opening.pk, fields=fields, by=PATIENT, now=self.now)
        start = None if is_range else opening.start_datetime
        self.visits.append(Visit(taken.pk, house, office, email, start, self.now))

    @rule(nth=st.integers(0, 9), days=DAYS_AHEAD, at=TIMES_OF_DAY)
    def the_office_changes_the_time(self, nth: int, days: int, at: Clock) -> None:
        """Of a range visit give it its exact time, or another."""
        if (visit := self.visit(nth)) is None:
            return
        start = self.start(visit.office, days, at)
        fields: Any = {"start_datetime": start}
        by = visit.house.scene.actor
        if visit.house.scene.practice.kind == Kind.RANGE:
            appointments.edit(appointment_id=visit.pk, fields=fields, by=by, now=self.now)
        else:
            booking_id = Appointment.objects.get(pk=visit.pk).booking_id
            bookings.edit(booking_id=booking_id, fields=fields, by=by, now=self.now)
        zone = ZoneInfo(visit.office.timezone)
        self.changed(visit, start.replace(tzinfo=zone).astimezone(UTC), visit.office)

    @rule(
        nth=st.integers(0, 9),
        place=st.integers(0, 1),
        days=DAYS_AHEAD,
        at=TIMES_OF_DAY,
    )
    def the_patient_moves(self, nth: int, place: int, days: int, at: Clock) -> None:
        """To another time, or office; of a range visit to another part of a day, without a time."""
        if (visit := self.visit(nth)) is None:
            return
        office = visit.house.offices[place % len(visit.house.offices)]
        opening = self.opening(visit.house, office, days, at)
        to: Any = {"booking_id": opening.pk}
        is_range = visit.house.scene.practice.kind == Kind.RANGE
        if is_range:
            to["status"] = "reserved"
        moving.move(to={visit.pk: to}, by=PATIENT, now=self.now)
        self.changed(visit, None if is_range else opening.start_datetime, office)

    def changed(self, visit: Visit, start: datetime | None, office: Location) -> None:
        if (visit.start, visit.office) != (start, office):
            visit.start, visit.office = start, office
            visit.since, visit.confirmed = self.now, False

    @rule(nth=st.integers(0, 9), email=st.sampled_from(ADDRESSES))
    def the_address_changes(self, nth: int, email: str) -> None:
        if (visit := self.visit(nth)) is not None and visit.email != email:
            fields: Any = {"email": email}
            by = visit.house.scene.actor
            appointments.edit(appointment_id=visit.pk, fields=fields, by=by, now=self.now)
            visit.email, visit.since = email, self.now

    @rule(nth=st.integers(0, 9))
    def the_patient_cancels(self, nth: int) -> None:
        if (visit := self.visit(nth)) is not None:
            appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=self.now)
            visit.cancelled = True

    @rule(nth=st.integers(0, 9))
    def the_patient_will_come(self, nth: int) -> None:
        if (visit := self.visit(nth)) is not None and visit.start is not None:
            appointments.confirm(appointment_id=visit.pk, by=PATIENT, now=self.now)
            visit.confirmed = True

    @rule(nth=st.integers(0, 9), is_off=st.booleans())
    def the_patient_wants_none_or_some(self, nth: int, is_off: bool) -> None:
        if (visit := self.visit(nth)) is None or not visit.email:
            return
        row = Appointment.objects.select_related("booking").get(pk=visit.pk)
        if is_off:
            reminder_opt_outs.add(row, self.now)
            visit.house.opted_out.append(visit)
        else:
            reminder_opt_outs.remove(row)
            left = [each for each in visit.house.opted_out if each.email != visit.email]
            visit.house.opted_out = left

    @rule(
        nth=st.integers(0, 2),
        on=st.sampled_from([{3, 1}, {3, 1}, {3}, {1}, set()]),
        is_active=st.sampled_from([True, True, True, False]),
    )
    def the_practice_decides(self, nth: int, on: set[int], is_active: bool) -> None:
        house = self.houses[nth]
        house.on, house.active = on, is_active
        values = {name: days in on for days, name in KINDS.items()}
        practice = house.scene.practice
        MailSettings.objects.update_or_create(practice=practice, defaults=values)
        Practice.objects.filter(pk=practice.pk).update(active=house.active)

    @rule(hours=HOURS)
    def time_passes(self, hours: int) -> None:
        self.wait(hours)

    @rule()
    def a_day_passes(self) -> None:
        self.wait(24)

    def wait(self, hours: int) -> None:
        """Let a worker look and send every few hours, and when something is due."""
        ends = self.now + hours * HOUR
        times = {self.now + n * 310 * timedelta(minutes=1) for n in range(hours // 5 + 1)}
        for visit in self.visits:
            if visit.start is not None and not visit.cancelled:
                for due in (visit.days_before(days) for days in (3, 1)):
                    times |= {due - timedelta(minutes=1), due, visit.next_morning(due)}
        for at in sorted(each for each in times if self.now < each < ends):
            self.clock.move_to(at, tick=False)
            self.find()
            self.send()
        self.clock.move_to(ends, tick=False)

    @rule(hours=st.integers(1, 100))
    def there_is_no_worker(self, hours: int) -> None:
        self.clock.shift(hours * HOUR)

    @rule()
    def find(self) -> None:
        """Look for what is due; the mail is sent later, as if its server were away."""
        reminders.enqueue(self.now)
        for visit in self.visits:
            visit.find(self.now)

    @rule()
    def send(self) -> None:
        Task.objects.exclude(kind__in=KINDS.values()).delete()  # mail about the changes
        handler, rows = MailHandler(), Delivery.objects.filter(outcome=Outcome.SENT)
        before = rows.count()
        while task := queue.claim(Queue.MAIL) or queue.claim(Queue.REMINDER):
            handler.run(task)
        new = rows.order_by("pk")[before:].values_list("appointment", "kind")
        expected = [each for visit in self.visits for each in visit.send(self.now)]
        assert sorted(new) == sorted(expected)
        type(self).sent += len(expected)


@pytest.mark.parametrize(
    "examples",
    [pytest.param(2, marks=only_once_on_sqlite), pytest.param(150, marks=pytest.mark.nightly)],
)
@pytest.mark.django_db
def test_reminders_over_months_are_what_e2_says(
    examples: int, clock: time_machine.Traveller
) -> None:
    ReminderMachine.clock = clock
    ReminderMachine.sent = 0
    run(
        ReminderMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # to shrink one takes minutes
        ),
    )
    assert ReminderMachine.sent >= examples
