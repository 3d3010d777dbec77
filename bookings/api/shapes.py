"""Appointments and changes as the API shows them (bookings: bookings/representation.py)."""

from typing import Any
from zoneinfo import ZoneInfo

from bookings import walltime
from bookings.models import Appointment, Event
from openchair.api.conditional import strong_tag


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
        **place.person._asdict(),
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
        *place.person,
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
