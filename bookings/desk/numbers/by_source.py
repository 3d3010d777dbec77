"""Counts of the booking page's visits by where patients came from, for the page Reports."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT

from bookings.desk import sources
from bookings.desk.desk import Desk
from bookings.desk.numbers import periods
from bookings.desk.numbers.counts import FROM_PAGE, visits_of
from bookings.desk.numbers.periods import Window
from bookings.models import Appointment, AppointmentStatus, Attendance
from practices.models import Kind

COLUMNS = (
    "source",
    "campaign",
    "started",
    "booked",
    "confirmed",
    "came",
    "no-show",
    "late cancel",
    "cancelled",
)
_BOOKED = Q(status__in=(AppointmentStatus.BOOKED, AppointmentStatus.RESERVED))
_IN_TIME = Q(status=AppointmentStatus.CANCELLED, attendance=Attendance.UNKNOWN)


def count(desk: Desk, windows: Sequence[Window]) -> list[tuple[Any, ...]]:
    """Count what took place in the windows of a period: rows of COLUMNS, most booked first."""
    found: dict[tuple[Any, str], list[int]] = defaultdict(lambda: [0] * 7)
    for rows, at in _visits(desk) if windows else ():
        grouped = rows.filter(periods.within(windows, at, "booking__")).values_list(
            "source", KT("attribution__utm_campaign")
        )
        for source, campaign, *figures in grouped.annotate(
            held=Count("pk"),
            booked=Count("pk", filter=_BOOKED),
            confirmed=Count("confirmed_at"),
            came=Count("pk", filter=Q(attendance=Attendance.KEPT)),
            no_show=Count("pk", filter=Q(attendance=Attendance.NO_SHOW)),
            late=Count("pk", filter=Q(attendance=Attendance.LATE_CANCEL)),
            cancelled=Count("pk", filter=_IN_TIME),
        ):
            cell = found[source, campaign or ""]
            cell[:] = map(sum, zip(cell, figures, strict=True))
    named = sources.words(desk.practice, [source for source, _ in found])
    rows_of = [(named[source], campaign, *cell) for (source, campaign), cell in found.items()]
    return sorted(rows_of, key=lambda row: (-row[3], row[0], row[1]))


def _visits(desk: Desk) -> Iterator[tuple[QuerySet[Appointment], str]]:
    """Yield the booking page's visits, with the lookup of their time, as `counts.count` does."""
    rows = visits_of(desk).filter(FROM_PAGE)
    if desk.practice.kind == Kind.EXACT:
        yield rows, "booking__start_datetime"
    else:
        yield rows.filter(start_datetime__isnull=False), "start_datetime"
        yield rows.filter(start_datetime__isnull=True), "booking__start_datetime"
