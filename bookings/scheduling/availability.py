"""Next free openings of a practice, for one patient or for several side by side."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from django.db.models import F

from bookings import walltime
from bookings.models import Booking, Status
from bookings.representation import time_range
from practices.models import Location, Practice

WEEKS_AHEAD = (1, 2, 4, 8, 16, 32)
"""What is read at a time, one after another, until there is enough: in all over a year."""
ADJOINING = timedelta(minutes=15)
"""Two openings are one after the other with a gap up to this."""
A_DAY = 3
"""Most options of one day at one location, so that the first ten are a choice of days."""


@dataclass(frozen=True)
class Option:
    """Places side by side: a booking for each person, the same one where it has several free.

    They are at one location: one after the other with one doctor, or begin at the same time.
    """

    places: tuple[Booking, ...]


class _Free(NamedTuple):
    pk: str
    start: datetime
    length: int
    location_id: str
    doctor_id: str
    places: int

    @property
    def ends(self) -> datetime:
        return self.start + timedelta(minutes=self.length)


def next_free(
    practice: Practice,
    *,
    now: datetime,
    people: int = 1,
    doctor_id: str | None = None,
    location_id: str | None = None,
    parts: Collection[str] = (),
    after: date | None = None,
    but: Collection[str] = (),
    limit: int = 10,
    skip: int = 0,
) -> list[Option]:
    """Return the earliest options, by when they begin, but at most A_DAY of a day and location.

    parts: of representation.TIME_RANGES; each place begins in one of them. after: the first day,
    by each location's clock; today unless said. but: ids of bookings that are not offered. skip:
    how many options to pass over.
    Holds that have ended are free only after `bookings.catch_up`.
    """
    locations = [each for each in practice.locations.all() if location_id in {None, each.pk}]
    found = _options(
        locations, now=now, people=people, doctor_id=doctor_id, parts=parts, after=after, but=but
    )
    chosen = list(islice(found, skip, skip + limit))
    rows = Booking.objects.select_related("location", "doctor", "practice")
    known = rows.in_bulk({free.pk for option in chosen for free in option})
    return [Option(tuple(known[free.pk] for free in option)) for option in chosen]


def _options(
    locations: Sequence[Location],
    *,
    now: datetime,
    people: int,
    doctor_id: str | None,
    parts: Collection[str],
    after: date | None,
    but: Collection[str],
) -> Iterator[list[_Free]]:
    if not locations:
        return
    zones = {each.pk: each.zone for each in locations}
    today = [walltime.wall_clock(now, zone).date() for zone in zones.values()]
    first = max(min(today), after or date.min)
    for weeks in WEEKS_AHEAD:
        last = first + timedelta(weeks=weeks, days=-1)
        rows = Booking.objects.filter(status=Status.OPEN, start_datetime__gt=now)
        rows = rows.on_local_days(locations, first, last).exclude(pk__in=but)
        if doctor_id is not None:
            rows = rows.filter(doctor=doctor_id)
        taken = F("places_pending") + F("places_reserved") + F("places_booked")
        days: dict[tuple[date, str], list[_Free]] = defaultdict(list)
        for row in rows.order_by("start_datetime", "id").values_list(
            "pk",
            "start_datetime",
            "length",
            "location_id",
            "doctor_id",
            F("total_appointments") - taken,
        ):
            free = _Free(*row)
            zone = zones[free.location_id]
            if not parts or time_range(free.start, zone) in parts:
                day = walltime.wall_clock(free.start, zone).date()
                days[day, free.location_id].append(free)
        options = [
            option for of_day in days.values() for option in islice(_of_day(of_day, people), A_DAY)
        ]
        yield from sorted(options, key=lambda option: (option[0].start, option[0].pk))
        first = last + timedelta(days=1)


def _of_day(of_day: Sequence[_Free], people: int) -> Iterator[list[_Free]]:
    """Yield options of one day at one location, whose free openings are in order of time."""
    seen: set[datetime] = set()
    for nth, begins in enumerate(of_day):
        option = _one_after_another(begins, of_day[nth + 1 :], people)
        if option is None and begins.start not in seen:
            together = {each.doctor_id: each for each in of_day if each.start == begins.start}
            option = _filled([*together.values()], people)
        seen.add(begins.start)
        if option is not None:
            yield option


def _one_after_another(begins: _Free, later: Sequence[_Free], people: int) -> list[_Free] | None:
    chain = [begins]
    for each in later:
        if sum(one.places for one in chain) >= people or each.start > chain[-1].ends + ADJOINING:
            break
        if each.doctor_id == begins.doctor_id and each.start >= chain[-1].ends:
            chain.append(each)
    return _filled(chain, people)


def _filled(openings: Sequence[_Free], people: int) -> list[_Free] | None:
    """Return an opening for each person, or None where there are not enough places."""
    places = [each for each in openings for _ in range(each.places)]
    return places[:people] if len(places) >= people else None
