"""Daylight: the hours of a location's day in which people are told something, and answer."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bookings import walltime

FROM, UNTIL = time(9), time(19)
"""By the location's clock; not at UNTIL itself."""


def first(at: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant of daylight from this one on, in UTC."""
    wall = walltime.wall_clock(at, zone)
    if FROM <= wall.time() < UNTIL:
        return at
    day = wall.date() + timedelta(days=wall.time() >= UNTIL)
    return walltime.occurrence(day, FROM, zone)


def after(at: datetime, span: timedelta, zone: ZoneInfo) -> datetime:
    """Return when this much daylight has passed, in UTC."""
    while True:
        at = first(at, zone)
        ends = walltime.occurrence(walltime.wall_clock(at, zone).date(), UNTIL, zone)
        if at + span <= ends:
            return at + span
        span -= ends - at
        at = ends
