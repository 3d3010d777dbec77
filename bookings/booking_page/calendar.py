"""Calendar entry of a visit (iCalendar, RFC 5545): a file to download, and a part of a mail.

It has no name of a patient, and is the same entry in a calendar whenever it is made anew: the same
UID, with a SEQUENCE that rises when the visit gets another time, another place or another status.
"""

from datetime import datetime, timedelta
from urllib.parse import quote

from django.utils.translation import gettext as _
from icalendar import Event

from bookings import walltime
from bookings.calendars import files, sequences
from bookings.models import Appointment, AppointmentStatus
from practices.models import Location

_STATUS: dict[str, str] = {
    AppointmentStatus.RESERVED: "TENTATIVE",
    AppointmentStatus.BOOKED: "CONFIRMED",
    AppointmentStatus.CANCELLED: "CANCELLED",
}
"""Of visits that have a calendar file; a hold has none."""
_IN_MAILTO = "@!$'*+"


def for_visit(appointment: Appointment, *, link: str, now: datetime) -> bytes | None:
    """Return the calendar file of a visit in the active language; None where it can have none.

    Published (METHOD:PUBLISH): nobody is invited (RFC 5546, 3.2.1).
    appointment: read with its booking's location and practice. link: the whole address of its
    manage page. A range visit whose exact time the office has yet to give is an entry of the whole
    day that says so: the family keeps that day free, and nobody comes at the time of the opening.
    """
    event = _entry(appointment, link=link, now=now)
    return None if event is None else _file(event, "PUBLISH")


def invitation(
    appointment: Appointment, *, link: str, now: datetime, organizer: tuple[str, str], attendee: str
) -> tuple[str, bytes] | None:
    """Return the METHOD of the calendar part of a mail, and the part; None where it has none.

    What has no METHOD:REQUEST, calendars do not update from mail, and what has no METHOD:CANCEL
    they do not remove (RFC 5546, 3.2.2 and 3.2.5). organizer: name and address of the sender, to
    whom calendars answer. attendee: the address; it has accepted, so that nobody is asked.
    Otherwise as `for_visit`.
    """
    event = _entry(appointment, link=link, now=now)
    if event is None:
        return None
    name, address = organizer
    event.add("organizer", _mailto(address), parameters={"CN": name})
    said = {"PARTSTAT": "ACCEPTED", "RSVP": "FALSE"}
    event.add("attendee", _mailto(attendee), parameters=said)
    is_cancelled = appointment.status == AppointmentStatus.CANCELLED
    method = "CANCEL" if is_cancelled else "REQUEST"
    return method, _file(event, method)


def _entry(appointment: Appointment, *, link: str, now: datetime) -> Event | None:
    booking, begins = appointment.booking, _begins(appointment)
    if begins is None:
        return None
    practice, location = booking.practice, booking.location
    summary = _("Visit at %(practice)s") % {"practice": practice.name}
    event = Event()
    if appointment.exact_time is None:
        day = walltime.wall_clock(begins, location.zone).date()
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
        event.add("transp", "TRANSPARENT")
        summary = _("%(visit)s, time to be set") % {"visit": summary}
    else:
        event.add("dtstart", files.at(begins, location.zone))
        event.add("dtend", files.at(begins + timedelta(minutes=booking.length), location.zone))
    event.add("uid", f"{appointment.pk}@{practice.pk}.openchair")
    event.add("sequence", sequences.of_visits([appointment.pk])[appointment.pk])
    event.add("dtstamp", now)
    event.add("status", _STATUS[appointment.status])
    event.add("class", "PRIVATE")
    event.add("summary", summary)
    event.add("location", files.address(location))
    event.add("description", _description(link, location))
    return event


def has_file(appointment: Appointment) -> bool:
    return _begins(appointment) is not None


def _begins(appointment: Appointment) -> datetime | None:
    if appointment.status not in _STATUS:
        return None
    return appointment.starts_at


def _description(link: str, location: Location) -> str:
    lines = [_("To see, move or cancel this visit: %(link)s") % {"link": link}]
    if location.office_phone:
        lines.append(_("Office phone: %(phone)s") % {"phone": location.office_phone})
    return "\n".join(lines)


def _mailto(address: str) -> str:
    """Return the URL of an address (RFC 6068)."""
    return f"mailto:{quote(address, safe=_IN_MAILTO)}"


def _file(event: Event, method: str) -> bytes:
    year = event.start.year
    years = range(year - 1, year + 2)
    return files.file([event], method=method, product="Visit", years=years)
