"""Views that give a patient a place: a free one, or one that was taken without a name."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from bookings import walltime
from bookings.desk import labels, telling, times
from bookings.desk.booking import show_opening, takes_patients
from bookings.desk.clashes import Given, guard
from bookings.desk.desk import Desk, desk_page, try_form
from bookings.desk.patient_forms import NamedPatientForm, PatientForm
from bookings.models import Appointment, AppointmentStatus
from bookings.patients import search
from bookings.scheduling import appointments


@desk_page
def take(request: HttpRequest, desk: Desk, booking_id: str) -> HttpResponse:
    """Book a patient into a free place, and lead to the next opening (`then`) of a family."""
    return _give(request, desk, booking_id, "take", PatientForm, appointments.take)


@desk_page
def name(request: HttpRequest, desk: Desk, booking_id: str) -> HttpResponse:
    """Name the patient of a place that was taken as a whole."""
    return _give(request, desk, booking_id, "name", NamedPatientForm, appointments.name_patient)


def _give(
    request: HttpRequest,
    desk: Desk,
    booking_id: str,
    which: str,
    form_class: type[PatientForm],
    verb: Callable[..., Appointment],
) -> HttpResponse:
    """Give a place with `verb`, or render the page's form of this name again, with what is amiss.

    A patient who has a visit to come gets another one only if `again` is ticked.
    """
    booking = desk.booking(booking_id)
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return redirect("admin:desk_booking", desk.practice.pk, booking.pk)
    then = [desk.booking(each).pk for each in request.POST.getlist("then")]
    form = form_class(request.POST, desk=desk, booking=booking)
    forms: dict[str, Any] = {which: form}
    is_there = takes_patients(booking, desk.now) if which == "take" else booking.whole_taken
    if is_there and form.is_valid() and not form.cleaned_data["again"]:
        visits = search.already(desk.practice.pk, form.patient, now=desk.now)
        if visits:
            forms["visits"] = [_visit(each) for each in visits]
            return show_opening(request, desk, booking, **forms, status=400)

    def give() -> Appointment:
        fields = form.fields_for_verb()
        return verb(booking_id=booking.pk, fields=fields, by=desk.by, now=desk.now)

    agreed = request.POST.get("anyway", "")
    made = try_form(
        form,
        lambda: guard(give, Given(booking, form.cleaned_data.get("instant")), agreed=agreed),
    )
    if made is None:
        return show_opening(request, desk, desk.booking(booking_id), **forms, status=400)
    messages.success(request, _done(made, desk))
    if not then:
        return redirect("admin:desk_booking", desk.practice.pk, booking.pk)
    following = reverse("admin:desk_booking", args=[desk.practice.pk, then[0]])
    query = urlencode({"like": made.pk, "then": then[1:]}, doseq=True)
    return redirect(f"{following}?{query}")


def _visit(appointment: Appointment) -> dict[str, Any]:
    booking = appointment.booking
    return {
        "appointment": appointment,
        "name": labels.patient(appointment),
        "when": str(times.of_appointment(appointment) or "a day to be set"),
        "doctor": booking.doctor.name,
        "location": booking.location.name,
    }


def _done(made: Appointment, desk: Desk) -> str:
    """Say what happened, without the name: messages are in a cookie."""
    when, told = times.of_appointment(made), telling.told([made], desk)
    if made.status == AppointmentStatus.BOOKED:
        return format_html("The visit is booked for {}.{}", when, told)
    if made.status == AppointmentStatus.RESERVED:
        return format_html("The visit for {} needs a time.{}", when, told)
    assert made.pending_until is not None
    ends = walltime.wall_clock(made.pending_until, made.booking.location.zone)
    return f"{when} is on hold for the patient until {labels.clock(ends)}."
