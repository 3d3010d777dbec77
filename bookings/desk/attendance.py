"""View of attendance: whether a patient came, said with one click."""

from operator import attrgetter

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from bookings.desk import labels
from bookings.desk.desk import Desk, as_seen, attempt, desk_page, within_desk
from bookings.models import Attendance
from bookings.scheduling import appointments


@desk_page
def attend(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Set an appointment's attendance, and return to the page that the form was on (`next`)."""
    appointment = desk.appointment(appointment_id)
    opening = reverse("admin:desk_booking", args=[desk.practice.pk, appointment.booking_id])
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return redirect(opening)
    attendance, seen = request.POST.get("attendance", ""), request.POST.get("seen", "")
    if attendance not in Attendance.values:
        raise Http404
    attempt(
        request,
        lambda: appointments.edit(
            appointment_id=appointment.pk,
            fields={"attendance": attendance},
            by=desk.by,
            now=desk.now,
            check=as_seen(seen, attrgetter("attendance")),
        ),
        "Mark removed."
        if attendance == Attendance.UNKNOWN
        else f"Marked: {labels.ATTENDANCE[attendance]}.",
    )
    return redirect(within_desk(desk, request.POST.get("next", "")) or opening)
