"""What a family on the waiting list waits for, in a patient's words."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.dates import WEEKDAYS as NAMES
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from bookings.booking_page import words
from bookings.models import WEEKDAYS, WaitlistEntry
from practices.models import Doctor, Location


def of(entry: WaitlistEntry) -> list[tuple[str, str]]:
    """Return labels and what they are of; with nothing that is any to the family."""
    weekdays = [str(NAMES[nth]) for nth, each in enumerate(WEEKDAYS) if each in entry.weekdays]
    parts = [str(name) for each, name in words.PARTS.items() if each in entry.parts]
    found = [
        (_("People"), str(entry.people) if entry.people > 1 else ""),
        (_("Where"), ", ".join(each.name for each in locations(entry))),
        (_("Days of the week"), ", ".join(weekdays)),
        (_("Time of day"), "; ".join(parts)),
        (_("Not before"), _day(entry.earliest)),
        (_("Not after"), _day(entry.latest)),
    ]
    return [(label, capfirst(told)) for label, told in found if told]


def locations(entry: WaitlistEntry) -> list[Location]:
    """Return the locations that a family wants; none where it is any."""
    return list(entry.practice.locations.filter(pk__in=entry.location_ids))


def office(entry: WaitlistEntry) -> Location | None:
    """Return the location by whose clock days are said, and whose phone: the first that fits."""
    return next(iter(locations(entry) or entry.practice.locations.all()), None)


def day(at: datetime, entry: WaitlistEntry) -> str:
    """Format the day of an instant by the office's clock."""
    location = office(entry)
    return words.day_of(at, ZoneInfo("UTC") if location is None else location.zone)


def doctors(entry: WaitlistEntry) -> str:
    """Return the names of the doctors that a family wants; empty where it is any."""
    wanted = Doctor.objects.filter(practice=entry.practice, pk__in=entry.doctor_ids)
    return ", ".join(each.name for each in wanted)


def _day(of: date | None) -> str:
    return "" if of is None else words.day(of)
