"""Bulk closing of bookings: those with a place taken are listed apart and not closed."""

from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from bookings.desk import labels, times
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
        return show(request, desk, "close.html", _context(CloseManyForm(desk)))
    form = CloseManyForm(desk, request.POST)
    if not form.is_valid():
        return show(request, desk, "close.html", _context(form), 400)
    found = _chosen(desk, form.cleaned_data)
    if request.POST.get("do") == "close":
        agreed = set(request.POST.getlist("opening"))
        return _close(request, desk, [each for each in found if each.pk in agreed])
    context = {
        **_context(form),
        "previewed": True,
        "to_close": [_row(each, []) for each in found if each.is_free],
        "kept": _with_appointments([each for each in found if not each.is_free]),
    }
    return show(request, desk, "close.html", context)


def _context(form: CloseManyForm) -> dict[str, Any]:
    return {"title": "Close openings", "form": form}


def _with_appointments(taken: list[Booking]) -> list[dict[str, Any]]:
    """Return bookings as rows with their patients' names and phones."""
    appointments: dict[str, list[Appointment]] = defaultdict(list)
    rows = Appointment.objects.taken().filter(booking__in=taken)
    rows = rows.select_related("booking__location", "booking__practice")
    for appointment in rows.order_by("created_at", "id"):
        appointments[appointment.booking_id].append(appointment)
    return [_row(each, appointments[each.pk]) for each in taken]


def _row(booking: Booking, appointments: list[Appointment]) -> dict[str, Any]:
    patients = [
        {
            "name": labels.patient(each),
            "phone": each.person.phone,
            "status": labels.APPOINTMENT_STATUS[each.status],
            "time": times.of_appointment(each) if each.start_datetime is not None else "",
        }
        for each in appointments
    ]
    return {
        "booking": booking,
        "when": times.when(booking, appointments),
        "taken": [*({"name": text} for text in labels.whole(booking)), *patients],
    }


def _close(request: HttpRequest, desk: Desk, agreed: list[Booking]) -> HttpResponse:
    ids = [each.pk for each in agreed]
    closed = bookings.close_free(booking_ids=ids, by=desk.by, now=desk.now)
    messages.success(request, f"{labels.counted(len(closed), 'opening')} closed.")
    if left := [each for each in agreed if each.pk not in closed]:
        listed = "; ".join(times.when(each, []) for each in left)
        messages.warning(request, f"Taken or closed meanwhile, and left alone: {listed}.")
    return redirect("admin:desk_close", desk.practice.pk)
