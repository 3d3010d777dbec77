"""The board's month: how many places are free and taken on each day."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from bookings import walltime
from bookings.desk import labels
from bookings.desk.board.entries import Entry
from bookings.desk.board.query import View
from bookings.desk.desk import Desk
from bookings.models import Status


@dataclass
class Day:
    """A day of the month with its counts of places, at all locations in view."""

    date: date
    name: str
    query: str
    is_today: bool
    is_outside: bool
    """Of the month before or after."""
    free: int = 0
    taken: int = 0
    unused: int = 0


def weeks(desk: Desk, view: View, entries: dict[str, list[Entry]]) -> list[list[Day]]:
    """Return the month's days by weeks, Monday first."""
    by_day: dict[date, list[Entry]] = defaultdict(list)
    today = set()
    for location in view.locations(desk):
        today.add(walltime.wall_clock(desk.now, location.zone).date())
        for entry in entries[location.pk]:
            if view.doctor in {"", entry.row.doctor_id}:
                by_day[entry.time.day].append(entry)
    days = [_day(view, each, by_day[each], is_today=each in today) for each in view.days]
    return [days[nth : nth + 7] for nth in range(0, len(days), 7)]


def _day(view: View, day: date, entries: list[Entry], *, is_today: bool) -> Day:
    made = Day(
        date=day,
        name=labels.long_day(day),
        query=view.query(view="day", day=day.isoformat()),
        is_today=is_today,
        is_outside=day.month != view.day.month,
    )
    for entry in entries:
        if entry.time.appointment is not None:
            made.taken += 1
        elif entry.row.status != Status.CLOSED:
            made.taken += entry.row.total_appointments - entry.free - entry.timed
            made.unused += entry.free if entry.is_past else 0
            made.free += 0 if entry.is_past else entry.free
    return made
