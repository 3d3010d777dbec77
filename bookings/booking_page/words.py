"""Days, times and time zones in a patient's words, in the language of the request."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.dateformat import format as formatted
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from bookings import walltime
from bookings.representation import time_range
from practices.models import Kind, Location

PARTS = {
    "morning": gettext_lazy("Morning, before 10:00 AM"),
    "late_morning": gettext_lazy("Late morning, 10:00 AM to noon"),
    "early_afternoon": gettext_lazy("Early afternoon, noon to 2:30 PM"),
    "late_afternoon": gettext_lazy("Late afternoon, from 2:30 PM"),
}
"""What representation.TIME_RANGES are called."""
_ZONES = {
    "America/New_York": gettext_lazy("Eastern Time"),
    "America/Detroit": gettext_lazy("Eastern Time"),
    "America/Chicago": gettext_lazy("Central Time"),
    "America/Denver": gettext_lazy("Mountain Time"),
    "America/Phoenix": gettext_lazy("Arizona time"),
    "America/Los_Angeles": gettext_lazy("Pacific Time"),
    "America/Anchorage": gettext_lazy("Alaska Time"),
    "Pacific/Honolulu": gettext_lazy("Hawaii Time"),
}


def day(of: date) -> str:
    """Format a day: Tuesday, March 5, 2030."""
    # Translators: a day with its year, in the letters of Django's template filter "date".
    return formatted(of, pgettext("format of a day", "l, F j, Y"))


def day_of(at: datetime, zone: ZoneInfo) -> str:
    """Format the day of an instant by the clock of a zone."""
    return day(walltime.wall_clock(at, zone).date())


def clock(at: datetime, zone: ZoneInfo) -> str:
    """Format the time of an instant: 3:45 PM."""
    wall = walltime.wall_clock(at, zone)
    time = f"{wall.hour % 12 or 12}:{wall.minute:02}"
    if wall.hour < 12:
        # Translators: in Spanish "%(time)s a. m.", with no-break spaces
        return _("%(time)s AM") % {"time": time}
    # Translators: in Spanish "%(time)s p. m.", with no-break spaces
    return _("%(time)s PM") % {"time": time}


def part(at: datetime, zone: ZoneInfo) -> str:
    """Name the part of the day that an instant is in."""
    return str(PARTS[time_range(at, zone) or "morning"])


def opening_time(begins: datetime, location: Location, kind: str) -> str:
    """Format when an opening is: Tuesday, March 5, 2030, 3:45 PM, or its part of the day."""
    zone = location.zone
    of = day_of(begins, zone)
    if kind == Kind.RANGE:
        return _("%(day)s: %(part)s") % {"day": of, "part": part(begins, zone)}
    return _("%(day)s, %(time)s") % {"day": of, "time": clock(begins, zone)}


def in_language(language: str, *, english: str, spanish: str) -> tuple[str, str]:
    """Return what a practice says in both languages, and the language of what is returned.

    It is the other one where it says nothing in this one.
    """
    both = [(english, "en"), (spanish, "es")]
    if language == "es":
        both.reverse()
    return both[0] if both[0][0] else both[1]


def zone_name(zone: ZoneInfo) -> str:
    """Name a time zone: Eastern Time, or Madrid time."""
    if zone.key in _ZONES:
        return str(_ZONES[zone.key])
    city = zone.key.rpartition("/")[2].replace("_", " ")
    return _("%(city)s time") % {"city": city}
