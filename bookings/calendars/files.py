"""Parts of every iCalendar file (RFC 5545): the file itself, wall times, an address in one line."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from practices.models import Location

CONTENT_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"


def file(
    events: Iterable[Event],
    *,
    method: str,
    product: str,
    years: range,
    headers: Mapping[str, tuple[Any, dict[str, str]]] | None = None,
) -> bytes:
    """Return a file of these events, with the clock changes of these years in their zones.

    headers: more properties of the file, by name: the value and its parameters.
    """
    calendar = Calendar()
    calendar.add("prodid", f"-//OpenChair//{product}//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    for name, (value, parameters) in (headers or {}).items():
        calendar.add(name, value, parameters=parameters)
    for event in events:
        calendar.add_component(event)
    # By default it writes the clock changes of 68 years.
    calendar.add_missing_timezones(date(years.start, 1, 1), date(years.stop, 1, 1))
    return bytes(calendar.to_ical())


def at(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return an instant as wall time; in UTC where clocks that go back show that time twice.

    The first of the two is meant then (RFC 5545, 3.3.5), but calendars read the second one, too.
    """
    local = instant.astimezone(zone)
    is_shown_twice = len({local.replace(fold=fold).utcoffset() for fold in (0, 1)}) > 1
    return instant if is_shown_twice else local


def address(location: Location) -> str:
    """Format a location's name and postal address in one line."""
    region = f"{location.state} {location.zip}".strip()
    parts = [location.name, location.street_address, location.city, region]
    return ", ".join(part for part in parts if part)
