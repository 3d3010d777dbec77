"""Queue of reserved appointments in range bookings, which need an exact time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.desk import labels, times
from bookings.desk.desk import Desk, as_seen, attempt, desk_page, show
from bookings.desk.forms import ExactTimeForm
from bookings.models import Appointment, AppointmentStatus, Booking
from bookings.representation import time_range
from bookings.scheduling import appointments

_WAITS = as_seen(AppointmentStatus.RESERVED)


@dataclass(frozen=True)
class Card:
    """A reserved appointment as the template needs it."""

    appointment: Appointment
    name: str
    asked_day: str
    asked_range: str
    zone: str
    lasted: str
    form: ExactTimeForm
    others: list[str]


def _waiting(desk: Desk) -> list[Appointment]:
    """List reserved appointments, longest waiting first."""
    rows = Appointment.objects.waiting_for_time().filter(booking__practice=desk.practice)
    rows = rows.select_related(
        "booking__location", "booking__doctor", "booking__practice", "partner"
    )
    since = Min("events__at", filter=Q(events__to_status=AppointmentStatus.RESERVED))
    return list(rows.annotate(since=since).order_by("since", "id"))


def _waiting_whole(desk: Desk) -> list[Booking]:
    """List bookings with places reserved as a whole, without a patient."""
    rows = Booking.objects.filter(practice=desk.practice, whole_reserved__gt=0)
    related = rows.select_related("location", "doctor", "practice", "whole_partner")
    return list(related.order_by("start_datetime", "id"))


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    return _show(request, desk)


def _show(
    request: HttpRequest,
    desk: Desk,
    *,
    typed: tuple[str, ExactTimeForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    appointments = _waiting(desk)
    others = _times_given(desk, appointments)
    context = {
        "title": "Range desk",
        "desk": desk,
        "queue": [_card(each, desk, others, typed) for each in appointments],
        "unnamed": [_unnamed(booking) for booking in _waiting_whole(desk)],
    }
    return show(request, desk, "ranges.html", context, status)


def _card(
    appointment: Appointment,
    desk: Desk,
    others: dict[tuple[str, str], list[str]],
    typed: tuple[str, ExactTimeForm] | None,
) -> Card:
    booking = appointment.booking
    zone = booking.location.zone
    wall = walltime.wall_clock(booking.start_datetime, zone) if booking.start_datetime else None
    part = time_range(booking.start_datetime, zone)
    form = ExactTimeForm(desk=desk, booking=booking, initial={"start": wall})
    if typed is not None and typed[0] == appointment.pk:
        form = typed[1]
    form.auto_id = f"id_{appointment.pk}_%s"
    day = labels.day(wall.date()) if wall else "no day yet"
    since: datetime = getattr(appointment, "since", None) or appointment.created_at
    return Card(
        appointment=appointment,
        name=labels.patient(appointment),
        asked_day=day,
        asked_range=labels.RANGES[part] if part else "any time",
        zone=labels.zone_name(zone, booking.start_datetime or desk.now),
        lasted=labels.lasted(desk.now - since),
        form=form,
        others=others.get((booking.doctor_id, day), []),
    )


def _unnamed(booking: Booking) -> dict[str, Any]:
    return {
        "booking": booking,
        "when": times.when(booking, []),
        "who": [text for text in labels.whole(booking) if "needs a time" in text],
    }


def _times_given(desk: Desk, appointments: list[Appointment]) -> dict[tuple[str, str], list[str]]:
    """List future exact times of these doctors, by doctor id and day, as text in wall time."""
    doctors = {each.booking.doctor_id for each in appointments}
    given: dict[tuple[str, str], list[str]] = {}
    rows = (
        Appointment.objects.timed()
        .filter(
            booking__practice=desk.practice,
            booking__doctor__in=doctors,
            start_datetime__gt=desk.now,
        )
        .select_related("booking__location")
    )
    for row in rows.order_by("start_datetime"):
        assert row.start_datetime is not None
        wall = walltime.wall_clock(row.start_datetime, row.booking.location.zone)
        key = row.booking.doctor_id, labels.day(wall.date())
        given.setdefault(key, []).append(labels.clock(wall))
    return given


@desk_page
def assign(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Set an appointment's exact time; one outside the part of the day needs a confirmation."""
    appointment = desk.appointment(appointment_id)
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return redirect("admin:desk_ranges", desk.practice.pk)
    form = ExactTimeForm(request.POST, desk=desk, booking=appointment.booking)
    still_waits = appointment.status == AppointmentStatus.RESERVED
    # If a colleague has dealt with the appointment, attempt() below reports that instead.
    if not form.is_valid() and (still_waits or "start" not in form.cleaned_data):
        return _show(request, desk, typed=(appointment.pk, form), status=400)
    exact = form.cleaned_data["start"]
    fields: appointments.Fields = {"status": AppointmentStatus.BOOKED, "start_datetime": exact}
    when = labels.moment_at(exact, appointment.booking.location.zone)
    attempt(
        request,
        lambda: appointments.edit(
            appointment_id=appointment.pk, fields=fields, by=desk.by, now=desk.now, check=_WAITS
        ),
        f"{labels.patient(appointment)} is booked for {when}.",
    )
    return redirect("admin:desk_ranges", desk.practice.pk)


@desk_page
def give_back(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Cancel a reserved appointment."""
    appointment = desk.appointment(appointment_id)
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return redirect("admin:desk_ranges", desk.practice.pk)
    attempt(
        request,
        lambda: appointments.cancel(
            appointment_id=appointment.pk, by=desk.by, now=desk.now, check=_WAITS
        ),
        f"The place of {labels.patient(appointment)} is free again.",
    )
    return redirect("admin:desk_ranges", desk.practice.pk)
