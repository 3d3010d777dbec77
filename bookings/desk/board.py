"""Calendar view: a practice's bookings of a day or a week, by location and doctor."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.desk import csv_export, labels, times
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.times import Time
from bookings.models import Appointment, AppointmentStatus, Booking, Status
from bookings.models.booking import local_days
from practices.models import Doctor, Location

SLOT = 30  # minutes
FIRST_SLOT, LAST_SLOT = 8 * 60, 17 * 60  # minutes from midnight, wall time
_COLUMNS = (
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
class View:
    """The board's parsed query string; invalid values are replaced by the defaults."""

    day: date
    is_week: bool
    location: str
    doctor: str
    status: str

    @property
    def days(self) -> list[date]:
        """Return the days in view; a week begins on Monday."""
        if not self.is_week:
            return [self.day]
        monday = self.day - timedelta(days=self.day.weekday())
        return [monday + timedelta(days=each) for each in range(7)]

    def query(self, **other: str) -> str:
        """Return the query string of this view, with `other` changed."""
        values = {
            "day": self.day.isoformat(),
            "view": "week" if self.is_week else "day",
            "location": self.location,
            "doctor": self.doctor,
            "status": self.status,
            **other,
        }
        return "?" + urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True)
class Entry:
    """One entry: a booking, or an appointment with an exact time in a range booking."""

    row: Any
    time: Time
    names: list[str]
    timed: int
    """Number of the booking's appointments with an exact time, which have entries of their own."""


@dataclass
class Cell:
    """One cell of the grid: the entries that begin in it, and the URL to add a booking."""

    add: str
    label: str
    column: str
    chips: list[SafeString] = field(default_factory=list)
    covered: bool = False


@dataclass
class Grid:
    """The grid of one location: doctors by half hours, or days by doctors."""

    location: Location
    zone: str
    columns: list[str]
    rows: list[tuple[str, list[Cell]]]
    count: int
    new: str


def view_of(request: HttpRequest, desk: Desk) -> View:
    """Parse the query string; the day defaults to today at the first location."""
    given = request.GET
    zone = desk.locations[0].zone if desk.locations else ZoneInfo("UTC")
    try:
        day = date.fromisoformat(given.get("day", ""))
    except ValueError:
        day = walltime.wall_clock(desk.now, zone).date()
    if not 1971 <= day.year <= 2198:
        day = walltime.wall_clock(desk.now, zone).date()
    locations = {each.pk for each in desk.locations}
    doctors = {each.pk for each in desk.doctors}
    location, doctor, status = (given.get(name, "") for name in ("location", "doctor", "status"))
    return View(
        day=day,
        is_week=given.get("view") == "week",
        location=location if location in locations else "",
        doctor=doctor if doctor in doctors else "",
        status=status if status in Status.values else "",
    )


def in_view(desk: Desk, view: View) -> QuerySet[Booking]:
    """Return the bookings in view, days in each location's time zone; closed ones if selected."""
    shown = [each for each in desk.locations if view.location in {"", each.pk}]
    days = view.days[0], view.days[-1]
    when = local_days(shown, *days)
    if desk.practice.range_bookings:  # an exact time may be on another day than the booking
        timed = Appointment.objects.timed_on_local_days(shown, *days)
        when |= Q(pk__in=list(timed.values_list("booking_id", flat=True)))
    rows = Booking.objects.filter(when, practice=desk.practice)
    if view.doctor:
        rows = rows.filter(doctor=view.doctor)
    rows = rows.filter(status=view.status) if view.status else rows.not_closed()
    return rows.order_by("start_datetime", "id")


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    view = view_of(request, desk)
    rows = list(in_view(desk, view).values_list(*_COLUMNS, named=True))
    entries = _entries(desk, view, rows)
    shown = [each for each in desk.locations if view.location in {"", each.pk}]
    make = _week_grid if view.is_week else _day_grid
    grids = [make(desk, view, each, entries[each.pk]) for each in shown]
    step = timedelta(days=7 if view.is_week else 1)
    zone = shown[0].zone if shown else ZoneInfo("UTC")
    today = walltime.wall_clock(desk.now, zone).date()
    context = {
        "title": "Board",
        "view": view,
        "grids": grids,
        "heading": _heading(view),
        "is_today": today in view.days,
        "today": view.query(day=today.isoformat()),
        "previous": view.query(day=(view.day - step).isoformat()),
        "next": view.query(day=(view.day + step).isoformat()),
        "as_day": view.query(view="day"),
        "as_week": view.query(view="week"),
        "export": view.query(),
        "new_start": _first_start(desk, zone, view.days),
        "statuses": [(status.value, labels.STATUS[status]) for status in Status],
        "desk": desk,
        "count": labels.counted(len(rows), "opening"),
        "is_fullwidth": "1",
        "untimed": _untimed(desk),
        **_counts(entries),
    }
    return show(request, desk, "board.html", context)


