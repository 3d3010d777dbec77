"""The board's day: a column per doctor, openings at their minute and as tall as they last."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils.safestring import SafeString

from bookings import walltime
from bookings.desk import labels
from bookings.desk.board import grid
from bookings.desk.board.entries import Entry, counts
from bookings.desk.board.query import View
from bookings.desk.desk import Desk
from bookings.models import Status
from practices.models import Doctor, Location

FIRST, LAST = 8 * 60 + 30, 17 * 60  # minutes from midnight, wall time
LOW, LOW_WITH_BUTTONS = 24, 44  # pixels: the least height of a block
ONE_LINE = 38  # pixels: below it, a block has no room for two lines
MOST_PIXELS = 2.0  # a minute


@dataclass(frozen=True)
class Ruler:
    """The hours of the day that are drawn (minutes from midnight), and the pixels of a minute."""

    first: int
    last: int
    pixels: float

    @property
    def hours(self) -> list[tuple[int, str]]:
        """List the full hours: minutes from the top, and 9 AM."""
        return [
            (minute - self.first, f"{minute // 60 % 12 or 12} {'PM' if minute >= 720 else 'AM'}")
            for minute in range(-(-self.first // 60) * 60, self.last, 60)
        ]

    @property
    def length(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class Add:
    """A time at which a doctor has nothing, with the URL to make an opening there."""

    url: str
    label: str
    clock: str
    top: int
    column: int


@dataclass(frozen=True)
class Place:
    """A location's columns."""

    location: Location
    zone: str
    doctors: list[Doctor]
    dimmed: set[str]
    """Ids of the doctors whom the filter does not ask for."""
    before: list[SafeString]
    after: list[SafeString]
    """HTML of the openings to come; the others' time has come."""
    adds: list[Add]
    counts: list[tuple[str, int, str]]
    new: str
    now: int | None
    """Minutes from the top; None on another day than today, or outside the hours drawn."""
    clock: str


def ruler(entries: dict[str, list[Entry]]) -> Ruler:
    """Return the hours: from half an hour before the first opening, 8:30 to 17:00 at least."""
    shown = [entry for each in entries.values() for entry in each]
    if not shown:
        return Ruler(8 * 60, LAST, 1)
    first = min(FIRST, *(_begins(entry) - grid.SLOT for entry in shown)) // grid.SLOT * grid.SLOT
    last = max(LAST, *(_begins(entry) + entry.row.length for entry in shown))
    needed = [
        (LOW_WITH_BUTTONS if any(visit.attendance for visit in entry.visits) else LOW)
        / entry.row.length
        for entry in shown
    ]
    last = min(-(-last // grid.SLOT) * grid.SLOT, 24 * 60)
    return Ruler(max(first, 0), last, round(min(MOST_PIXELS, max(1, *needed)), 2))


def places(
    desk: Desk, view: View, entries: dict[str, list[Entry]], hours: Ruler, path: str, token: str
) -> list[Place]:
    """Return the columns of each location in view.

    entries: of all locations, as a doctor is at one of them at a time. path, token: for forms.
    """
    busy: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for each in entries.values():
        for entry in each:
            if entry.row.status != Status.CLOSED:
                ends = entry.time.at + timedelta(minutes=entry.row.length)
                busy[entry.row.doctor_id].append((entry.time.at, ends))
    return [
        _place(desk, view, location, entries[location.pk], hours, busy, path, token)
        for location in view.locations(desk)
    ]


def _place(
    desk: Desk,
    view: View,
    location: Location,
    entries: list[Entry],
    hours: Ruler,
    busy: dict[str, list[tuple[datetime, datetime]]],
    path: str,
    token: str,
) -> Place:
    doctors = grid.doctors_at(desk, location, entries)
    lanes = _lanes(entries)
    before: list[SafeString] = []
    after: list[SafeString] = []
    for entry in entries:
        (nth, doctor), begins = _column(doctors, entry), _begins(entry)
        lane, of = lanes[id(entry)]
        where = (
            f"--t:{begins - hours.first};--l:{min(entry.row.length, hours.last - begins)};"
            f"--c:{nth};--a:{lane};--w:{of}"
        )
        looks = grid.looks(entry, is_dim=not view.matches(doctor.pk, entry.status))
        if entry.row.length * hours.pixels < ONE_LINE:
            looks += " is-short"
        looks += " is-beside" if of > 1 else ""
        made = grid.block(entry, doctor.name, looks, where, path, token)
        (before if entry.is_past else after).append(made)
    wall = walltime.wall_clock(desk.now, location.zone)
    now = wall.hour * 60 + wall.minute - hours.first if wall.date() == view.day else None
    return Place(
        location=location,
        zone=grid.zone_at(view, location),
        doctors=doctors,
        dimmed={doctor.pk for doctor in doctors if view.doctor not in {"", doctor.pk}},
        before=before,
        after=after,
        adds=list(_adds(desk, view, location, doctors, hours, busy)),
        counts=counts(entries),
        new=grid.new_url(desk, location, None, grid.first_start(desk, location.zone, [view.day])),
        now=now if now is not None and 0 <= now <= hours.length else None,
        clock=labels.clock(wall) if now is not None else "",
    )


def _adds(
    desk: Desk,
    view: View,
    location: Location,
    doctors: list[Doctor],
    hours: Ruler,
    busy: dict[str, list[tuple[datetime, datetime]]],
) -> Iterator[Add]:
    """Yield the half hours to come in which a doctor has nothing at any location."""
    for minute in range(hours.first, hours.last - grid.SLOT + 1, grid.SLOT):
        start = datetime.combine(view.day, time(minute // 60, minute % 60))
        begins = walltime.occurrence(view.day, start.time(), location.zone)
        ends = begins + timedelta(minutes=grid.SLOT)
        if begins <= desk.now:
            continue
        for nth, doctor in enumerate(doctors):
            if any(since < ends and until > begins for since, until in busy[doctor.pk]):
                continue
            yield Add(
                url=grid.new_url(desk, location, doctor, start),
                label=f"New opening at {labels.clock(start)} with {doctor.name}",
                clock=labels.clock(start),
                top=minute - hours.first,
                column=nth,
            )


def _lanes(entries: list[Entry]) -> dict[int, tuple[int, int]]:
    """Return by id() each entry's lane, and the number of lanes among those that overlap it.

    entries: in order of time. A doctor's entries that overlap are drawn side by side.
    """
    found: dict[int, tuple[int, int]] = {}
    of_doctor: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        of_doctor[entry.row.doctor_id].append(entry)
    for mine in of_doctor.values():
        cluster: list[tuple[Entry, int]] = []
        ends: list[int] = []  # of each lane, minutes from midnight
        for entry in mine:
            begins = _begins(entry)
            if ends and begins >= max(ends):
                found |= {id(each): (lane, len(ends)) for each, lane in cluster}
                cluster, ends = [], []
            lane = next((nth for nth, end in enumerate(ends) if end <= begins), len(ends))
            ends[lane : lane + 1] = [begins + entry.row.length]
            cluster.append((entry, lane))
        found |= {id(each): (lane, len(ends)) for each, lane in cluster}
    return found


def _column(doctors: list[Doctor], entry: Entry) -> tuple[int, Doctor]:
    return next(
        (nth, doctor) for nth, doctor in enumerate(doctors) if doctor.pk == entry.row.doctor_id
    )


def _begins(entry: Entry) -> int:
    wall = walltime.wall_clock(entry.time.at, entry.time.zone)
    return wall.hour * 60 + wall.minute
