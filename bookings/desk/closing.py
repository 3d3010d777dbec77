"""Bulk closing of openings that nobody has taken; who has a place goes on the call list."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from bookings import walltime
from bookings.desk import calls, labels, times
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.forms import CloseManyForm
from bookings.models import Appointment, Booking
from bookings.scheduling import bookings


def _chosen(desk: Desk, asked: dict[str, Any]) -> list[Booking]:
    """List the future bookings that match the form, days in each location's time zone."""
    locations = [each for each in desk.locations if asked["location"] in {None, each}]
    rows = Booking.objects.not_closed().on_local_days(locations, asked["first"], asked["last"])
    rows = rows.filter(practice=desk.practice, start_datetime__gt=desk.now)
    if asked["doctor"] is not None:
        rows = rows.filter(doctor=asked["doctor"])
    rows = rows.select_related("location", "doctor", "practice", "whole_partner")
    return list(rows.order_by("start_datetime", "id"))


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Render the form, the preview of what would be closed, or close what was agreed to."""
    if request.method != "POST":
        initial = {"doctor": request.GET.get("doctor", "")}
        if desk.locations:
            today = walltime.wall_clock(desk.now, desk.locations[0].zone).date()
            initial |= {"first": today.isoformat(), "last": today.isoformat()}
        return show(request, desk, "close.html", _context(CloseManyForm(desk, initial=initial)))
    form = CloseManyForm(desk, request.POST)
    if not form.is_valid():
        return show(request, desk, "close.html", _context(form), 400)
    found, visits = _chosen(desk, form.cleaned_data), _visits(desk, form.cleaned_data)
    if request.POST.get("do") == "close":
        agreed = set(request.POST.getlist("opening"))
        return _close(request, desk, [each for each in found if each.pk in agreed], visits)
    context = {
        **_context(form),
        "previewed": True,
        "to_close": [_row(each) for each in found if each.is_free],
        "to_call": [_patient(each) for each in visits],
        "whole": [_row(each) for each in found if each.whole_taken],
    }
    return show(request, desk, "close.html", context)


def _context(form: CloseManyForm) -> dict[str, Any]:
    return {"title": "Close openings", "form": form}


def _visits(desk: Desk, asked: dict[str, Any]) -> list[Appointment]:
    """List the taken visits in the chosen days."""
    locations = [each for each in desk.locations if asked["location"] in {None, each}]
    days = asked["first"], asked["last"]
    return list(calls.visits(desk.practice, locations, asked["doctor"], *days, now=desk.now))


def _row(booking: Booking) -> dict[str, Any]:
    return {
        "booking": booking,
        "when": times.when(booking, []),
        "taken": labels.whole(booking),
    }


def _patient(visit: Appointment) -> dict[str, Any]:
    return {
        "booking": visit.booking,
        "when": times.of_appointment(visit),
        "name": labels.patient(visit),
        "phone": visit.person.phone,
        "status": labels.APPOINTMENT_STATUS[visit.status],
    }


def _close(
    request: HttpRequest, desk: Desk, agreed: list[Booking], visits: list[Appointment]
) -> HttpResponse:
    ids = [each.pk for each in agreed]
    closed = bookings.close_free(booking_ids=ids, by=desk.by, now=desk.now)
    if closed or not visits:
        messages.success(request, f"{labels.counted(len(closed), 'opening')} closed.")
    if left := [each for each in agreed if each.pk not in closed]:
        listed = "; ".join(times.when(each, []) for each in left)
        messages.warning(request, f"Not closed, because somebody was faster: {listed}.")
    if not visits:
        return redirect("admin:desk_close", desk.practice.pk)
    calls.ask(visits, user_id=desk.user.pk, now=desk.now)
    who = labels.counted(len(visits), "patient")
    messages.success(request, f"{who} on the call list. They still have their visits.")
    return redirect("admin:desk_calls", desk.practice.pk)
