"""Instants and wall times: UTC inside, the location's wall clock at the edges."""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from django.utils import timezone

FORM = re.compile(
    r"(?P<wall>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)"
    r"(?P<offset>[Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?",
    re.ASCII,
)
# Outside these years zones have odd offsets (local mean time) or are anybody's guess.
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class WallTimeError(ValueError):
    """A time that cannot be understood, or that this wall clock does not show exactly once."""


def milliseconds(instant: datetime) -> datetime:
    """Cut an instant to whole milliseconds, which is all that the API shows."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def now() -> datetime:
    """Read the clock, in UTC and whole milliseconds; once a request, then handed on."""
    return milliseconds(timezone.now())


def parse(text: str) -> datetime:
    """Read an ISO 8601 date and time, aware if it has an offset, else naive: a wall time.

    Raises WallTimeError. Finer than a millisecond is cut off.
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
    """Give the instant back in UTC, or raise WallTimeError outside 1970 to 2199."""
    try:
        utc = instant.astimezone(UTC)
    except OverflowError:
        utc = None
    if utc is None or not EARLIEST <= utc < LATEST:
        raise WallTimeError("Write a time in the years 1970 to 2199.")
    return utc


def to_instant(moment: datetime, zone: ZoneInfo) -> datetime:
    """Give the UTC instant of what a client wrote; a naive time is wall time in this zone.

    Raises WallTimeError for a wall time that does not exist there, or exists twice.
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
    """Give the UTC instant of a repeated wall time on this day (contract, section 2).

    A time that does not exist is moved forward by the gap; of one that exists twice, the first.
    Both are what fold=0 means (PEP 495).
    """
    return datetime.combine(day, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Give the UTC instant at which a day begins in this zone."""
    return occurrence(day, time.min, zone)


def wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """Give what the wall clock shows at an instant, without a zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def iso(instant: datetime, zone: ZoneInfo) -> str:
    """Write an instant as the API does: milliseconds, and this zone's offset at that moment."""
    return instant.astimezone(zone).isoformat(timespec="milliseconds")
