"""Models: bookings, their appointments, weekly series, audit events, and accesses to patients."""

from bookings.models.access import Access
from bookings.models.appointment import (
    ATTRIBUTION,
    TAKEN,
    Appointment,
    AppointmentStatus,
    Attendance,
    Language,
    read_by,
)
from bookings.models.booking import Booking, Status
from bookings.models.call import Call
from bookings.models.event import ActorKind, Event, Feed
from bookings.models.manage_link import ManageLink
from bookings.models.patient_hold import PatientHold
from bookings.models.search_term import SearchTerm
from bookings.models.series import LONGEST, MOST_PLACES, Series

__all__ = [
    "ATTRIBUTION",
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
    "Language",
    "ManageLink",
    "PatientHold",
    "SearchTerm",
    "Series",
    "Status",
    "read_by",
]
