"""Entries of the board: bookings in view at their times, with the names of their patients."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from bookings import walltime
from bookings.desk import labels, times
from bookings.desk.board.query import View
from bookings.desk.desk import Desk
from bookings.desk.times import Time
from bookings.models import Appointment, AppointmentStatus, Booking

COLUMNS = (
    "id",
    "status",
    "length",
    "start_datetime",
    "location_id",
    "doctor_id",
    "total_appointments",
    "places_pending",
    "places_reserved",
    "places_booked",
    "whole_booked",
    "recurring",
)


@dataclass(frozen=True)
class Entry:
    """One entry: a booking, or an appointment with an exact time in a range booking."""

    row: Any
    time: Time
    names: list[str]
    timed: int
    """Number of the booking's appointments with an exact time, which have entries of their own."""


def entries_by_location(desk: Desk, view: View, rows: list[Any]) -> dict[str, list[Entry]]:
    """Return the board's entries by location, in order of time.

    rows: named tuples of COLUMNS.
    """
    zones = {location.pk: location.zone for location in desk.locations}
    ids = [row.id for row in rows]
    appointments, whole = _appointments(desk, view, ids), _whole(view, ids)
    found: dict[str, list[Entry]] = defaultdict(list)
    for row in rows:
        zone, of_row = zones[row.location_id], appointments[row.id]
        shown = times.of_booking(row, of_row, zone, desk.practice.kind)
        timed = [each.appointment for each in shown if each.appointment is not None]
        rest = [each for each in of_row if each not in timed]
        for each in shown:
            if each.day not in view.days:
                continue
            names: list[str] = []
            if not view.is_week and each.appointment is not None:
                names = [labels.patient(each.appointment)]
            elif not view.is_week:
                names = [*_names(rest, zone), *whole.get(row.id, [])]
            found[row.location_id].append(Entry(row, each, names, len(timed)))
    for entries in found.values():
        entries.sort(key=lambda entry: entry.time.at)
    return found


def _appointments(desk: Desk, view: View, ids: list[str]) -> dict[str, list[Appointment]]:
    """Return the appointments of these bookings, by booking; for a week, which has no patients'
    names, only those with an exact time.
    """
    found: dict[str, list[Appointment]] = defaultdict(list)
    if view.is_week and not desk.practice.range_bookings:
        return found
    rows = Appointment.objects.timed() if view.is_week else Appointment.objects.taken()
    for appointment in rows.filter(booking__in=ids).order_by("created_at", "id"):
        found[appointment.booking_id].append(appointment)
    return found


def _whole(view: View, ids: list[str]) -> dict[str, list[str]]:
    """Describe the places taken without a patient, by booking; empty for a week."""
    if view.is_week:
        return {}
    anything = Q(whole_pending__gt=0) | Q(whole_reserved__gt=0) | Q(whole_booked__gt=0)
    taken = Booking.objects.filter(anything, pk__in=ids)
    rows = taken.select_related("location", "whole_partner")
    return {booking.pk: labels.whole(booking) for booking in rows}


def _names(appointments: list[Appointment], zone: ZoneInfo) -> list[str]:
    """List the patients' names, with a note where an appointment is on hold or needs a time."""
    names: Counter[str] = Counter()
    for appointment in appointments:
        name = labels.patient(appointment)
        if appointment.pending_until is not None:
            ends = walltime.wall_clock(appointment.pending_until, zone)
            name = f"{name} (on hold until {labels.clock(ends)})"
        elif appointment.status == AppointmentStatus.RESERVED:
            name = f"{name} (needs a time)"
        names[name] += 1
    return [name if count == 1 else f"{name} × {count}" for name, count in names.items()]
