"""Counts of openings and visits for the page Reports: grouped in the database, added up here."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
)

from bookings import walltime
from bookings.desk import labels
from bookings.desk.desk import Desk
from bookings.desk.numbers import periods
from bookings.desk.numbers.periods import Window
from bookings.models import (
    Appointment,
    AppointmentStatus,
    Attendance,
    Booking,
    OfferOutcome,
    Status,
    WaitlistOffer,
)
from practices.models import Doctor, Kind, Location

DAYS_AHEAD = 14
FROM_PAGE = Q(partner__isnull=True, group_id__isnull=False)
"""Visits that patients took by themselves; staff take places one by one, without a group."""
_ONLY_OFFERED = Exists(
    WaitlistOffer.objects.filter(
        ~Q(outcome=OfferOutcome.ACCEPTED) | Q(entry__visits__isnull=False),
        group_id=OuterRef("group_id"),
    )
)
"""Places held for an offer of the waiting list that never were a visit."""
PAGE = "/book"
"""In `Cell.partner_id`: the booking page. No partner has such an id."""


class _Days(Func):
    """Expression of an instant in days from some beginning."""

    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="julianday(%(expressions)s)", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(EXTRACT(EPOCH FROM %(expressions)s) / 86400)::double precision"
        return self.as_sql(compiler, connection, template=template, **context)


@dataclass
class Counts:
    """Counts of openings, and of visits.

    taken: places of the openings. taken_by: the same by who took them, and by the day of the visit.
    days: from request to visit, summed up over the visits.
    """

    openings: int = 0
    places: int = 0
    held: int = 0
    taken: int = 0
    taken_by: int = 0
    came: int = 0
    no_show: int = 0
    late: int = 0
    unmarked: int = 0
    cancelled: int = 0
    days: float = 0.0

    def add(self, other: "Counts") -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def free(self) -> int:
        return self.places - self.held - self.taken

    @property
    def visits(self) -> int:
        return self.came + self.no_show + self.late + self.unmarked

    @property
    def fill_rate(self) -> float | None:
        return _share(self.taken, self.places)

    @property
    def no_show_rate(self) -> float | None:
        return _share(self.no_show, self.came + self.no_show + self.late)

    @property
    def days_to_visit(self) -> float | None:
        return self.days / self.visits if self.visits else None


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


class Cell(NamedTuple):
    """Where counts belong.

    partner_id: who took the places; empty: the office; PAGE: the patients; None: openings.
    """

    week: date
    location_id: str
    doctor_id: str
    partner_id: str | None


Table = dict[Cell, Counts]


def count(desk: Desk, windows: Sequence[Window]) -> Table:
    """Count what took place in the windows of a period, which may be none."""
    table: Table = defaultdict(Counts)
    if windows:
        _add_openings(table, desk, windows)
        visits = visits_of(desk)
        if desk.practice.kind == Kind.EXACT:
            rows = visits.filter(status__in=_FIELD_OF)
            _add_visits(table, windows, rows, "booking__start_datetime")
        else:
            # Whoever is booked has an exact time. The others are of the opening's day.
            timed = visits.filter(status__in=_FIELD_OF, start_datetime__isnull=False)
            _add_visits(table, windows, timed, "start_datetime")
            untimed = visits.filter(status__in=_UNTIMED, start_datetime__isnull=True)
            _add_visits(table, windows, untimed, "booking__start_datetime")
    return table


def visits_of(desk: Desk) -> QuerySet[Appointment]:
    """Query the visits of a practice, whatever became of them."""
    return Appointment.objects.filter(~_ONLY_OFFERED, booking__practice=desk.practice)


def add_up(table: Table, of: Callable[[Cell], Any]) -> dict[Any, Counts]:
    """Add up by a property of the cells."""
    found: dict[Any, Counts] = defaultdict(Counts)
    for cell, counts in table.items():
        found[of(cell)].add(counts)
    return found


def _add_openings(table: Table, desk: Desk, windows: Sequence[Window]) -> None:
    rows = Booking.objects.not_closed().filter(
        periods.within(windows, "start_datetime"), practice=desk.practice
    )
    grouped = rows.values_list(
        periods.week(windows, "start_datetime"), "location_id", "doctor_id", "whole_partner_id"
    ).annotate(
        openings=Count("pk"),
        places=Sum("total_appointments"),
        held=Sum("places_pending"),
        taken=Sum(F("places_reserved") + F("places_booked")),
        whole=Sum(F("whole_reserved") + F("whole_booked")),
    )
    for week, location_id, doctor_id, partner_id, *figures in grouped:
        *of_openings, whole = figures
        cell = Cell(date.fromordinal(week), location_id, doctor_id, None)
        table[cell].add(Counts(*of_openings))
        if whole:
            table[cell._replace(partner_id=partner_id or "")].add(Counts(taken_by=whole))


def _add_visits(
    table: Table, windows: Sequence[Window], rows: QuerySet[Appointment], at: str
) -> None:
    """Add visits. at: the lookup of their time."""
    grouped = (
        rows.filter(periods.within(windows, at, "booking__"))
        .values_list(
            periods.week(windows, at, "booking__"),
            "booking__location_id",
            "booking__doctor_id",
            "partner_id",
            ExpressionWrapper(FROM_PAGE, output_field=BooleanField()),
            "status",
            "attendance",
        )
        .annotate(number=Count("pk"), days=Sum(_Days(at) - _Days("created_at")))
    )
    for week, location_id, doctor_id, partner_id, is_page, *said in grouped:
        status, attendance, number, days = said
        taker = PAGE if is_page else partner_id or ""
        counts = table[Cell(date.fromordinal(week), location_id, doctor_id, taker)]
        name = _FIELD_OF[status].get(attendance)
        more = Counts(**{name: number}) if name else Counts()
        more.taken_by = number if status != AppointmentStatus.CANCELLED else 0
        more.days = days if name not in {None, "cancelled"} else 0.0
        counts.add(more)


_FIELD_OF: dict[str, dict[str, str]] = {
    AppointmentStatus.BOOKED: {
        Attendance.UNKNOWN: "unmarked",
        Attendance.KEPT: "came",
        Attendance.NO_SHOW: "no_show",
        Attendance.LATE_CANCEL: "late",
    },
    AppointmentStatus.CANCELLED: {
        Attendance.UNKNOWN: "cancelled",
        Attendance.LATE_CANCEL: "late",
    },
    AppointmentStatus.RESERVED: {},
}
"""Fields of Counts by status and attendance; without an exact time there was no visit."""
_UNTIMED = (AppointmentStatus.RESERVED, AppointmentStatus.CANCELLED)


@dataclass(frozen=True)
class NextFree:
    """The first free time of a doctor at a location. days: from today, by the calendar."""

    location: Location
    doctor: Doctor
    start: datetime
    days: int

    @property
    def when(self) -> str:
        wall = walltime.wall_clock(self.start, self.location.zone)
        return f"{labels.long_day(wall.date())}, {labels.clock(wall)}"


def next_free(desk: Desk) -> list[NextFree]:
    """List the first open opening from now of each doctor at each location, soonest first."""
    locations = {each.pk: each for each in desk.locations}
    doctors = {each.pk: each for each in desk.doctors}
    rows = Booking.objects.filter(
        location__in=locations, status=Status.OPEN, start_datetime__gt=desk.now
    )
    found = []
    for location_id, doctor_id, start in rows.values_list("location_id", "doctor_id").annotate(
        first=Min("start_datetime")
    ):
        zone = locations[location_id].zone
        days = walltime.wall_clock(start, zone).date() - walltime.wall_clock(desk.now, zone).date()
        found.append(NextFree(locations[location_id], doctors[doctor_id], start, days.days))
    return sorted(found, key=lambda each: each.start)


@dataclass(frozen=True)
class Ahead:
    """Counts of the next 14 days at one location, or at all of them."""

    name: str
    bookings: int
    places: int
    filled: int
    waiting: int
    held: int


def ahead(desk: Desk) -> list[Ahead]:
    """Count the next 14 days, today included, by each location's local dates."""
    nothing = dict.fromkeys(("bookings", "places", "filled", "waiting", "held"), 0)
    found: dict[str, dict[str, Any]] = {}
    for today, locations in _by_today(desk).items():
        last = today + timedelta(days=DAYS_AHEAD - 1)
        rows = Booking.objects.not_closed().on_local_days(locations, today, last)
        for row in rows.values("location_id").annotate(
            bookings=Count("pk"),
            places=Sum("total_appointments"),
            filled=Sum(F("places_reserved") + F("places_booked")),
            waiting=Sum("places_reserved"),
            held=Sum("places_pending"),
        ):
            found[row["location_id"]] = {
                name: value for name, value in row.items() if name in nothing
            }
    listed = [Ahead(each.name, **found.get(each.pk, nothing)) for each in desk.locations]
    totals = {name: sum(getattr(each, name) for each in listed) for name in nothing}
    return [*listed, Ahead("All locations", **totals)] if len(listed) > 1 else listed


def _by_today(desk: Desk) -> dict[date, list[Location]]:
    """Group the locations by their local date."""
    days = defaultdict(list)
    for location in desk.locations:
        days[walltime.wall_clock(desk.now, location.zone).date()].append(location)
    return days
