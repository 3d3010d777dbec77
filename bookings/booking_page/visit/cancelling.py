"""The page on which a patient cancels a visit."""

from django.http import HttpRequest, HttpResponse

from bookings.booking_page.visit.page import Visit, show, visit_page
from bookings.models import AppointmentStatus
from bookings.scheduling import appointments
from bookings.scheduling.actors import PATIENT


@visit_page("GET", "HEAD", "POST")
def cancel(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask with one button, and cancel; the visit's page says why where that cannot be."""
    if request.method != "POST":
        if not visit.may_cancel:
            return visit.go("visit")
        return show(request, visit, "cancel.html", {"back": visit.url("visit")})
    if visit.state == AppointmentStatus.CANCELLED:
        return visit.go("visit")  # the button was pressed twice
    check = visit.check_may_change(request.POST.get("seen", ""))
    appointments.cancel(appointment_id=visit.appointment.pk, by=PATIENT, now=visit.now, check=check)
    return visit.go("visit", cancelled="1")
