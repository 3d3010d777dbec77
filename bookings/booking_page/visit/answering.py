"""Buttons with which a patient answers the times that the office proposes for a request."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from bookings.booking_page.visit.page import Visit, show, visit_page
from bookings.booking_page.visit.proposed import Proposed
from bookings.models import AppointmentStatus, ProposalOutcome
from bookings.scheduling import proposals
from bookings.scheduling.actors import PATIENT
from openchair.errors import Refused


@visit_page("GET", "HEAD", "POST")
def take(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Take the time that was chosen; a GET shows the visit."""
    wanted = request.POST.get("time", "")
    if request.method != "POST" or visit.state == AppointmentStatus.BOOKED:
        return visit.go("visit")  # also where the button was pressed twice
    choices = visit.proposed.choices if visit.proposed else []
    if choices and not wanted:
        mistakes = [("time_0", _("Choose a time"))]
        return show(request, visit, "show.html", {"mistakes": mistakes}, status=400)
    chosen = next((each for each in choices if each.value == wanted), None)
    if chosen is None:
        raise Refused("time_taken", "This time can no longer be had.")
    check = visit.check_seen(request.POST.get("seen", ""))
    proposals.take(time=chosen.time, by=PATIENT, now=visit.now, check=check)
    return visit.go("visit", taken="1")


@visit_page("GET", "HEAD", "POST")
def others(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask for other times, and give these back; a GET shows the visit."""
    if request.method == "POST" and visit.proposed is not None and visit.proposed.choices:
        _end(request, visit, visit.proposed, ProposalOutcome.OTHERS)
    return visit.go("visit")


@visit_page("GET", "HEAD", "POST")
def give_up(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask once more, and cancel the request; the times are given back in the same act."""
    if visit.proposed is None or not visit.proposed.choices:
        return visit.go("visit")  # also where the button was pressed twice
    if request.method != "POST":
        return show(request, visit, "give_up.html", {"back": visit.url("visit")})
    _end(request, visit, visit.proposed, ProposalOutcome.GAVE_UP)
    return visit.go("visit", cancelled="1")


def _end(request: HttpRequest, visit: Visit, proposed: Proposed, outcome: ProposalOutcome) -> None:
    check = visit.check_seen(request.POST.get("seen", ""))
    proposals.end(
        proposal=proposed.proposal, outcome=outcome, by=PATIENT, now=visit.now, check=check
    )
