"""Who on a waiting list fits what is free, and in which order."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from bookings import walltime
from bookings.models import BOOKED, WEEKDAYS, Appointment, WaitlistEntry
from bookings.representation import time_range
from bookings.scheduling import availability, holds
from bookings.scheduling.availability import Criteria, Days, Free
from practices.models import Practice

WhyNot = Literal["location", "doctor", "day", "weekday", "part", "later", "was_free", "offered"]
"""What is wrong with an opening for somebody. later: their visit is before it. was_free: it was
free when they joined, who want an earlier time. offered: it was offered to them already."""


@dataclass(frozen=True)
class Candidate:
    """Somebody on the list to whom places can be offered.

    before: of who wants an earlier time, when their first visit is, in UTC. offered: the openings
    that they were offered already, which are not offered to them again.
    """

    entry: WaitlistEntry
    people: int
    before: datetime | None
    offered: Collection[str]


def live_visits(entry: WaitlistEntry, now: datetime) -> list[Appointment]:
    """Return the visits of an entry that are booked and to come, in the order of their times."""
    found = [
        (each.exact_time or each.booking.start_datetime, each)
        for each in entry.visits.all()
        if each.status in BOOKED
    ]
    to_come = [(at, each) for at, each in found if at is not None and at > now]
    return [each for _, each in sorted(to_come, key=lambda pair: (pair[0], pair[1].pk))]


def in_turn(practice: Practice, now: datetime) -> list[Candidate]:
    """Return those who can be offered places, in the order in which they are."""
    rows = WaitlistEntry.objects.filter(practice=practice).in_turn(now)
    rows = rows.prefetch_related("offers", "visits__booking__practice")
    found = (candidate(entry, now) for entry in rows)
    return [each for each in found if each is not None]


def candidate(entry: WaitlistEntry, now: datetime) -> Candidate | None:
    """Return an entry with what it can be offered; None where the visit is not to come any more."""
    visits, before = live_visits(entry, now), None
    if entry.visits.all():
        if not visits:
            return None
        before = visits[0].exact_time or visits[0].booking.start_datetime
    offered = {each.booking_id for each in entry.offers.all()}
    return Candidate(entry, len(visits) or entry.people, before, offered)


def free_days(
    practice: Practice,
    now: datetime,
    *,
    first: date = date.min,
    last: date = date.max,
    own: Mapping[str, int] | None = None,
) -> Days:
    """Return the free openings that can be offered, by day and location.

    first, last: the days; any unless said. own: by booking, places that count as free as well.
    """
    criteria = Criteria(
        people=1,
        location_ids=[each.pk for each in practice.locations.all()],
        doctor_ids=None,
        earliest=now + holds.NEAREST,
        latest=walltime.LATEST,
        own=own or {},
    )
    first = max(first, walltime.EARLIEST.date())
    return availability.read(practice, criteria, first, min(last, _LAST_DAY))


_LAST_DAY = date(2199, 12, 30)


def first_option(who: Candidate, practice: Practice, days: Days) -> list[Free] | None:
    """Return the earliest places that somebody can be offered: an opening for each person."""
    return next(options(who, practice, days), None)


def options(who: Candidate, practice: Practice, days: Days) -> Iterator[list[Free]]:
    """Yield what somebody can be offered, by day: side by side for several people."""
    zones = {each.pk: each.zone for each in practice.locations.all()}
    for day in sorted({day for day, _ in days}):
        found: list[list[Free]] = []
        for location_id, zone in zones.items():
            openings = days.get((day, location_id), [])
            wanted = [each for each in openings if _why_not(who, each, day, zone) is None]
            if wanted:
                found += availability.choice(practice, wanted, who.people)
        yield from sorted(found, key=lambda option: (option[0].start, option[0].pk))


def why_not(who: Candidate, free: Free, zone: ZoneInfo) -> WhyNot | None:
    """Return why an opening is not offered to somebody; None where nothing is wrong.

    For several people there may still be no place beside it.
    """
    return _why_not(who, free, walltime.wall_clock(free.start, zone).date(), zone)


def _why_not(who: Candidate, free: Free, day: date, zone: ZoneInfo) -> WhyNot | None:
    entry = who.entry
    if entry.location_ids and free.location_id not in entry.location_ids:
        return "location"
    if entry.doctor_ids and free.doctor_id not in entry.doctor_ids:
        return "doctor"
    if day < (entry.earliest or date.min) or day > (entry.latest or date.max):
        return "day"
    if entry.weekdays and WEEKDAYS[day.weekday()] not in entry.weekdays:
        return "weekday"
    if entry.parts and time_range(free.start, zone) not in entry.parts:
        return "part"
    if who.before is not None:
        if free.start >= who.before:
            return "later"
        # They saw it, and chose a later one.
        if free.freed_at is None or free.freed_at <= entry.created_at:
            return "was_free"
    return "offered" if free.pk in who.offered else None
