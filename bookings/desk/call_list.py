"""Page of the call list: patients to call, who was reached, and undo."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from bookings.desk import calls, labels, times
from bookings.desk.desk import Desk, attempt, desk_page, show
from bookings.models import Call


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    finished = calls.done(desk.practice, since=_today(desk), now=desk.now)
    context = {
        "title": "Call list",
        "to_do": [_row(each, desk) for each in _related(calls.to_do(desk.practice, now=desk.now))],
        "done": [_done(each) for each in _related(finished)],
    }
    return show(request, desk, "calls.html", context)


def _related(rows: Any) -> Any:
    return rows.select_related(
        "appointment__booking__location",
        "appointment__booking__doctor",
        "appointment__booking__practice",
        "asked_by",
        "done_by",
    )


def _today(desk: Desk) -> datetime:
    """Return when today began at the first location."""
    zone = desk.locations[0].zone if desk.locations else UTC
    return desk.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _row(call: Call, desk: Desk) -> dict[str, Any]:
    visit = call.appointment
    return {
        "call": call,
        "visit": visit,
        "name": labels.patient(visit),
        "person": visit.person,
        "when": times.of_appointment(visit) or "no time yet",
        "since": labels.dated(call.asked_at, visit.booking.location.zone),
        "by": call.asked_by.get_full_name() or call.asked_by.get_username(),
    }


def _done(call: Call) -> dict[str, Any]:
    return {"call": call, "name": labels.patient(call.appointment), "outcome": calls.outcome(call)}


@desk_page
def reached(request: HttpRequest, desk: Desk, call_id: int) -> HttpResponse:
    """Note that a patient was reached, or with `undo` that the call is to be made after all."""
    call = get_object_or_404(
        Call.objects.select_related("appointment__booking__location"),
        practice=desk.practice,
        pk=call_id,
    )
    if request.method == "POST":
        if "undo" in request.POST:
            attempt(request, lambda: calls.undo(call), "The patient is back on the list.")
        else:
            attempt(
                request,
                lambda: calls.reach(call, user_id=desk.user.pk, now=desk.now),
                "Marked as reached.",
            )
    return redirect("admin:desk_calls", desk.practice.pk)
