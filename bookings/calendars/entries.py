"""Entries of a doctor's calendar: openings, and in range practices the visits with exact times.

It shows what the board shows of the doctor. What is closed, cancelled or moved to another doctor
stays for a while as cancelled, since some calendars keep what only vanishes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from icalendar import Event as Entry

from bookings import walltime
from bookings.calendars import files, sequences
from bookings.desk import labels, times
from bookings.messages.mail.facts import one_line
from bookings.models import TAKEN, Appointment, AppointmentStatus, Booking, Event, Status
from practices.models import Doctor, Kind, Location

_UTC = ZoneInfo("UTC")
PAST, AHEAD = 14, 180
"""Days before and after today that a calendar has; PAST too is how long cancelled ones stay."""
MOST = 5000
"""Openings in one file, 25 a day; where there are more, those furthest ahead are left out."""


@dataclass
class Calendar:
    """What a doctor's calendar has: its entries, and the visits whose patients they name."""

    doctor: Doctor
    locations: dict[str, Location]
    first: datetime
    last: datetime
    with_names: bool
    entries: list[Entry] = field(default_factory=list)
    named: list[Appointment] = field(default_factory=list)
    changed_at: datetime | None = None

    def has(self, instant: datetime | None) -> bool:
        return instant is not None and self.first <= instant < self.last

    def add(
        self,
        kind: str,
        row: Booking | Appointment,
        begins: datetime,
        opening: Booking,
        said: str | None,
        *,
        sequence: int,
        is_free: bool = False,
    ) -> None:
        """Add an entry of an opening or a visit. said: its summary; None: it is cancelled."""
        location, entry = self.locations[opening.location_id], Entry()
        # Of the doctor, too: one that moves to another doctor is another entry there.
        uid = f"{kind}.{row.pk}.{self.doctor.pk}@{self.doctor.practice_id}.openchair"
        entry.add("uid", uid)
        entry.add("sequence", sequence)
        entry.add("dtstamp", row.updated_at)
        entry.add("last-modified", row.updated_at)
        entry.add("dtstart", files.at(begins, location.zone))
        entry.add("dtend", files.at(begins + timedelta(minutes=opening.length), location.zone))
        entry.add("status", "CANCELLED" if said is None else "CONFIRMED")
        entry.add("transp", "TRANSPARENT" if said is None or is_free else "OPAQUE")
        entry.add("class", "PRIVATE")
        entry.add("summary", "Cancelled" if said is None else said)
        entry.add("location", files.address(location))
        self.entries.append(entry)
        self.changed_at = max(filter(None, [self.changed_at, row.updated_at]))

    def name(self, visits: Iterable[Appointment]) -> str:
        """Return the names of the visits' patients, if the practice wants them; empty if not."""
        if not self.with_names:
            return ""
        names = []
        for visit in visits:
            person = visit.unread_person
            if name := one_line(f"{person.first_name} {person.last_name}"):
                names.append(name)
                self.named.append(visit)
        return ", ".join(names)


def read(doctor: Doctor, locations: Iterable[Location], *, day: date, names: bool) -> Calendar:
    """Return a doctor's calendar. day: today, in UTC. locations: the practice's."""
    first = walltime.start_of_day(day - timedelta(days=PAST), _UTC)
    last = walltime.start_of_day(day + timedelta(days=AHEAD + 1), _UTC)
    calendar = Calendar(doctor, {each.pk: each for each in locations}, first, last, names)
    moved = list(_moved_away(calendar))
    openings = _openings(calendar, {booking_id for booking_id, visit in moved if visit is None})
    visits = _visits(calendar, openings, {visit for _, visit in moved if visit is not None})
    _add_openings(calendar, openings, visits)
    if doctor.practice.range_bookings:
        _add_visits(calendar, visits)
    return calendar


def _moved_away(calendar: Calendar) -> Iterator[tuple[str, str | None]]:
    """Return which openings, and visits, left this doctor since the first day."""
    doctor = calendar.doctor
    events = Event.objects.filter(practice=doctor.practice_id, at__gte=calendar.first)
    # As text: SQLite would parse the JSON of each event of two weeks.
    moves = events.exclude(from_status="").alias(text=Cast("changes", TextField()))
    rows = moves.filter(text__contains='"doctor_id"').order_by()
    for booking_id, visit_id, changes in rows.values_list(
        "booking_id", "appointment_id", "changes"
    ):
        if changes["doctor_id"][0] == doctor.pk:
            yield booking_id, visit_id


