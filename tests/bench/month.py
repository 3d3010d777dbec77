"""A month of a practice, simulated with the clock turned: with the waiting list, and without it.

Every consultation of June is booked, 40 are cancelled, from an hour to ten days ahead, and nobody
of the office does anything: what is free is taken by families that look at the booking page, and
with the list by those that are offered it by mail and answer after minutes, after hours or never.
Only the product's own verbs change anything, and nobody but the worker makes offers.

Who cancels and when, the families, what they wish and when they look are the same with the list and
without it. Whoever is on the list does not look at the page.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from statistics import quantiles
from typing import Any

import time_machine

from bookings.messages import waiting
from bookings.models import (
    Appointment,
    Booking,
    Event,
    OfferOutcome,
    Status,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.patients.record import Patient
from bookings.scheduling import appointments, bookings, daylight, families, moving
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.availability import Free
from bookings.scheduling.waitlist import answers, entries, matching
from bookings.scheduling.waitlist.matching import Candidate
from openchair.errors import Refused
from tests.factories import Scene
from tests.test_races import inconsistencies
from tests.waitlist.families import decline

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGINS = datetime(2026, 5, 22, 16, tzinfo=UTC)
"""Ten days before the month, on a Friday at noon."""
ENDS = BEGINS + 40 * DAY
OPENINGS = [
    datetime(2026, 6, day, hour)  # noqa: DTZ001  # wall time
    for day in range(1, 31)
    for hour in (9, 10, 11, 13, 14, 15, 16)
    if datetime(2026, 6, day).weekday() < 5  # noqa: DTZ001
]
NOTICE = {(1, 4): 6, (4, 24): 10, (24, 72): 14, (72, 240): 10}
"""How many visits are cancelled so many hours ahead."""
CANCELLED = sum(NOTICE.values())
WAITING = 24
"""Families that wait from the beginning."""
WANT_EARLIER = 8
"""Those of them that have a visit in the last week of the month."""
JOINS = 0.5
"""How many of those that find nothing on the page put themselves on the list."""
ANSWERS = {"minutes": 0.5, "hours": 0.25, "never": 0.25}
SAYS = {"yes": 0.8, "no": 0.15, "leaves": 0.05}
TICK = 10
"""Seconds from one look of the worker to the next."""


@dataclass
class Figures:
    """What became of the cancelled places. minutes: of each that was taken, until it was.

    accepted: offers, also of places that became free when a family came earlier.
    """

    cancelled: int = 0
    minutes: list[float] = field(default_factory=list)
    accepted: int = 0
    places: int = 0
    empty: int = 0

    def add(self, other: "Figures") -> None:
        self.cancelled += other.cancelled
        self.minutes += other.minutes
        self.accepted += other.accepted
        self.places += other.places
        self.empty += other.empty

    def __str__(self) -> str:
        tenths = quantiles(self.minutes, n=10)
        return (
            f"{len(self.minutes)} of {self.cancelled} cancelled places taken "
            f"({100 * len(self.minutes) / self.cancelled:.0f} %), after {tenths[4]:,.0f} minutes "
            f"(median; p90 {tenths[8]:,.0f}); {self.accepted} offers accepted; {self.empty} of "
            f"{self.places} places of the month empty ({100 * self.empty / self.places:.1f} %)"
        )


@dataclass
class Family:
    """A family. chance: of what it does next; visits: the one that it wants earlier, if any."""

    patient: Patient
    wishes: dict[str, Any]
    chance: Random
    joins: bool
    visits: list[Appointment]

    @property
    def people(self) -> int:
        return int(self.wishes.get("people", 1))


class Month:
    """One month. looks: how many new families a day look at the booking page.

    again: after what time on average they look again if they found nothing and are not on the list,
    and those who wait from the beginning look first; None: never.
    """

    def __init__(self, seed: int, looks: float, again: timedelta | None, *, has_list: bool) -> None:
        self.chance, self.seed, self.has_list = Random(seed), seed, has_list
        self.again = again
        self.scene = Scene()
        self.due: list[tuple[datetime, int, partial[None]]] = []
        self.number = count()
        self.families: dict[str, Family] = {}
        self.answered: set[int] = set()
        self.freed: dict[str, datetime] = {}
        with time_machine.travel(BEGINS, tick=False):
            self._draw(looks)

    def _draw(self, looks: float) -> None:
        """Book the month, and draw who cancels, who waits and who looks."""
        visits = [self._book(start) for start in OPENINGS]
        late = self.chance.sample(visits[-35:], WANT_EARLIER)
        cancel = self.chance.sample([each for each in visits if each not in late], CANCELLED)
        notice = self.chance.sample([*NOTICE], CANCELLED, counts=NOTICE.values())
        for visit, hours in zip(cancel, notice, strict=True):
            begins = visit.booking.start_datetime
            assert begins is not None
            at = begins - self.chance.uniform(*hours) * HOUR
            self._plan(self._awake(at), self._cancel, visit)
        for nth in range(WAITING):
            family = self._family(f"Waits{nth}", late[nth : nth + 1])
            self._plan(BEGINS + nth * HOUR / 60, self._wait, family)
        at = BEGINS
        while (at := at + DAY * self.chance.expovariate(looks)) < ENDS:
            family = self._family(f"Looks{len(self.due)}", [])
            self._plan(self._awake(at), self._look, family)

    def _book(self, start: datetime) -> Appointment:
        opening = self.scene.booking(start_datetime=start, now=BEGINS)
        fields: Any = {"status": "booked", "first_name": "Zoe"}
        return appointments.take(booking_id=opening.pk, fields=fields, by=PATIENT, now=BEGINS)

    def _family(self, name: str, visits: list[Appointment]) -> Family:
        """Draw a family: half are choosy of days, half of the time of day, some are siblings."""
        chance = Random(f"{self.seed} {name}")
        wishes: dict[str, Any] = {}
        if chance.random() < 0.5:
            wishes["weekdays"] = chance.sample(("mon", "tue", "wed", "thu", "fri"), 3)
        if chance.random() < 0.5:
            is_early = chance.random() < 0.5
            wishes["parts"] = (
                ["morning", "late_morning"] if is_early else ["early_afternoon", "late_afternoon"]
            )
        if chance.random() < 0.1 and not visits:
            wishes["people"] = 2
        email = f"{name.lower()}@family.example"
        patient = Patient(first_name=name, last_name="Byron", email=email)
        return Family(patient, wishes, chance, chance.random() < JOINS, visits)

    def _awake(self, at: datetime) -> datetime:
        """Return an instant, or seven in the morning of its day where that is later."""
        wall = at.astimezone(self.scene.location.zone)
        return at if wall.hour >= 7 else wall.replace(hour=7, minute=0).astimezone(UTC)

    def _plan(self, at: datetime, act: Callable[..., None], *of: Any) -> None:
        heapq.heappush(self.due, (at, next(self.number), partial(act, *of)))

    # What happens ------------------------------------------------------------------------------

    def run(self) -> Figures:
        """Let the month pass, and return what became of it."""
        with time_machine.travel(BEGINS, tick=False) as clock:
            while self.due and self.due[0][0] < ENDS:
                at, _, act = heapq.heappop(self.due)
                clock.move_to(at)
                act(at)
        assert inconsistencies() == []  # nothing was sold twice, among others
        self.scene.practice.active = False  # the worker looks at all practices
        self.scene.practice.save()
        return self._figures()

    def _figures(self) -> Figures:
        openings = Booking.objects.filter(practice=self.scene.practice)
        empty = openings.filter(status=Status.OPEN).count()
        accepted = WaitlistOffer.objects.filter(
            entry__practice=self.scene.practice, outcome=OfferOutcome.ACCEPTED
        )
        found = Figures(len(self.freed), [], accepted.count(), openings.count(), empty)
        for booking_id, freed_at in self.freed.items():
            taken = Event.objects.filter(
                booking=booking_id, appointment__isnull=False, to_status="booked", at__gt=freed_at
            ).first()
            if taken is not None:
                found.minutes.append((taken.at - freed_at).total_seconds() / 60)
        return found

    def _cancel(self, visit: Appointment, now: datetime) -> None:
        appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=now)
        self.freed[visit.booking_id] = now
        self._plan_tick(now)

    def _wait(self, family: Family, now: datetime) -> None:
        """Put a family on the list."""
        if not self.has_list:
            self._look_again(family, now)
            return
        wishes: Any = family.wishes
        entry = entries.join(
            self.scene.practice, family.patient, wishes, by=PATIENT, now=now, visits=family.visits
        )
        self.families[entry.pk] = family
        self._plan_tick(now)

    def _look(self, family: Family, now: datetime) -> None:
        """Take the first time on the booking page that suits a family."""
        practice = self.scene.practice
        bookings.catch_up(practice_id=practice.pk, now=now)
        wished = WaitlistEntry(practice=practice, created_at=BEGINS, **family.wishes)
        visit = family.visits[0].booking.start_datetime if family.visits else None
        who = Candidate(wished, family.people, visit, (), ())
        option = matching.first_option(who, practice, matching.free_days(practice, now))
        if option is not None:
            self._take(family, option, now)
        elif self.has_list and family.joins:
            self._wait(family, now)
        else:
            self._look_again(family, now)

    def _look_again(self, family: Family, now: datetime) -> None:
        if self.again is not None:
            after = self.again * family.chance.expovariate(1)
            self._plan(self._awake(now + after), self._look, family)

    def _take(self, family: Family, option: list[Free], now: datetime) -> None:
        if family.visits:
            to: Any = {family.visits[0].pk: {"booking_id": option[0].pk}}
            moving.move(to=to, by=PATIENT, now=now)
        else:
            person = {"first_name": family.patient.first_name, "email": family.patient.email}
            wanted: Any = [{"booking_id": each.pk, "status": "booked", **person} for each in option]
            families.take(wanted=wanted, by=PATIENT, now=now)
        if self.has_list:
            self._plan_tick(now)

    # The list ----------------------------------------------------------------------------------

    def _plan_tick(self, at: datetime) -> None:
        """Let the worker look next after this instant: its looks in between find nothing to do."""
        if self.has_list:
            seconds = TICK - (at.timestamp() % TICK or TICK)
            self._plan(at + timedelta(seconds=seconds), self._tick)

    def _tick(self, now: datetime) -> None:
        waiting.make_offers(now)
        practice = self.scene.practice
        days = matching.free_days(practice, now)
        for who in matching.in_turn(practice, now):
            assert matching.first_option(who, practice, days) is None, "free while somebody fits"
        made = WaitlistOffer.objects.filter(entry__practice=practice, outcome__isnull=True)
        for offer in made.exclude(pk__in=self.answered).select_related("booking"):
            begins = offer.booking.start_datetime
            assert begins is not None
            assert now < offer.until <= begins - 2 * HOUR
            self.answered.add(offer.pk)
            self._plan_tick(offer.until)
            self._plan_answer(offer)

    def _plan_answer(self, offer: WaitlistOffer) -> None:
        """Draw when a family answers, once it reads its mail by day, and what."""
        chance = self.families[offer.entry_id].chance
        (after,) = chance.choices([*ANSWERS], [*ANSWERS.values()])
        (says,) = chance.choices([*SAYS], [*SAYS.values()])
        read = daylight.first(offer.made_at, self.scene.location.zone)
        hours = {"minutes": chance.uniform(2 / 60, 1), "hours": chance.uniform(1, 6)}
        if after != "never":
            self._plan(read + hours[after] * HOUR, self._answer, offer.pk, says)

    def _answer(self, offer_id: int, says: str, now: datetime) -> None:
        try:
            if says == "yes":
                answers.accept(offer_id=offer_id, by=PATIENT, now=now)
            else:
                is_last = says == "leaves"
                decline(offer_id=offer_id, by=PATIENT, now=now, leaves=is_last)
        except Refused:
            pass  # it was too late, and somebody else has the place
        self._plan_tick(now)
