"""Free openings of a practice, for one patient or several side by side: the next, and by day."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby, islice
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet

from bookings import walltime
from bookings.models import Booking, Status
from bookings.representation import time_range
from practices.models import Location, Practice

Rows = TypeVar("Rows", bound=QuerySet[Booking])
WEEKS_AHEAD = (1, 2, 4, 8, 16, 32)
"""What is read at a time, one after another, until there is enough: in all over a year."""
ADJOINING = timedelta(minutes=15)
"""Two openings are one after the other with a gap up to this."""
A_DAY = 3
"""Most options of one day at one location, so that the first ten are a choice of days."""


@dataclass(frozen=True)
class Option:
    """Places side by side: a booking for each person, the same one where it has several free.

    They are at one location: one after the other with one doctor, or begin at the same time. On
    the booking page of a range practice they are of the same part of a day.
    """

    places: tuple[Booking, ...]

    @property
    def begins(self) -> datetime:
        begins = self.places[0].start_datetime
        assert begins is not None  # what is free has a time
        return begins


@dataclass(frozen=True)
class Criteria:
    """What free openings are searched by."""

    people: int
    location_ids: Collection[str]
    doctor_ids: Collection[str] | None
    """None: any."""
    earliest: datetime
    """When openings begin at the earliest, and at the latest."""
    latest: datetime
    own: Mapping[str, int] = field(default_factory=dict)
    """By booking, places that whoever asks holds: they count as free."""


class Free(NamedTuple):
    """A free opening: its id, when it begins and became free (UTC), minutes, free places."""

    pk: str
    start: datetime
    length: int
    location_id: str
    doctor_id: str
    freed_at: datetime | None
    places: int

    @property
    def ends(self) -> datetime:
        return self.start + timedelta(minutes=self.length)


Days = dict[tuple[date, str], list[Free]]
"""Free openings in order of time, by day and location."""


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
    criteria = Criteria(
        people=people,
        location_ids=[at.pk for at in practice.locations.all() if location_id in {None, at.pk}],
        doctor_ids=None if doctor_id is None else [doctor_id],
        earliest=now + timedelta(milliseconds=1),
        latest=walltime.LATEST,
    )
    found = _by_begin(practice, criteria, parts=parts, after=after, but=but)
    return _with_bookings(islice(found, skip, skip + limit))


def days(practice: Practice, criteria: Criteria, *, first: date, limit: int) -> list[date]:
    """Return the first days, in order, on which there is what is asked for, none before `first`.

    By each location's clock. Holds that have ended are free only after `bookings.catch_up`.
    """
    found: list[date] = []
    for begins, ends in _spans(practice, criteria, first):
        found += _days_of(practice, criteria, begins, ends)
        if len(found) >= limit:
            break
    return found[:limit]


def days_before(practice: Practice, criteria: Criteria, *, before: date, limit: int) -> list[date]:
    """Return the last days, in order, as `days` does, all of them before this one."""
    found: list[date] = []
    earliest = min(_local_days(practice, criteria, criteria.earliest), default=before)
    for weeks in WEEKS_AHEAD:
        begins = max(before - timedelta(weeks=weeks), earliest)
        found = _days_of(practice, criteria, begins, before - timedelta(days=1)) + found
        before = begins
        if len(found) >= limit or begins == earliest:
            break
    return found[-limit:]


def of_day(practice: Practice, criteria: Criteria, day: date) -> list[Option]:
    """Return the options of a day by when they begin: one for each time and location.

    In a range practice: one for each part of the day and location.
    Holds that have ended are free only after `bookings.catch_up`.
    """
    options = [
        option
        for openings in read(practice, criteria, day, day).values()
        for option in choice(practice, openings, criteria.people)
    ]
    return _with_bookings(sorted(options, key=_begin))


def nearest(
    practice: Practice, criteria: Criteria, to: datetime, *, zone: ZoneInfo, limit: int
) -> list[Option]:
    """Return the options nearest to an instant, by when they begin; zone: whose day `to` is in.

    They are of that day, the last one before it and the next ones.
    """
    day = walltime.wall_clock(to, zone).date()
    around = days_before(practice, criteria, before=day, limit=1)
    around += days(practice, criteria, first=day, limit=3)
    found = [option for each in around for option in of_day(practice, criteria, each)]
    found.sort(key=lambda option: abs(option.begins - to))
    return sorted(found[:limit], key=lambda option: option.begins)


def beginning_with(practice: Practice, criteria: Criteria, opening: Booking) -> Option | None:
    """Return the option whose first place is in this opening; None where there is none.

    Holds that have ended are free only after `bookings.catch_up`.
    """
    begins, zone = opening.start_datetime, opening.location.zone
    if begins is None:
        return None
    day = walltime.wall_clock(begins, zone).date()
    openings = read(practice, criteria, day, day).get((day, opening.location_id), [])
    first = next((each for each in openings if each.pk == opening.pk), None)
    if first is None:
        return None
    option = starting_at(practice, openings, first, criteria.people)
    return None if option is None else _with_bookings([option])[0]


def starting_at(
    practice: Practice, openings: Sequence[Free], first: Free, people: int
) -> list[Free] | None:
    """Return an opening for each person, beginning with `first`; None where there are not enough.

    openings: the free ones of its day and location, in order of time.
    """
    if practice.range_bookings:
        zone = next(at.zone for at in practice.locations.all() if at.pk == first.location_id)
        part = time_range(first.start, zone)
        others = [each for each in openings if each is not first]
        of_part = [each for each in others if time_range(each.start, zone) == part]
        return _filled([first, *of_part], people)
    later = openings[openings.index(first) + 1 :]
    return _one_after_another(first, later, people) or _together(first, openings, people)


def within(rows: Rows, criteria: Criteria) -> Rows:
    """Keep what begins in the criteria's time, and is of their doctors, free or not."""
    rows = rows.filter(start_datetime__gte=criteria.earliest, start_datetime__lte=criteria.latest)
    if criteria.doctor_ids is not None:
        rows = rows.filter(doctor__in=criteria.doctor_ids)
    return rows


