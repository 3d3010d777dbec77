"""The page on which a family asks to be told of an earlier time, and stops that."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from bookings.booking_page import limits
from bookings.booking_page.earlier import at_office, entry_of, join
from bookings.booking_page.visit.page import Visit, show, visit_page
from bookings.models import EntryStatus
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.families import to_come
from bookings.scheduling.waitlist import entries
from openchair.errors import LimitReached


@visit_page("GET", "HEAD", "POST")
def earlier(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask with one button; pressed twice it does nothing more."""
    if not visit.is_waiting and not visit.may_wait:
        return visit.go("visit")
    if request.method != "POST":
        return _show(request, visit)
    wanted, entry = request.POST.get("earlier"), entry_of(visit.appointment, visit.now)
    if wanted == "off" and entry is not None:
        entries.end(entry_id=entry.pk, status=EntryStatus.LEFT, by=PATIENT, now=visit.now)
    if wanted == "on" and visit.may_wait:
        try:
            limits.spend_wait(visit.offered, visit.appointment.unread_person)
            join(
                at_office(visit.offered, visit.appointment),
                to_come(visit.appointment, visit.now),
            )
        except LimitReached as limit:
            words = _("You have asked many times today. Call the office.")
            refused = _show(request, visit, words, 429)
            refused["Retry-After"] = str(limit.retry_after)
            return refused
        except entries.AlreadyWaiting:
            words = _(
                "You are on the waiting list already, but not for this visit. "
                "Leave it with the link in our e-mail, or call the office."
            )
            return _show(request, visit, words, 409)
    return visit.go("visit_earlier")


def _show(request: HttpRequest, visit: Visit, mistake: str = "", status: int = 200) -> HttpResponse:
    context = {
        "back": visit.url("visit"),
        "mistakes": [("", mistake)] if mistake else [],
        "has_mistakes": bool(mistake),
    }
    return show(request, visit, "earlier.html", context, status)
