"""The board's week: a column per day, a row per doctor, with the patients' names."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from bookings import walltime
from bookings.desk import labels
from bookings.desk.board import grid
from bookings.desk.board.entries import Entry, Visit, counts
from bookings.desk.board.query import View
from bookings.desk.desk import Desk
from bookings.models import Status
from practices.models import Doctor, Location


@dataclass(frozen=True)
class Cell:
    """A doctor's day: its entries, and the URL of a new one."""

    day: str
    is_today: bool
    chips: list[SafeString]
    add: str
    label: str


@dataclass(frozen=True)
class Column:
    """A day: its name, its query string, and how many places are free."""

    day: str
    query: str
    free: int
    is_today: bool
    is_past: bool


@dataclass(frozen=True)
class Place:
    """A location's week."""

    location: Location
    zone: str
    columns: list[Column]
    rows: list[tuple[Doctor, list[Cell]]]
    counts: list[tuple[str, int, str]]
    new: str


def places(desk: Desk, view: View, entries: dict[str, list[Entry]]) -> list[Place]:
    return [_place(desk, view, each, entries[each.pk]) for each in view.locations(desk)]


def _place(desk: Desk, view: View, location: Location, entries: list[Entry]) -> Place:
    cells: dict[tuple[date, str], list[SafeString]] = defaultdict(list)
    free: dict[date, int] = defaultdict(int)
    doctors = grid.doctors_at(desk, location, entries)
    names = {doctor.pk: escape(doctor.name) for doctor in doctors}
    for entry in entries:
        day, doctor_id = entry.time.day, entry.row.doctor_id
        free[day] += 0 if entry.is_past else entry.free
        dim = not view.matches(doctor_id, entry.status)
        cells[day, doctor_id].append(_chip(entry, names[doctor_id], dim=dim))
    today = walltime.wall_clock(desk.now, location.zone).date()
    starts = {day: grid.first_start(desk, location.zone, [day]) for day in view.days}
    columns = [
        Column(
            day=labels.day(day),
            query=view.query(view="day", day=day.isoformat()),
            free=free[day],
            is_today=day == today,
            is_past=day < today,
        )
        for day in view.days
    ]
    rows = [
        (
            doctor,
            [
                Cell(
                    day=labels.day(day),
                    is_today=day == today,
                    chips=cells[day, doctor.pk],
                    add=grid.new_url(desk, location, doctor, starts[day]),
                    label=f"New opening on {labels.day(day)} with {doctor.name}",
                )
                for day in view.days
            ],
        )
        for doctor in doctors
    ]
    return Place(
        location=location,
        zone=grid.zone_at(view, location),
        columns=columns,
        rows=rows,
        counts=counts(entries),
        new=grid.new_url(desk, location, None, grid.first_start(desk, location.zone, view.days)),
    )


def _chip(entry: Entry, doctor: str, *, dim: bool) -> SafeString:
    """Return the HTML of an entry. A page can have two thousand, so there is no template for it.

    doctor: the name, escaped.
    """
    row = entry.row
    who = ", ".join(_short(visit) for visit in entry.visits)
    said: list[str] = [who] if who else [grid.status_word(entry)]
    if who and (free := grid.places(entry)):
        said.append(f'<span class="chip-places">{free}</span>')
    elif who:
        hidden = " oc-sr" if entry.status in {Status.BOOKED, Status.OPEN} else ""
        said.append(f'<span class="chip-status{hidden}">{grid.status_word(entry)}</span>')
    looks = grid.looks(entry, is_dim=dim)
    return mark_safe(  # noqa: S308  # names are escaped, everything else is ours
        f'<a class="chip {looks}" href="../opening/{row.id}/">'
        f'<span class="chip-time">{entry.time.part.capitalize() or entry.time.clock}</span> '
        f'{" ".join(said)}<span class="oc-sr">, {doctor}</span></a>'
    )


def _short(visit: Visit) -> str:
    """Return the HTML of the first name and an initial, and what is marked: Maya F. ✓.

    Of places without a patient, the words for them.
    """
    first, _space, last = visit.name.rpartition(" ") if visit.id else ("", "", visit.name)
    name = escape(f"{first} {last[:1]}." if first else last) + (" ✓" if visit.will_come else "")
    return f"{name} {grid.REFUSED}" if visit.mail_refused else name