def _with_bookings(options: Iterator[list[Free]] | list[list[Free]]) -> list[Option]:
    chosen = list(options)
    rows = Booking.objects.select_related("location", "doctor", "practice")
    known = rows.in_bulk({free.pk for option in chosen for free in option})
    return [Option(tuple(known[free.pk] for free in option)) for option in chosen]


def _begin(option: Sequence[Free]) -> tuple[datetime, str]:
    return option[0].start, option[0].pk


def _by_begin(
    practice: Practice,
    criteria: Criteria,
    *,
    parts: Collection[str],
    after: date | None,
    but: Collection[str],
) -> Iterator[list[Free]]:
    zones = {each.pk: each.zone for each in _locations(practice, criteria)}
    for begins, ends in _spans(practice, criteria, after or date.min):
        options: list[list[Free]] = []
        for (_, location_id), openings in read(practice, criteria, begins, ends).items():
            zone = zones[location_id]
            offered = [
                each
                for each in openings
                if each.pk not in but and (not parts or time_range(each.start, zone) in parts)
            ]
            options += islice(_side_by_side(offered, criteria.people), A_DAY)
        yield from sorted(options, key=_begin)


def _locations(practice: Practice, criteria: Criteria) -> list[Location]:
    return [each for each in practice.locations.all() if each.pk in criteria.location_ids]


def _local_days(practice: Practice, criteria: Criteria, at: datetime) -> list[date]:
    return [walltime.wall_clock(at, each.zone).date() for each in _locations(practice, criteria)]


