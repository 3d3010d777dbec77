"""JSON cache: a booking's API representation, stored in its row whenever the booking changes.

A list then only joins stored texts; serializing its rows took longer than the rest of the request.

A stored text is used only where it is what would be written now. A database trigger invalidates it
when the row changes without it (bookings/migrations/0002_rules.py). The row also stores the edition
and the time zone of its text; where either is another now, the JSON is made anew on reading.
"""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import tzdata
from django.db import connection, transaction

from bookings import walltime
from bookings.models import Booking, Status
from openchair.json_text import encode
from practices.models import Kind

EDITION = f"1 {tzdata.IANA_VERSION} "
"""The version of the JSON format, to be raised with every change of it, and of the zone data."""

KEPT_AT_ONCE = 1000
TIME_RANGES = ("morning", "late_morning", "early_afternoon", "late_afternoon")
_RANGES_BEGIN = ((14, 30, 3), (12, 0, 2), (10, 0, 1))


class Row(Protocol):
    """The fields that the JSON is made of; a model instance has them, and so has a row of ROW."""

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


STORED = ("shown", "shown_as", "location__timezone")
"""The columns, for `values_list(*STORED, named=True)`, that `is_current` needs, and the JSON."""

ROW = (*Row.__annotations__, "practice__kind", *STORED)
"""The columns that `of_row` needs."""


def time_range(start: datetime | None, zone: ZoneInfo) -> str | None:
    """Return which of TIME_RANGES the start is in by the zone's wall time; None without one."""
    if start is None:
        return None
    wall = start.astimezone(zone)
    for hour, minute, index in _RANGES_BEGIN:
        if (wall.hour, wall.minute) >= (hour, minute):
            return TIME_RANGES[index]
    return TIME_RANGES[0]


def bounds_of_range(start: datetime, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Return when the part of the day that the start is in begins and ends; None: as the day."""
    wall = walltime.wall_clock(start, zone)
    limits = [time(hour, minute) for hour, minute, _ in _RANGES_BEGIN]
    instants = {each: walltime.occurrence(wall.date(), each, zone) for each in limits}
    begins = max((at for each, at in instants.items() if each <= wall.time()), default=None)
    ends = min((at for each, at in instants.items() if each > wall.time()), default=None)
    return begins, ends


def as_dict(row: Row, zone: ZoneInfo, *, is_range: bool) -> dict[str, Any]:
    """Return the JSON object of one booking; its datetimes have this zone's offset."""
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
    """Whether the stored JSON of a named tuple of STORED is of this edition and its zone."""
    return bool(row.shown_as == EDITION + row.location__timezone)


def of_row(row: Any) -> str:
    """Return the JSON of a named tuple of ROW, stored or made anew."""
    if is_current(row):
        return str(row.shown)
    return _text(row, ZoneInfo(row.location__timezone), row.practice__kind)


def of_booking(booking: Booking) -> str:
    """Return the JSON of a booking that was read with its location and practice."""
    if booking.shown_as == EDITION + booking.location.timezone:
        return booking.shown
    return _text(booking, booking.location.zone, booking.practice.kind)


def write(booking: Booking) -> None:
    """Set the JSON on a booking that is about to be saved."""
    booking.shown = _text(booking, booking.location.zone, booking.practice.kind)
    booking.shown_as = EDITION + booking.location.timezone


@transaction.atomic
def keep(booking_ids: Sequence[str]) -> None:
    """Store the JSON of up to KEPT_AT_ONCE bookings; rows locked by another change are skipped."""
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