@desk_page
@require_safe
def export_csv(request: HttpRequest, desk: Desk) -> HttpResponse:
    view = view_of(request, desk)
    return csv_export.bookings_csv(in_view(desk, view).prefetch_related(times.WITH_TIMED))


def _untimed(desk: Desk) -> list[Booking]:
    """List up to 20 bookings without a time, which are on no day of the board."""
    rows = Booking.objects.not_closed().filter(practice=desk.practice, start_datetime=None)
    rows = rows.select_related("location", "doctor")
    return list(rows.order_by("created_at")[:20])


def _heading(view: View) -> str:
    if not view.is_week:
        return labels.long_day(view.day)
    return f"{labels.day(view.days[0])} – {labels.day(view.days[-1])}, {view.days[-1].year}"


def _counts(entries: dict[str, list[Entry]]) -> dict[str, int]:
    """Count the places in view: free, on hold, waiting for an exact time, booked."""
    counts = Counter({"free": 0, "held": 0, "to_time": 0, "booked": 0})
    for entry in chain.from_iterable(entries.values()):
        row = entry.row
        if entry.time.appointment is not None:
            counts["booked"] += 1
        elif row.status != Status.CLOSED:
            taken = row.places_pending + row.places_reserved + row.places_booked
            counts["free"] += row.total_appointments - taken
            counts["held"] += row.places_pending
            counts["to_time"] += row.places_reserved
            counts["booked"] += row.places_booked - entry.timed
    return dict(counts)


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


def _entries(desk: Desk, view: View, rows: list[Any]) -> dict[str, list[Entry]]:
    """Return the board's entries by location, in order of time."""
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


def _chip(desk: Desk, entry: Entry) -> SafeString:
    """Return the HTML of an entry. A page can have two thousand, so there is no template for it."""
    row, time = entry.row, entry.time
    taken = row.places_pending + row.places_reserved + row.places_booked
    status = row.status if time.appointment is None else AppointmentStatus.BOOKED
    places = ""
    if row.total_appointments > 1 and status != Status.CLOSED and time.appointment is None:
        places = f'<span class="chip-places">{taken} of {row.total_appointments} taken</span>'
    weekly = '<span class="chip-weekly" title="Every week">weekly</span>' if row.recurring else ""
    past = " is-past" if time.at <= desk.now else ""
    who = "".join(f'<span class="chip-who">{escape(name)}</span>' for name in entry.names)
    return mark_safe(  # noqa: S308  # names are escaped, everything else is ours
        f'<a class="chip status-{status}{past}" href="../opening/{row.id}/">'
        f'<span class="chip-time">{time.part.capitalize() or time.clock}</span> '
        f'<span class="chip-length">{row.length} min</span> '
        f'<span class="chip-status">{labels.STATUS[status]}</span>{places}{weekly}'
        f"{who}</a>"
    )


def _doctors_at(desk: Desk, view: View, location: Location, entries: list[Entry]) -> list[Doctor]:
    """List the doctors who work at the location or have bookings there in view."""
    with_bookings = {entry.row.doctor_id for entry in entries}
    return [
        doctor
        for doctor in desk.doctors
        if view.doctor in {"", doctor.pk}
        and (
            doctor.pk in with_bookings or any(at.pk == location.pk for at in doctor.locations.all())
        )
    ]


def _new(desk: Desk, location: Location, doctor: Doctor | None, start: datetime | None) -> str:
    """Return the URL to add a booking at a wall time; empty if it has passed."""
    if start is None or walltime.occurrence(start.date(), start.time(), location.zone) <= desk.now:
        return ""
    values = {"location": location.pk}
    if doctor is not None:
        values["doctor"] = doctor.pk
    values["start"] = f"{start:%Y-%m-%dT%H:%M}"
    return f"../new-opening/?{urlencode(values)}"


