"""Who on a waiting list fits what is free, and in which order."""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Literal
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from bookings import walltime
from bookings.models import (
    BOOKED,
    WEEKDAYS,
    Appointment,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.representation import time_range
from bookings.scheduling import availability, holds
from bookings.scheduling.availability import Criteria, Days, Free
from practices.models import Practice

WhyNot = Literal[
    "location", "doctor", "day", "weekday", "part", "later", "was_free", "left", "offered"
]
"""What is wrong with an opening for somebody. Of who wants an earlier time, later: their visit is
before it; was_free: it was free when they joined; left: a visit was moved out of it since. offered:
it was offered to them already."""


@dataclass(frozen=True)
class Candidate:
    """Somebody on the list to whom places can be offered.

    before: of who wants an earlier time, when their first visit is, in UTC. left: the openings that
    visits of theirs were moved out of since they joined. offered: the first openings of what they
    were offered already. Neither are offered to them. has_offer: whether one of them is open.
    """

    entry: WaitlistEntry
    people: int
    before: datetime | None
    left: Collection[str]
    offered: Collection[str]
    has_offer: bool = False


def live_visits(entry: WaitlistEntry, now: datetime) -> list[Appointment]:
    """Return the visits of an entry that are booked and to come, in the order of their times."""
    begins = {each: each.starts_at for each in entry.visits.all() if each.status in BOOKED}
    to_come = [(at, each.pk, each) for each, at in begins.items() if at is not None and at > now]
    return [each for *_, each in sorted(to_come)]


def in_turn(practice: Practice, now: datetime) -> list[Candidate]:
    """Return those who can be offered places, in the order in which they are."""
    return candidates(WaitlistEntry.objects.filter(practice=practice).in_turn(now), now)


def candidates(entries: QuerySet[WaitlistEntry], now: datetime) -> list[Candidate]:
    """Return entries with what they can be offered, as `candidate` does, in their order."""
    # Two statements for all, as a prefetch is, without a manager and a queryset for each entry.
    offered: dict[str, set[str]] = defaultdict(set)
    has_offer: set[str] = set()
    past = WaitlistOffer.objects.filter(entry__in=entries.order_by())
    for entry_id, booking_id, outcome in past.values_list("entry", "booking", "outcome"):
        offered[entry_id].add(booking_id)
        if outcome is None:
            has_offer.add(entry_id)
    wants_earlier = entries.filter(visits__isnull=False).distinct()
    visiting = {each.pk: each for each in wants_earlier.prefetch_related(*RELATED)}
    found = (
        candidate(visiting[entry.pk], now)
        if entry.pk in visiting
        else Candidate(entry, entry.people, None, (), offered[entry.pk], entry.pk in has_offer)
        for entry in entries
    )
    return [each for each in found if each is not None]


RELATED = ("offers", "visits__booking__practice", "visits__events")
"""What `candidate` reads of an entry, to prefetch it for many."""


def candidate(entry: WaitlistEntry, now: datetime) -> Candidate | None:
    """Return an entry with what it can be offered; None where the visit is not to come any more."""
    visits, before = live_visits(entry, now), None
    if entry.visits.all():
        if not visits:
            return None
        before = visits[0].starts_at
    events = (event for visit in entry.visits.all() for event in visit.events.all())
    moves = (each for each in events if each.at > entry.created_at and "booking_id" in each.changes)
    offers = entry.offers.all()
    return Candidate(
        entry,
        len(visits) or entry.people,
        before,
        left={each.changes["booking_id"][0] for each in moves},
        offered={each.booking_id for each in offers},
        has_offer=any(each.outcome is None for each in offers),
    )


def is_before(who: Candidate, begins: Iterable[datetime]) -> bool:
    """Whether places are earlier than the visits of who wants an earlier time; of others they are.

    begins: in UTC.
    """
    return who.before is None or all(each < who.before for each in begins)


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
    return next(Openings(practice, days).options(who), None)


class Openings:
    """What is free, arranged so that many can be asked one after the other."""

    def __init__(self, practice: Practice, days: Days) -> None:
        self.practice = practice
        self._days = sorted(days.items())
        self._zones = {each.pk: each.zone for each in practice.locations.all()}
        self._kinds = [self._kinds_of(location_id, free) for (_, location_id), free in self._days]
        self._wanted: dict[Hashable, list[tuple[date, list[Free]]]] = {}

    def has(self, booking_id: str) -> bool:
        return any(free.pk == booking_id for _, openings in self._days for free in openings)

    def _kinds_of(self, location_id: str, openings: list[Free]) -> set[tuple[str, str | None]]:
        zone = self._zones[location_id]
        return {(each.doctor_id, time_range(each.start, zone)) for each in openings}

    def options(self, who: Candidate) -> Iterator[list[Free]]:
        """Yield what somebody can be offered, by day: side by side for several people."""
        for _, at_locations in groupby(self._wanted_by(who.entry), key=itemgetter(0)):
            found: list[list[Free]] = []
            for _, openings in at_locations:
                wanted = [each for each in openings if _why_not_to_them(who, each) is None]
                if wanted:
                    found += availability.choice(self.practice, wanted, who.people)
            yield from sorted(found, key=lambda option: (option[0].start, option[0].pk))

    def _wanted_by(self, entry: WaitlistEntry) -> list[tuple[date, list[Free]]]:
        """Return what is as an entry wishes, by day and location; worked out once for all alike."""
        lists = (entry.location_ids, entry.doctor_ids, entry.weekdays, entry.parts)
        wishes = (*map(tuple, lists), entry.earliest, entry.latest)
        if wishes not in self._wanted:
            self._wanted[wishes] = [
                (day, wanted)
                for ((day, location_id), openings), kinds in zip(
                    self._days, self._kinds, strict=True
                )
                if _why_not_there(entry, location_id, day) is None
                and any(_why_not_so(entry, *kind) is None for kind in kinds)
                and (wanted := self._of_kind(entry, location_id, openings))
            ]
        return self._wanted[wishes]

    def _of_kind(self, entry: WaitlistEntry, location_id: str, openings: list[Free]) -> list[Free]:
        zone = self._zones[location_id]
        return [
            each
            for each in openings
            if _why_not_so(entry, each.doctor_id, time_range(each.start, zone)) is None
        ]

    def take(self, option: list[Free]) -> None:
        """Take places out of what is free."""
        taken = Counter(each.pk for each in option)
        for _, openings in self._days:
            if any(free.pk in taken for free in openings):
                left = (free._replace(places=free.places - taken[free.pk]) for free in openings)
                openings[:] = [free for free in left if free.places > 0]
        self._wanted = {}


def why_not(who: Candidate, free: Free, zone: ZoneInfo) -> WhyNot | None:
    """Return why an opening is not offered to somebody; None where nothing is wrong.

    For several people there may still be no place beside it.
    """
    entry, day = who.entry, walltime.wall_clock(free.start, zone).date()
    return (
        _why_not_there(entry, free.location_id, day)
        or _why_not_so(entry, free.doctor_id, time_range(free.start, zone))
        or _why_not_to_them(who, free)
    )


def _why_not_there(entry: WaitlistEntry, location_id: str, day: date) -> WhyNot | None:
    if entry.location_ids and location_id not in entry.location_ids:
        return "location"
    if day < (entry.earliest or date.min) or day > (entry.latest or date.max):
        return "day"
    return "weekday" if entry.weekdays and WEEKDAYS[day.weekday()] not in entry.weekdays else None


def _why_not_so(entry: WaitlistEntry, doctor_id: str, part: str | None) -> WhyNot | None:
    if entry.doctor_ids and doctor_id not in entry.doctor_ids:
        return "doctor"
    return "part" if entry.parts and part not in entry.parts else None


def _why_not_to_them(who: Candidate, free: Free) -> WhyNot | None:
    if who.before is not None:
        if free.start >= who.before:
            return "later"
        # They saw it, and chose a later one.
        if free.freed_at is None or free.freed_at <= who.entry.created_at:
            return "was_free"
        if free.pk in who.left:
            return "left"
    return "offered" if free.pk in who.offered else None
