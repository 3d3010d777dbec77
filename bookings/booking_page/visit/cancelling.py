"""The page on which a patient cancels a visit."""

from django.http import HttpRequest, HttpResponse

from bookings.booking_page.visit.page import Visit, show, show_refused, visit_page
from bookings.models import AppointmentStatus
from bookings.scheduling import appointments
from bookings.scheduling.actors import PATIENT
from openchair.errors import Refused


@visit_page("GET", "HEAD", "POST")
def cancel(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask with one button, and cancel; the visit's page says why where that cannot be."""
    if request.method != "POST":
        if not visit.may_cancel:
            return visit.go("visit")
        return show(request, visit, "cancel.html", {"back": visit.url("visit")})
    if visit.state == AppointmentStatus.CANCELLED:
        return visit.go("visit")  # the button was pressed twice
    try:
        appointments.cancel(
            appointment_id=visit.appointment.pk,
            by=PATIENT,
            now=visit.now,
            check=visit.check_may_change(request.POST.get("seen", "")),
        )
    except Refused as refused:
        return show_refused(request, visit, refused)
    return visit.go("visit")
