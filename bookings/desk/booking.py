"""Views of one booking: details, appointments, status changes and history."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.desk import history, labels, times
from bookings.desk.board.query import url_of_day
from bookings.desk.desk import (
    Desk,
    as_seen,
    attempt,
    desk_page,
    say_mistakes,
    show,
    try_form,
)
from bookings.desk.forms import ExactTimeForm, NamedPatientForm, PatientForm
from bookings.models import TAKEN, Appointment, AppointmentStatus, Booking, Status
from bookings.representation import time_range
from bookings.scheduling import appointments, bookings, moves

BUTTONS = {
    # value the button submits: resulting status, label, success message
    "hold": (Status.PENDING, "Hold", "The opening is on hold."),
    "release": (Status.OPEN, "Release", "The opening is open again."),
    "reserve": (Status.RESERVED, "Reserve", "The opening is reserved and needs an exact time."),
    "book": (Status.BOOKED, "Book", "The opening is booked."),
}


@dataclass(frozen=True)
class AppointmentRow:
    """An appointment as the template needs it."""

    appointment: Appointment
    name: str
    status: str
    time: str
    held_until: str
    is_taken: bool


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk, booking_id: str) -> HttpResponse:
    return _show(request, desk, desk.booking(booking_id))


def _show(
    request: HttpRequest,
    desk: Desk,
    booking: Booking,
    *,
    patient: PatientForm | None = None,
    named: NamedPatientForm | None = None,
    status: int = 200,
) -> HttpResponse:
    zone = booking.location.zone
    is_range = desk.practice.range_bookings
    found = booking.appointments.select_related("partner", "booking__practice", "booking__location")
    rows = [_row(each) for each in found.order_by("created_at", "id")]
    when = times.when(booking, [row.appointment for row in rows])
    asked = time_range(booking.start_datetime, zone) if is_range else None
    wall = booking.start_datetime and walltime.wall_clock(booking.start_datetime, zone)
    context = {
        "title": f"Opening {when}",
        "booking": booking,
        "status_word": labels.STATUS[booking.status],
        "when": when,
        "start_value": f"{wall:%Y-%m-%dT%H:%M}" if wall else "",
        "zone": labels.zone_name(zone, booking.start_datetime or desk.now),
        "range": labels.RANGES[asked] if asked else "",
        "taken": labels.taken(booking),
        "is_range": is_range,
        "is_past": booking.start_datetime is not None and booking.start_datetime <= desk.now,
        "held_until": booking.pending_until and labels.moment_at(booking.pending_until, zone),
        "moves": _moves(booking),
        "appointments": rows,
        "whole": labels.whole(booking),
        "has_patients": booking.places_taken > booking.whole_taken,
        "patient": patient or PatientForm(desk=desk, booking=booking),
        "named": named or NamedPatientForm(desk=desk, booking=booking),
        "lines": history.of_booking(booking),
        "board": url_of_day(desk, booking),
    }
    return show(request, desk, "booking.html", context, status)


def _row(appointment: Appointment) -> AppointmentRow:
    zone = appointment.booking.location.zone
    exact, until = appointment.start_datetime, appointment.pending_until
    return AppointmentRow(
        appointment=appointment,
        name=labels.patient(appointment),
        status=labels.APPOINTMENT_STATUS[appointment.status],
        time=labels.moment_at(exact, zone) if exact else "",
        held_until=labels.moment_at(until, zone) if until else "",
        is_taken=appointment.status in TAKEN,
    )


def _moves(booking: Booking) -> list[dict[str, Any]]:
    """List the buttons for the moves that BOOKING_MOVES and the booking's places allow now."""
    may = moves.BOOKING_MOVES[booking.practice.kind].get(Status(booking.status), set())
    ours = booking.whole_taken
    found = []
    for name, (status, label, _done) in BUTTONS.items():
        possible = status in may
        if status == Status.OPEN:
            # With some places free the status is open already, and the others can be released.
            possible = ours > 0 and Status.OPEN in {*may, booking.status}
        elif booking.status != Status.OPEN and not ours:
            possible = False
        if booking.start_datetime is None and status in {Status.OPEN, Status.BOOKED}:
            possible = False
        if possible:
            needs_time = status == Status.BOOKED and booking.practice.range_bookings
            found.append({"name": name, "label": label, "needs_time": needs_time})
    return found


