"""Grid of one location on the board, its cells and HTML, for day.py and week.py."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from bookings import walltime
from bookings.desk import labels
from bookings.desk.board.entries import Entry
from bookings.desk.board.query import View
from bookings.desk.desk import Desk
from bookings.models import AppointmentStatus, Status
from practices.models import Doctor, Location

SLOT = 30  # minutes


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


def grid_at(
    desk: Desk,
    view: View,
    location: Location,
    entries: list[Entry],
    *,
    columns: list[str],
    rows: list[tuple[str, list[Cell]]],
) -> Grid:
    noon = walltime.start_of_day(view.day, location.zone) + timedelta(hours=12)
    return Grid(
        location=location,
        zone=labels.zone_name(location.zone, noon),
        columns=columns,
        rows=rows,
        count=len({entry.row.id for entry in entries}),
        new=new_url(desk, location, None, first_start(desk, location.zone, view.days)),
    )


def chip(desk: Desk, entry: Entry) -> SafeString:
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


def doctors_at(desk: Desk, view: View, location: Location, entries: list[Entry]) -> list[Doctor]:
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


def new_url(desk: Desk, location: Location, doctor: Doctor | None, start: datetime | None) -> str:
    """Return the URL to add a booking at a wall time; empty if it has passed."""
    if start is None or walltime.occurrence(start.date(), start.time(), location.zone) <= desk.now:
        return ""
    values = {"location": location.pk}
    if doctor is not None:
        values["doctor"] = doctor.pk
    values["start"] = f"{start:%Y-%m-%dT%H:%M}"
    return f"../new-opening/?{urlencode(values)}"


def first_start(desk: Desk, zone: ZoneInfo, days: list[date]) -> datetime | None:
    """Return 9:00 on the first of `days`, or today's next half hour if later (wall time); None if
    all are past.
    """
    now = walltime.wall_clock(desk.now, zone)
    minutes = (now.hour * 60 + now.minute) // SLOT * SLOT + SLOT
    soon = datetime.combine(now.date(), time()) + timedelta(minutes=minutes)
    for day in days:
        nine = datetime.combine(day, time(9))
        start = nine if nine > now else soon
        if start.date() == day:
            return start
    return None