def _spans(practice: Practice, criteria: Criteria, first: date) -> Iterator[tuple[date, date]]:
    """Yield first and last day of what is read at a time, from `first` to the latest day."""
    begins = max(first, min(_local_days(practice, criteria, criteria.earliest), default=first))
    latest = max(_local_days(practice, criteria, criteria.latest), default=date.min)
    for weeks in WEEKS_AHEAD:
        if begins > latest:
            return
        ends = min(begins + timedelta(weeks=weeks, days=-1), latest)
        yield begins, ends
        begins = ends + timedelta(days=1)


def read(practice: Practice, criteria: Criteria, first: date, last: date) -> Days:
    """Return the free openings from the first to the last day, by each location's clock."""
    locations = _locations(practice, criteria)
    zones = {each.pk: each.zone for each in locations}
    rows = within(Booking.objects.on_local_days(locations, first, last), criteria)
    openings = _free(rows.filter(status=Status.OPEN))
    if criteria.own:
        mine = _free(rows.not_closed().filter(pk__in=criteria.own))
        openings |= {
            pk: of._replace(places=of.places + criteria.own[pk]) for pk, of in mine.items()
        }
    found: Days = defaultdict(list)
    for each in sorted(openings.values(), key=lambda free: (free.start, free.pk)):
        day = walltime.wall_clock(each.start, zones[each.location_id]).date()
        found[day, each.location_id].append(each)
    return found


def _free(rows: QuerySet[Booking]) -> dict[str, Free]:
    taken = F("places_pending") + F("places_reserved") + F("places_booked")
    columns = rows.values_list(
        "pk",
        "start_datetime",
        "length",
        "location_id",
        "doctor_id",
        "freed_at",
        F("total_appointments") - taken,
    )
    return {row[0]: Free(*row) for row in columns}


def _days_of(practice: Practice, criteria: Criteria, first: date, last: date) -> list[date]:
    """Return the days from first to last, in order, on which there is what is asked for."""
    found = {
        day
        for (day, _), openings in read(practice, criteria, first, last).items()
        if next(choice(practice, openings, criteria.people), None) is not None
    }
    return sorted(found)


def choice(practice: Practice, openings: list[Free], people: int) -> Iterator[list[Free]]:
    """Yield what a patient chooses from, of one day's free openings at one location."""
    if practice.range_bookings:
        zones = {each.pk: each.zone for each in practice.locations.all()}
        zone = zones[openings[0].location_id]
        for _, of_part in groupby(openings, key=lambda free: time_range(free.start, zone)):
            option = _filled([*of_part], people)
            if option is not None:
                yield option
        return
    seen: set[datetime] = set()
    for option in _side_by_side(openings, people):
        if option[0].start not in seen:
            seen.add(option[0].start)
            yield option


def _side_by_side(of_day: Sequence[Free], people: int) -> Iterator[list[Free]]:
    """Yield options of one day at one location, whose free openings are in order of time."""
    seen: set[datetime] = set()
    for nth, begins in enumerate(of_day):
        option = _one_after_another(begins, of_day[nth + 1 :], people)
        if option is None and begins.start not in seen:
            option = _together(begins, of_day, people)
        seen.add(begins.start)
        if option is not None:
            yield option


def _one_after_another(begins: Free, later: Sequence[Free], people: int) -> list[Free] | None:
    chain = [begins]
    for each in later:
        if sum(one.places for one in chain) >= people or each.start > chain[-1].ends + ADJOINING:
            break
        if each.doctor_id == begins.doctor_id and each.start >= chain[-1].ends:
            chain.append(each)
    return _filled(chain, people)


def _together(begins: Free, of_day: Sequence[Free], people: int) -> list[Free] | None:
    same_time = {each.doctor_id: each for each in of_day if each.start == begins.start}
    others = [each for each in same_time.values() if each.doctor_id != begins.doctor_id]
    return _filled([begins, *others], people)


def _filled(openings: Sequence[Free], people: int) -> list[Free] | None:
    """Return an opening for each person, or None where there are not enough places."""
    places = [each for each in openings for _ in range(each.places)]
    return places[:people] if len(places) >= people else None
