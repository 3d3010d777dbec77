"""The page of a visit, the button that confirms it, and the calendar file."""

from django.http import HttpRequest, HttpResponse

from bookings.booking_page import calendar
from bookings.booking_page.visit.page import Visit, show, visit_page
from bookings.calendars import files
from bookings.scheduling import appointments
from bookings.scheduling.actors import PATIENT


@visit_page("GET", "HEAD")
def visit(request: HttpRequest, visit: Visit) -> HttpResponse:
    done = {f"is_{name}": name in request.GET for name in ("moved", "cancelled", "taken")}
    return show(request, visit, "show.html", done)


@visit_page("GET", "HEAD", "POST")
def come(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Note that the patient will come at the time that the page showed; a GET shows the visit."""
    if request.method == "POST":
        check = visit.check_seen(request.POST.get("seen", ""))
        appointments.confirm(
            appointment_id=visit.appointment.pk, by=PATIENT, now=visit.now, check=check
        )
    return visit.go("visit")


@visit_page("GET", "HEAD")
def calendar_file(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Send the calendar file; where there is none, show the visit, which says why."""
    link = request.build_absolute_uri(visit.url("visit"))
    file = calendar.for_visit(visit.appointment, link=link, now=visit.now)
    if file is None:
        return visit.go("visit")
    disposition = 'attachment; filename="visit.ics"'
    headers = {"Content-Disposition": disposition, "Content-Type": files.CONTENT_TYPE}
    return HttpResponse(file, headers=headers)
