"""A booking as the API shows it: the published fields in their order, then those added."""

from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from bookings import walltime
from bookings.models import PATIENT_FIELDS, Appointment, Booking, Event, Status
from openchair.api.conditional import strong_tag
from practices.models import Kind

TIME_RANGES = ("morning", "late_morning", "early_afternoon", "late_afternoon")
_RANGES_BEGIN = ((14, 30, 3), (12, 0, 2), (10, 0, 1))


class Row(Protocol):
    """What the shape needs of a booking; a model instance has it, and so has a row of ROW."""

    id: str
    status: str
    length: int
    recurring: bool
    start_datetime: datetime | None
    location_id: str
    doctor_id: str
    total_appointments: int
    places_reserved: int
    places_booked: int
    pending_until: datetime | None
    updated_at: datetime
    created_at: datetime


ROW = (*Row.__annotations__, "location__timezone", "practice__kind")


def time_range(start: datetime | None, zone: ZoneInfo) -> str | None:
    """Name the part of the day in which a wall time lies."""
    if start is None:
        return None
    wall = start.astimezone(zone)
    for hour, minute, index in _RANGES_BEGIN:
        if (wall.hour, wall.minute) >= (hour, minute):
            return TIME_RANGES[index]
    return TIME_RANGES[0]


def booking_json(row: Row, zone: ZoneInfo, *, is_range: bool) -> dict[str, Any]:
    """Shape one booking; its datetimes have this zone's offset."""
    closed = row.status == Status.CLOSED
    start, until = row.start_datetime, row.pending_until
    return {
        "id": row.id,
        "status": row.status,
        "length": row.length,
        "recurring": row.recurring,
        "start_datetime": None if start is None else walltime.iso(start, zone),
        "location_id": row.location_id,
        "doctor_id": row.doctor_id,
        "available_appointments": 0
        if closed
        else row.total_appointments - row.places_reserved - row.places_booked,
        "total_appointments": row.total_appointments,
        "updated_at": walltime.iso(row.updated_at, zone),
        "created_at": walltime.iso(row.created_at, zone),
        "range_booking": is_range,
        "time_range": time_range(start, zone) if is_range else None,
        # A hold on one of several places does not make the booking pending.
        "pending_until": walltime.iso(until, zone)
        if until is not None and row.status == Status.PENDING
        else None,
    }


def of_booking(booking: Booking) -> dict[str, Any]:
    """Shape a booking that was read with its location and practice."""
    is_range = booking.practice.kind == Kind.RANGE
    return booking_json(booking, booking.location.zone, is_range=is_range)


def of_row(row: Any) -> dict[str, Any]:
    """Shape a named row of the columns in ROW."""
    is_range = row.practice__kind == Kind.RANGE
    return booking_json(row, ZoneInfo(row.location__timezone), is_range=is_range)


def booking_tag(booking: Booking) -> str:
    """Make the ETag of a booking that was read with its location and practice."""
    shown = (getattr(booking, name) for name in Row.__annotations__)
    return strong_tag(*shown, booking.location.timezone, booking.practice.kind)


def appointment_json(place: Appointment) -> dict[str, Any]:
    """Shape an appointment that was read with its booking, location and practice."""
    booking = place.booking
    zone = booking.location.zone
    start, until = place.exact_time, place.pending_until
    return {
        "id": place.pk,
        "booking_id": booking.pk,
        "status": place.status,
        "start_datetime": None if start is None else walltime.iso(start, zone),
        "location_id": booking.location_id,
        "doctor_id": booking.doctor_id,
        **{name: getattr(place, name) for name in PATIENT_FIELDS},
        "pending_until": None if until is None else walltime.iso(until, zone),
        "updated_at": walltime.iso(place.updated_at, zone),
        "created_at": walltime.iso(place.created_at, zone),
    }


def appointment_tag(place: Appointment) -> str:
    """Make the ETag of an appointment that was read with its booking, location and practice."""
    booking = place.booking
    return strong_tag(
        place.pk,
        place.status,
        place.exact_time,
        booking.location_id,
        booking.doctor_id,
        *(getattr(place, name) for name in PATIENT_FIELDS),
        place.pending_until,
        place.updated_at,
        booking.location.timezone,
    )


def change_json(event: Event, zone: ZoneInfo) -> dict[str, Any]:
    """Shape a change as the feed tells it; what patients say is not in it."""
    return {
        "at": walltime.iso(event.at, zone),
        "booking_id": event.booking_id,
        "appointment_id": event.appointment_id,
        "from_status": event.from_status or None,
        "to_status": event.to_status,
    }
