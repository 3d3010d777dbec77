"""Views of the board: the page and its download as CSV."""

from collections import Counter
from datetime import timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.desk import csv_export, labels, times
from bookings.desk.board import day, week
from bookings.desk.board.entries import COLUMNS, Entry, entries_by_location
from bookings.desk.board.grid import first_start
from bookings.desk.board.query import View, in_view, view_of
from bookings.desk.desk import Desk, desk_page, show
from bookings.models import Booking, Status


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    view = view_of(request, desk)
    rows = list(in_view(desk, view).values_list(*COLUMNS, named=True))
    entries = entries_by_location(desk, view, rows)
    shown = view.locations(desk)
    make = week.grid if view.is_week else day.grid
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
        "new_start": first_start(desk, zone, view.days),
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
