"""Entries of the board: bookings in view at their times, with the patients who have places."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from bookings.desk import held, labels, times
from bookings.desk.board.query import View
from bookings.desk.desk import Desk
from bookings.desk.times import Time
from bookings.messages import deliveries
from bookings.models import Appointment, AppointmentStatus, Attendance, Booking, Status

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
NEW_FOR = timedelta(hours=16)
"""So long a visit is marked as new: from an evening to the next day's noon."""


@dataclass(frozen=True)
class Visit:
    """A patient's place, as the board shows it."""

    name: str
    note: str = ""
    """On hold until 9:45 AM, offered or proposed until then, needs a time; or empty."""
    is_new: bool = False
    id: str = ""
    attendance: str = ""
    """Empty until the visit's time has come, and where there is no visit to come to."""
    will_come: bool = False
    """Whether the patient has said so; False once the visit's time has come."""
    mail_refused: bool = False
    """Whether the address's mail server refused it."""


@dataclass(frozen=True)
class Entry:
    """One entry: a booking, or an appointment with an exact time in a range booking."""

    row: Any
    time: Time
    is_past: bool
    timed: int
    """Number of the booking's appointments with an exact time, which have entries of their own."""
    visits: list[Visit] = field(default_factory=list)

    @property
    def status(self) -> str:
        status: str = self.row.status
        return status if self.time.appointment is None else AppointmentStatus.BOOKED

    @property
    def free(self) -> int:
        """Return how many places nobody has, also where its time has passed."""
        row = self.row
        if self.time.appointment is not None or row.status == Status.CLOSED:
            return 0
        taken: int = row.places_pending + row.places_reserved + row.places_booked
        return int(row.total_appointments) - taken


def entries_by_location(desk: Desk, view: View, rows: list[Any]) -> dict[str, list[Entry]]:
    """Return the board's entries by location, in order of time.

    rows: named tuples of COLUMNS.
    """
    zones = {location.pk: location.zone for location in desk.locations}
    ids = [row.id for row in rows]
    appointments, whole = _appointments(desk, view, ids), _whole(view, ids)
    refused: set[str] = set()
    statuses: dict[str, str] = {}
    if view.kind != "month":
        every = [each for of_row in appointments.values() for each in of_row]
        refused, statuses = deliveries.refused(every), held.statuses(every)
    days = set(view.days)
    found: dict[str, list[Entry]] = defaultdict(list)
    for row in rows:
        zone, of_row = zones[row.location_id], appointments[row.id]
        shown = times.of_booking(row, of_row, zone, desk.practice.kind)
        timed = [each.appointment for each in shown if each.appointment is not None]
        rest = [each for each in of_row if each not in timed]
        for each in shown:
            if each.day not in days:
                continue
            is_past = each.at <= desk.now
            entry = Entry(row, each, is_past, len(timed))
            if view.kind != "month":
                of_entry = rest if each.appointment is None else [each.appointment]
                entry.visits.extend(
                    _visit(
                        desk,
                        one,
                        entry,
                        zone,
                        mail_refused=one.pk in refused,
                        status=statuses[one.pk],
                    )
                    for one in of_entry
                )
                if each.appointment is None:
                    entry.visits.extend(whole.get(row.id, []))
            found[row.location_id].append(entry)
    for entries in found.values():
        entries.sort(key=lambda entry: entry.time.at)
    return found


def _appointments(desk: Desk, view: View, ids: list[str]) -> dict[str, list[Appointment]]:
    """Return the appointments of these bookings, by booking; for a month, which has no patients'
    names, only those with an exact time.
    """
    found: dict[str, list[Appointment]] = defaultdict(list)
    if view.kind == "month" and not desk.practice.range_bookings:
        return found
    rows = Appointment.objects.timed() if view.kind == "month" else Appointment.objects.taken()
    for appointment in rows.filter(booking__in=ids).order_by("created_at", "id"):
        found[appointment.booking_id].append(appointment)
    return found


def _whole(view: View, ids: list[str]) -> dict[str, list[Visit]]:
    """Describe the places taken without a patient, by booking; empty for a month."""
    if view.kind == "month":
        return {}
    anything = Q(whole_pending__gt=0) | Q(whole_reserved__gt=0) | Q(whole_booked__gt=0)
    taken = Booking.objects.filter(anything, pk__in=ids)
    rows = taken.select_related("location", "whole_partner")
    return {booking.pk: [Visit(*each) for each in labels.unnamed(booking)] for booking in rows}


def _visit(
    desk: Desk,
    appointment: Appointment,
    entry: Entry,
    zone: ZoneInfo,
    *,
    mail_refused: bool,
    status: str,
) -> Visit:
    note, attendance = "", ""
    if appointment.pending_until is not None:
        ends = labels.until(appointment.pending_until, desk.now, zone)
        note = f"{status.lower()} until {ends}"
    elif appointment.status == AppointmentStatus.RESERVED:
        note = "needs a time"
    elif entry.is_past and not entry.time.part:
        attendance = appointment.attendance
    return Visit(
        name=labels.patient(appointment),
        note=note,
        is_new=desk.now - appointment.created_at < NEW_FOR,
        id=appointment.pk,
        attendance=attendance,
        will_come=appointment.confirmed_at is not None and not entry.is_past,
        mail_refused=mail_refused,
    )


def counts(entries: Iterable[Entry]) -> list[tuple[str, int, str]]:
    """Count places: a status for the color, the number, a word; free and booked also where 0."""
    found: Counter[str] = Counter()
    for entry in entries:
        row = entry.row
        found["unused" if entry.is_past else "free"] += entry.free
        if entry.time.appointment is not None:
            found["booked"] += 1
        elif row.status != Status.CLOSED:
            found["held"] += row.places_pending
            found["to_time"] += row.places_reserved
            found["booked"] += row.places_booked - entry.timed
        found["will_come"] += sum(visit.will_come for visit in entry.visits)
        found["came"] += sum(visit.attendance == Attendance.KEPT for visit in entry.visits)
    lines = [
        ("open", found["free"], "free"),
        ("pending", found["held"], "on hold"),
        ("reserved", found["to_time"], "need a time"),
        ("booked", found["booked"], "booked"),
        ("booked", found["will_come"], "✓ confirmed"),
        ("booked", found["came"], "came"),
        ("closed", found["unused"], "unused"),
    ]
    always = {"free", "booked"}
    return [line for line in lines if line[1] or line[2] in always]
