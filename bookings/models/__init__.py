"""Openings, the places in them, the series they repeat in, and the record of what happened."""

from bookings.models.appointment import (
    NOT_IN_CLEAR,
    SEALED,
    TAKEN,
    Appointment,
    PlaceStatus,
    read_by,
)
from bookings.models.booking import LONGEST, MOST_PLACES, Booking, Series, Status
from bookings.models.record import Access, ActorKind, Event, Feed

__all__ = [
    "LONGEST",
    "MOST_PLACES",
    "NOT_IN_CLEAR",
    "SEALED",
    "TAKEN",
    "Access",
    "ActorKind",
    "Appointment",
    "Booking",
    "Event",
    "Feed",
    "PlaceStatus",
    "Series",
    "Status",
    "read_by",
]