def _openings(calendar: Calendar, moved: set[str]) -> dict[str, Booking]:
    doctor, first, last = calendar.doctor, calendar.first, calendar.last
    of_practice = Booking.objects.filter(practice=doctor.practice_id)
    in_days = of_practice.filter(doctor=doctor, start_datetime__gte=first, start_datetime__lt=last)
    rows = in_days.exclude(status=Status.CLOSED, updated_at__lt=first)
    found = {row.pk: row for row in rows.order_by("start_datetime", "id")[:MOST]}
    others = set(moved)
    if doctor.practice.range_bookings:  # an exact time may be on another day than the opening
        timed = Appointment.objects.timed().filter(
            start_datetime__gte=first,
            start_datetime__lt=last,
            booking__practice=doctor.practice_id,
            booking__doctor=doctor,
        )
        others |= set(timed.values_list("booking_id", flat=True)[:MOST])
    others -= found.keys()
    if others:
        found |= {row.pk: row for row in of_practice.filter(pk__in=others)}
    return found


def _visits(
    calendar: Calendar, openings: dict[str, Booking], moved: set[str]
) -> dict[str, list[Appointment]]:
    """Return the visits that have entries of their own, or are named, by opening."""
    found: dict[str, list[Appointment]] = defaultdict(list)
    is_range = calendar.doctor.practice.range_bookings
    if not is_range and not calendar.with_names:
        return found
    shown = Q(status__in=TAKEN)
    where = Q(booking__in=openings)
    if is_range:
        shown |= Q(status=AppointmentStatus.CANCELLED, updated_at__gte=calendar.first)
        where |= Q(pk__in=moved)
    rows = Appointment.objects.filter(where).filter(shown).select_related("booking")
    for visit in rows.order_by("created_at", "id"):
        found[visit.booking_id].append(visit)
    return found


def _add_openings(
    calendar: Calendar, openings: dict[str, Booking], visits: dict[str, list[Appointment]]
) -> None:
    kind, moves = calendar.doctor.practice.kind, sequences.of_openings(openings)
    for row in openings.values():
        begins, sequence = row.start_datetime, moves.get(row.pk, 0)
        if begins is None or not calendar.has(begins):
            continue
        if row.status == Status.CLOSED or row.doctor_id != calendar.doctor.pk:
            calendar.add("opening", row, begins, row, None, sequence=sequence)
            continue
        zone = calendar.locations[row.location_id].zone
        of_row = [each for each in visits[row.pk] if each.status in TAKEN]
        shown = times.of_booking(row, of_row if kind == Kind.RANGE else [], zone, kind)
        timed = [each.appointment for each in shown if each.appointment is not None]
        for each in shown:
            if each.appointment is None:
                names = calendar.name(one for one in of_row if one not in timed)
                said = _said(row, len(timed), names, each.part)
                is_free = row.places_taken == len(timed)
                calendar.add("opening", row, begins, row, said, sequence=sequence, is_free=is_free)


def _said(row: Booking, timed: int, names: str, part: str) -> str:
    """Return the summary of an opening, or of what of it has no exact time of its own.

    Free; 3 places, 2 taken; Morning: 2 places, 1 taken: Ana Ruiz.
    """
    places, taken = row.total_appointments - timed, row.places_taken - timed
    if places == 1:
        status = Status.PENDING if row.places_pending else Status.BOOKED
        status = Status.RESERVED if row.places_reserved else status
        said = names or labels.STATUS[status if taken else Status.OPEN]
    else:
        said = f"{places} places, {taken} taken" + (f": {names}" if names else "")
    return f"{part.capitalize()}: {said}" if part else said


def _add_visits(calendar: Calendar, visits: dict[str, list[Appointment]]) -> None:
    timed = [each for of_row in visits.values() for each in of_row if _has_entry(calendar, each)]
    moves = sequences.of_visits([each.pk for each in timed])
    for visit in timed:
        begins, opening = visit.start_datetime, visit.booking
        is_here = opening.doctor_id == calendar.doctor.pk
        is_on = visit.status == AppointmentStatus.BOOKED and is_here
        said = (calendar.name([visit]) or "Visit") if is_on else None
        assert begins is not None
        calendar.add("visit", visit, begins, opening, said, sequence=moves.get(visit.pk, 0))


def _has_entry(calendar: Calendar, visit: Appointment) -> bool:
    is_said = visit.status in {AppointmentStatus.BOOKED, AppointmentStatus.CANCELLED}
    return is_said and calendar.has(visit.start_datetime)