def _first_start(desk: Desk, zone: ZoneInfo, days: list[date]) -> datetime | None:
    """Return 9:00 on the first of `days`, or today's next half hour if later (wall time); None if
    all are past.
    """
    now = walltime.wall_clock(desk.now, zone).replace(tzinfo=None)
    minutes = (now.hour * 60 + now.minute) // SLOT * SLOT + SLOT
    soon = datetime.combine(now.date(), time()) + timedelta(minutes=minutes)
    for day in days:
        nine = datetime.combine(day, time(9))
        start = nine if nine > now else soon
        if start.date() == day:
            return start
    return None


def _day_grid(desk: Desk, view: View, location: Location, entries: list[Entry]) -> Grid:
    """Build the grid of a day: a column per doctor, a row per half hour."""
    zone = location.zone
    doctors = _doctors_at(desk, view, location, entries)
    cells: dict[tuple[int, str], list[SafeString]] = defaultdict(list)
    covered: set[tuple[int, str]] = set()
    slots = {FIRST_SLOT, LAST_SLOT}
    for entry in entries:
        row, wall = entry.row, entry.time.at.astimezone(zone)
        begins = wall.hour * 60 + wall.minute
        slot = begins // SLOT * SLOT
        slots.add(slot)
        cells[slot, row.doctor_id].append(_chip(desk, entry))
        if row.status != Status.CLOSED:
            later = range(slot + SLOT, min(begins + row.length, 24 * 60), SLOT)
            covered.update((each, row.doctor_id) for each in later)
    lines = []
    for slot in range(min(slots), max(slots) + SLOT, SLOT):
        start = datetime.combine(view.day, time(slot // 60, slot % 60))
        line = [
            Cell(
                add=_new(desk, location, doctor, start),
                label=f"New opening at {labels.clock(start)} with {doctor.name}",
                column=doctor.name,
                chips=cells.get((slot, doctor.pk), []),
                covered=(slot, doctor.pk) in covered,
            )
            for doctor in doctors
        ]
        lines.append((labels.clock(start), line))
    return Grid(
        location=location,
        zone=labels.zone_name(zone, walltime.start_of_day(view.day, zone) + timedelta(hours=12)),
        columns=[doctor.name for doctor in doctors],
        rows=lines if doctors else [],
        count=len({entry.row.id for entry in entries}),
        new=_new(desk, location, None, _first_start(desk, zone, view.days)),
    )


def _week_grid(desk: Desk, view: View, location: Location, entries: list[Entry]) -> Grid:
    """Build the grid of a week: a column per day, a row per doctor."""
    zone = location.zone
    doctors = _doctors_at(desk, view, location, entries)
    cells: dict[tuple[date, str], list[SafeString]] = defaultdict(list)
    for entry in entries:
        cells[entry.time.day, entry.row.doctor_id].append(_chip(desk, entry))
    starts = {day: _first_start(desk, zone, [day]) for day in view.days}
    lines = [
        (
            doctor.name,
            [
                Cell(
                    add=_new(desk, location, doctor, starts[day]),
                    label=f"New opening on {labels.day(day)} with {doctor.name}",
                    column=labels.day(day),
                    chips=cells.get((day, doctor.pk), []),
                )
                for day in view.days
            ],
        )
        for doctor in doctors
    ]
    return Grid(
        location=location,
        zone=labels.zone_name(zone, walltime.start_of_day(view.day, zone) + timedelta(hours=12)),
        columns=[labels.day(day) for day in view.days],
        rows=lines,
        count=len({entry.row.id for entry in entries}),
        new=_new(desk, location, None, _first_start(desk, zone, view.days)),
    )


def address(desk: Desk, booking: Booking) -> str:
    """Return the URL of the board on the day of a booking."""
    board = reverse("admin:desk_board", args=[desk.practice.pk])
    if booking.start_datetime is None:
        return board
    day = walltime.wall_clock(booking.start_datetime, booking.location.zone).date()
    return f"{board}?day={day.isoformat()}"
