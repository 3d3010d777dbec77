"""History of a booking as text, built from its events, which are read-only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bookings.desk import labels
from bookings.models import Booking, Event
from practices.models import Doctor, Location

_FIELDS = {
    "length": "length in minutes",
    "recurring": "repeats weekly",
    "start_datetime": "time",
    "location_id": "location",
    "doctor_id": "doctor",
    "total_appointments": "places",
    "pending_until": "hold ends",
    "whole_pending": "places on hold without a patient",
    "whole_reserved": "places that need a time, without a patient",
    "whole_booked": "places booked without a patient",
    "whole_pending_until": "hold without a patient ends",
}
# Left out: they follow from the appointments' changes, which have lines of their own.
_UNTOLD = {"places_pending", "places_reserved", "places_booked"}
_PATIENT = {"zip_code": "ZIP code", "guardian_name": "guardian", "email": "e-mail"}


@dataclass(frozen=True)
class Line:
    """One line of the history; `at` is wall time at the location, as text."""

    at: str
    who: str
    what: str
    details: list[str]


def of_booking(booking: Booking) -> list[Line]:
    """List the changes of a booking and its appointments, newest first."""
    events = booking.events.select_related("user", "api_key__partner", "appointment__partner")
    zone = booking.location.zone
    names = _names(booking)
    lines = [_line(event, zone, names) for event in events.order_by("-id")]
    return [line for line in lines if line is not None]


def _names(booking: Booking) -> dict[str, str]:
    """Return the names of the practice's locations and doctors by id, past ones too."""
    locations = Location.objects.filter(practice=booking.practice_id).values_list("id", "name")
    doctors = Doctor.objects.filter(practice=booking.practice_id).values_list("id", "name")
    return dict([*locations, *doctors])


def _line(event: Event, zone: ZoneInfo, names: dict[str, str]) -> Line | None:
    details = _details(event, zone, names)
    moved = event.from_status != event.to_status
    if not moved and not details:
        return None
    return Line(
        at=labels.moment_at(event.at, zone) + f", {event.at.astimezone(zone).year}",
        who=labels.who(event),
        what=_what(event, moved),
        details=details,
    )


def _what(event: Event, moved: bool) -> str:
    if event.appointment is None:
        if not event.from_status:
            return f"Opening made: {labels.STATUS[event.to_status].lower()}"
        if not moved:
            return "Opening changed"
        was, now = (labels.STATUS[each] for each in (event.from_status, event.to_status))
        return f"Opening: {was.lower()} → {now.lower()}"
    name = labels.patient(event.appointment)
    became = labels.APPOINTMENT_STATUS[event.to_status].lower()
    if not event.from_status:
        return f"{name}: place {became}"
    if not moved:
        return f"{name}: changed"
    return f"{name}: {labels.APPOINTMENT_STATUS[event.from_status].lower()} → {became}"


def _details(event: Event, zone: ZoneInfo, names: dict[str, str]) -> list[str]:
    told = []
    untold = _UNTOLD | ({"whole_pending_until"} if "pending_until" in event.changes else set())
    for field, pair in event.changes.items():
        if field == "patient_fields":
            told.append("Changed: " + ", ".join(_PATIENT.get(f, f.replace("_", " ")) for f in pair))
        elif field not in untold and event.from_status:
            was, is_now = (_value(field, value, zone, names) for value in pair)
            told.append(f"{_FIELDS.get(field, field).capitalize()}: {was} → {is_now}")
    return told


def _value(field: str, value: Any, zone: ZoneInfo, names: dict[str, str]) -> str:
    if value is None:
        return "none"
    if field in {"start_datetime", "pending_until", "whole_pending_until"}:
        return labels.moment_at(datetime.fromisoformat(value), zone)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return names.get(str(value), str(value))
