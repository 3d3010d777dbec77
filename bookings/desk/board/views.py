"""Views of the board: the page and its download as CSV."""

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.views.decorators.http import condition, require_safe

from bookings import walltime
from bookings.desk import csv_export, labels, times
from bookings.desk.board import day, month, refresh, week
from bookings.desk.board.entries import COLUMNS, Entry, entries_by_location
from bookings.desk.board.grid import first_start
from bookings.desk.board.query import KINDS, View, in_view, on_board, remember, view_of
from bookings.desk.desk import Desk, desk_page, show
from bookings.messages import queue
from bookings.models import Booking, Status
from openchair.staff import sessions


@desk_page
@require_safe
@condition(etag_func=refresh.etag)
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    view = view_of(request, desk)
    rows = list(on_board(desk, view).values_list(*COLUMNS, named=True))
    entries = entries_by_location(desk, view, rows)
    context = {
        "view": view,
        "desk": desk,
        "untimed": _untimed(desk),
        **_shown(request, desk, view, entries),
    }
    if sessions.is_refresh(request):
        return show(request, desk, "board_live.html", context)
    today = walltime.wall_clock(desk.now, desk.zone).date()
    context |= {
        "title": "Board",
        "heading": _heading(view),
        "short_heading": _heading(view, short=True),
        "is_today": today in view.days and (view.kind != "month" or today.month == view.day.month),
        "today": view.query(day=today.isoformat()),
        "previous": view.query(day=view.moved(-1).isoformat()),
        "next": view.query(day=view.moved(1).isoformat()),
        "kinds": [(kind, kind.capitalize(), view.query(view=kind)) for kind in KINDS],
        "query": view.query(),
        "new_start": first_start(desk, desk.zone, view.days),
        "statuses": [(status.value, labels.STATUS[status]) for status in Status],
        "is_fullwidth": "1",
        "nowhere": [each.name for each in desk.doctors if not each.locations.all()],
        "mail_waits_since": _mail_waits_since(desk, desk.zone),
        "mail_is_files": not settings.EMAIL_URL,
    }
    response = show(request, desk, "board.html", context)
    remember(request, response, desk, view)
    return response


def _shown(
    request: HttpRequest, desk: Desk, view: View, entries: dict[str, list[Entry]]
) -> dict[str, Any]:
    """Return the context of this kind of view."""
    if view.kind == "month":
        return {"weeks": month.weeks(desk, view, entries)}
    if view.kind == "week":
        return {"places": week.places(desk, view, entries)}
    hours = day.ruler({each.pk: entries[each.pk] for each in view.locations(desk)})
    path, token = f"{request.path}{view.address}", get_token(request)
    places = day.places(desk, view, entries, hours, path, token)
    columns = sum(max(1, len(place.doctors)) for place in places)
    return {"hours": hours, "places": places, "columns": columns}


@desk_page
@require_safe
def export_csv(request: HttpRequest, desk: Desk) -> HttpResponse:
    view = view_of(request, desk)
    return csv_export.bookings_csv(in_view(desk, view).prefetch_related(times.WITH_TIMED))


def _mail_waits_since(desk: Desk, zone: ZoneInfo) -> str:
    """Return since when mail has been stuck, by the office's clock; "" if it is not.

    On the page alone: a refresh would not come for it.
    """
    since = queue.stuck_since(desk.now)
    if since is None:
        return ""
    wall, today = walltime.wall_clock(since, zone), walltime.wall_clock(desk.now, desk.zone).date()
    return labels.clock(wall) if wall.date() == today else labels.dated(since, zone)


def _untimed(desk: Desk) -> list[Booking]:
    """List up to 20 bookings without a time, which are on no day of the board."""
    rows = Booking.objects.not_closed().filter(practice=desk.practice, start_datetime=None)
    rows = rows.select_related("location", "doctor")
    return list(rows.order_by("created_at")[:20])


def _heading(view: View, *, short: bool = False) -> str:
    if view.kind == "month":
        return f"{view.day:%B %Y}"
    if view.kind == "day":
        return f"{labels.day(view.day)}, {view.day.year}" if short else labels.long_day(view.day)
    return f"{labels.day(view.days[0])} – {labels.day(view.days[-1])}, {view.days[-1].year}"
