"""Periods of the page Reports, in days of each location's calendar, and their weeks."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, Q, Value, When

from bookings import walltime
from practices.models import Location

WEEK = timedelta(weeks=1)
DEFAULT = "8-weeks"


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _last_month(today: date) -> tuple[date, date]:
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def _a_year(today: date) -> tuple[date, date]:
    # In a leap year, of February 29: the 28th.
    before = today.replace(
        year=today.year - 1, day=min(today.day, 28) if today.month == 2 else today.day
    )
    return before, today


PERIODS: dict[str, tuple[str, Callable[[date], tuple[date, date]]]] = {
    "week": ("This week", lambda today: (monday(today), today)),
    "4-weeks": ("Last 4 weeks", lambda today: (monday(today) - 4 * WEEK, today)),
    DEFAULT: ("Last 8 weeks", lambda today: (monday(today) - 8 * WEEK, today)),
    "month": ("This month", lambda today: (today.replace(day=1), today)),
    "last-month": ("Last month", _last_month),
    "12-months": ("Last 12 months", _a_year),
}
"""By their names in addresses: what they are called, and from today their first and last day."""


@dataclass(frozen=True)
class Window:
    """A period at the locations of one time zone: days, and instants from which to before which.

    It ends now, if its last day is today: what is still to come did not take place.
    """

    locations: tuple[str, ...]
    zone: ZoneInfo
    first: date
    last: date
    begins: datetime
    ends: datetime

    @property
    def mondays(self) -> list[date]:
        """The Mondays of its weeks."""
        count = (self.last - monday(self.first)).days // 7 + 1
        return [monday(self.first) + nth * WEEK for nth in range(count)]


def windows(locations: Iterable[Location], name: str, now: datetime) -> list[Window]:
    """Return a period's windows, one for each time zone."""
    by_zone: dict[str, list[str]] = defaultdict(list)
    for each in locations:
        by_zone[each.timezone].append(each.pk)
    found = []
    for key, ids in by_zone.items():
        zone = ZoneInfo(key)
        first, last = PERIODS[name][1](walltime.wall_clock(now, zone).date())
        begins = walltime.start_of_day(first, zone)
        ends = min(now, walltime.start_of_day(last + timedelta(days=1), zone))
        found.append(Window(tuple(ids), zone, first, last, begins, ends))
    return found


def within(found: Sequence[Window], at: str, booking: str = "") -> Q:
    """Filter rows to the windows. at: the lookup of their time; booking: of their booking."""
    # The whole span first, for the index of a practice's times.
    span = Q(
        **{
            f"{at}__gte": min(each.begins for each in found),
            f"{at}__lt": max(each.ends for each in found),
        }
    )
    if len(found) == 1:
        return span
    one_of = Q()
    for each in found:
        times = {f"{at}__gte": each.begins, f"{at}__lt": each.ends}
        one_of |= Q(**times, **{f"{booking}location__in": each.locations})
    return span & one_of


def week(found: Sequence[Window], at: str, booking: str = "") -> Any:
    """Return the expression of a row's week, as days from date.min to its Monday.

    By comparisons with the instants at which weeks begin: on SQLite, functions of time zones are
    Python, called for each row.
    """
    if len(found) == 1:
        return _week(found[0].mondays, found[0].zone, at)
    return Case(
        *(
            When(
                Q(**{f"{booking}location__in": each.locations}),
                then=_week(each.mondays, each.zone, at),
            )
            for each in found
        )
    )


def _week(mondays: list[date], zone: ZoneInfo, at: str) -> Any:
    if len(mondays) == 1:
        return Value(mondays[0].toordinal())
    half = len(mondays) // 2
    begins = walltime.start_of_day(mondays[half], zone)
    earlier, later = (_week(part, zone, at) for part in (mondays[:half], mondays[half:]))
    return Case(When(Q(**{f"{at}__lt": begins}), then=earlier), default=later)
