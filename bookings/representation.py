"""A booking as the API shows it, in JSON: written once, when it changes, beside its row.

Reading is then joining texts; shaping rows anew took longer than all else that a list does.

A text is used only where it is what would be written now. The database takes it away from a row
that changes without it (bookings/migrations/0002_rules.py), and with it is kept under which edition
and for which zone it was written. Where it is of another edition or zone, it is written on reading.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import tzdata
from django.db import connection, transaction

from bookings import walltime
from bookings.models import Booking, Status
from openchair.json_text import encode
from practices.models import Kind

EDITION = f"1 {tzdata.IANA_VERSION} "
"""Which shape this is, to be raised with every change of it, and whose offsets are in it."""

KEPT_AT_ONCE = 1000
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


ROW = (*Row.__annotations__, "location__timezone", "practice__kind", "shown", "shown_as")
"""The columns, by their names in a query, that a row has to have for its JSON to be given."""


def time_range(start: datetime | None, zone: ZoneInfo) -> str | None:
    """Name the part of the day in which a wall time lies."""
    if start is None:
        return None
    wall = start.astimezone(zone)
    for hour, minute, index in _RANGES_BEGIN:
        if (wall.hour, wall.minute) >= (hour, minute):
            return TIME_RANGES[index]
    return TIME_RANGES[0]


def as_dict(row: Row, zone: ZoneInfo, *, is_range: bool) -> dict[str, Any]:
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


def _text(row: Row, zone: ZoneInfo, kind: str) -> str:
    shape = as_dict(row, zone, is_range=kind == Kind.RANGE)
    return encode(shape)


def is_current(row: Any) -> bool:
    """Say whether what is kept beside a named row of the columns in ROW would be written now."""
    return bool(row.shown_as == EDITION + row.location__timezone)


def of_row(row: Any) -> str:
    """Give the JSON of a named row of the columns in ROW."""
    if is_current(row):
        return str(row.shown)
    return _text(row, ZoneInfo(row.location__timezone), row.practice__kind)


def of_booking(booking: Booking) -> str:
    """Give the JSON of a booking that was read with its location and practice."""
    if booking.shown_as == EDITION + booking.location.timezone:
        return booking.shown
    return _text(booking, booking.location.zone, booking.practice.kind)


def write(booking: Booking) -> None:
    """Put the JSON on a booking that is about to be saved."""
    booking.shown = _text(booking, booking.location.zone, booking.practice.kind)
    booking.shown_as = EDITION + booking.location.timezone


@transaction.atomic
def keep(booking_ids: Sequence[str]) -> None:
    """Write the JSON beside rows, for who reads next; those that are changing now are left out."""
    known = Booking.objects.select_related("location", "practice").filter(
        pk__in=booking_ids[:KEPT_AT_ONCE]
    )
    bookings = list(known.select_for_update(of=("self",), no_key=True, skip_locked=True))
    for booking in bookings:
        write(booking)
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE bookings_booking SET shown = %s, shown_as = %s WHERE id = %s",
            [(booking.shown, booking.shown_as, booking.pk) for booking in bookings],
        )
