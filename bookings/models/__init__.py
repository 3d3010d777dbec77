"""Models: bookings, their appointments, weekly series, audit events, and accesses to patients."""

from bookings.models.access import Access
from bookings.models.appointment import (
    TAKEN,
    Appointment,
    AppointmentStatus,
    Attendance,
    read_by,
)
from bookings.models.booking import Booking, Status
from bookings.models.call import Call
from bookings.models.event import ActorKind, Event, Feed
from bookings.models.search_term import SearchTerm
from bookings.models.series import LONGEST, MOST_PLACES, Series

__all__ = [
    "LONGEST",
    "MOST_PLACES",
    "TAKEN",
    "Access",
    "ActorKind",
    "Appointment",
    "AppointmentStatus",
    "Attendance",
    "Booking",
    "Call",
    "Event",
    "Feed",
    "SearchTerm",
    "Series",
    "Status",
    "read_by",
]