@desk_page
def act(request: HttpRequest, desk: Desk, booking_id: str) -> HttpResponse:
    """Hold, release, reserve, book or close a whole booking."""
    booking = desk.booking(booking_id)
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return redirect("admin:desk_booking", desk.practice.pk, booking.pk)
    wanted, seen = request.POST.get("do", ""), request.POST.get("seen", "")
    if wanted == "close":
        attempt(
            request,
            lambda: bookings.close(
                booking_id=booking.pk, by=desk.by, now=desk.now, check=as_seen(seen)
            ),
            "The opening is closed.",
        )
        return redirect("admin:desk_booking", desk.practice.pk, booking.pk)
    if wanted not in BUTTONS:
        raise Http404
    status, _label, done = BUTTONS[wanted]
    fields: bookings.Fields = {"status": status}
    if status == Status.BOOKED and desk.practice.range_bookings:
        form = ExactTimeForm(request.POST, desk=desk, booking=booking)
        if not form.is_valid():
            say_mistakes(request, form)
            return redirect("admin:desk_booking", desk.practice.pk, booking.pk)
        fields["start_datetime"] = form.cleaned_data["start"]
    attempt(
        request,
        lambda: bookings.edit(
            booking_id=booking.pk, fields=fields, by=desk.by, now=desk.now, check=as_seen(seen)
        ),
        done,
    )
    return redirect("admin:desk_booking", desk.practice.pk, booking.pk)


@desk_page
def take_appointment(request: HttpRequest, desk: Desk, booking_id: str) -> HttpResponse:
    """Make an appointment of a free place."""
    return _make(request, desk, booking_id, "patient", PatientForm, appointments.take)


@desk_page
def name_patient(request: HttpRequest, desk: Desk, booking_id: str) -> HttpResponse:
    """Make an appointment of a place that was taken as a whole."""
    return _make(request, desk, booking_id, "named", NamedPatientForm, appointments.name_patient)


def _make(
    request: HttpRequest,
    desk: Desk,
    booking_id: str,
    name: str,
    form_class: type[PatientForm],
    verb: Callable[..., Appointment],
) -> HttpResponse:
    """Make an appointment with `verb`; on errors render the page's form of this name again."""
    booking = desk.booking(booking_id)
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return redirect("admin:desk_booking", desk.practice.pk, booking.pk)
    form = form_class(request.POST, desk=desk, booking=booking)
    made = try_form(
        form,
        lambda: verb(
            booking_id=booking.pk, fields=form.fields_for_verb(), by=desk.by, now=desk.now
        ),
    )
    if made is None:
        forms: dict[str, Any] = {name: form}
        return _show(request, desk, desk.booking(booking_id), **forms, status=400)
    status = labels.APPOINTMENT_STATUS[made.status].lower()
    messages.success(request, f"{labels.patient(made)}: place {status}.")
    return redirect("admin:desk_booking", desk.practice.pk, booking.pk)


@desk_page
def act_on_appointment(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Book, reserve or cancel an appointment."""
    appointment = desk.appointment(appointment_id)
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return redirect("admin:desk_booking", desk.practice.pk, appointment.booking_id)
    wanted, seen = request.POST.get("do", ""), request.POST.get("seen", "")
    name = labels.patient(appointment)
    if wanted == "give_back":
        attempt(
            request,
            lambda: appointments.cancel(
                appointment_id=appointment.pk, by=desk.by, now=desk.now, check=as_seen(seen)
            ),
            f"The place of {name} is free again.",
        )
    elif wanted in {AppointmentStatus.BOOKED, AppointmentStatus.RESERVED}:
        fields: appointments.Fields = {"status": wanted}
        if wanted == AppointmentStatus.BOOKED and desk.practice.range_bookings:
            form = ExactTimeForm(request.POST, desk=desk, booking=appointment.booking)
            if not form.is_valid():
                say_mistakes(request, form)
                return redirect("admin:desk_booking", desk.practice.pk, appointment.booking_id)
            fields["start_datetime"] = form.cleaned_data["start"]
        attempt(
            request,
            lambda: appointments.edit(
                appointment_id=appointment.pk,
                fields=fields,
                by=desk.by,
                now=desk.now,
                check=as_seen(seen),
            ),
            f"{name}: place {labels.APPOINTMENT_STATUS[wanted].lower()}.",
        )
    else:
        raise Http404
    return redirect("admin:desk_booking", desk.practice.pk, appointment.booking_id)
