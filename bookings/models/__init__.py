"""Models: bookings, their appointments, weekly series, audit events, and accesses to patients."""

from bookings.models.access import Access
from bookings.models.appointment import (
    TAKEN,
    Appointment,
    AppointmentStatus,
    read_by,
)
from bookings.models.booking import Booking, Status
from bookings.models.event import ActorKind, Event, Feed
from bookings.models.series import LONGEST, MOST_PLACES, Series

__all__ = [
    "LONGEST",
    "MOST_PLACES",
    "TAKEN",
    "Access",
    "ActorKind",
    "Appointment",
    "AppointmentStatus",
    "Booking",
    "Event",
    "Feed",
    "Series",
    "Status",
    "read_by",
]
