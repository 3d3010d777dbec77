"""Datetimes in UTC and in a location's time zone: parsing, conversion, clock changes, format."""

import re
from datetime import UTC, date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from django.utils import timezone

FORM = re.compile(
    r"(?P<wall>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)"
    r"(?P<offset>[Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?",
    re.ASCII,
)
# Before, zones have odd offsets (local mean time); after, their rules are not known.
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class WallTimeError(ValueError):
    """A time that cannot be parsed, is out of range, or that a clock change skips or repeats."""


def milliseconds(instant: datetime) -> datetime:
    """Truncate to whole milliseconds, the precision of the API."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def now() -> datetime:
    """Return the time now, in UTC and whole milliseconds. Called once a request, then passed on."""
    return milliseconds(timezone.now())


def parse(text: str) -> datetime:
    """Parse an ISO 8601 date and time: in UTC if it has an offset, else naive (a wall time).

    Raises WallTimeError. Digits beyond milliseconds are cut off.
    """
    form = FORM.fullmatch(text)
    try:
        if form is None:
            raise ValueError
        wall = milliseconds(datetime.fromisoformat(form["wall"]))
        offset = form["offset"]
        if offset is None:
            return wall
        aware = datetime.fromisoformat(f"{wall.isoformat()}{offset.upper()}")
    except ValueError:
        raise WallTimeError(
            "Write a date and time as 2026-09-25T16:45:00-06:00, "
            "or without the offset for the location's wall time."
        ) from None
    return within_years(aware)


def within_years(instant: datetime) -> datetime:
    """Convert to UTC. Raises WallTimeError outside 1970 to 2199."""
    try:
        utc = instant.astimezone(UTC)
    except OverflowError:
        utc = None
    if utc is None or not EARLIEST <= utc < LATEST:
        raise WallTimeError("Write a time in the years 1970 to 2199.")
    return utc


def to_instant(moment: datetime, zone: ZoneInfo) -> datetime:
    """Convert what a client sent to UTC; a naive time is wall time in this zone.

    Raises WallTimeError for a wall time that a clock change skips or repeats, and outside 1970 to
    2199.
    """
    if moment.tzinfo is not None:
        return within_years(moment)
    if not EARLIEST.year <= moment.year < LATEST.year:
        raise WallTimeError("Write a time in the years 1970 to 2199.")
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise WallTimeError(
            f"The clocks in {zone.key} go forward then: {moment:%H:%M} does not exist on "
            f"{moment:%Y-%m-%d}. Write another time."
        )
    if first.utcoffset() != second.utcoffset():
        raise WallTimeError(
            f"The clocks in {zone.key} go back then: {moment:%H:%M} exists twice on "
            f"{moment:%Y-%m-%d}. Write it with its UTC offset."
        )
    return within_years(first)


def occurrence(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """Return when a weekly wall time is on this day, in UTC (contract, section 2).

    A time that a clock change skips moves forward by the gap; of one that it repeats, the first is
    taken. Both are what fold=0 means (PEP 495).
    """
    return datetime.combine(day, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins in this zone, in UTC."""
    return occurrence(day, time.min, zone)


def wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """Convert to wall time in this zone, naive."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def iso(instant: datetime, zone: tzinfo) -> str:
    """Format for the API: ISO 8601 with milliseconds and this zone's offset at that instant."""
    return instant.astimezone(zone).isoformat(timespec="milliseconds")
