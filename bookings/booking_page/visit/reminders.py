"""The page on which a patient ends reminders, and has them sent again."""

from django.http import HttpRequest, HttpResponse

from bookings.booking_page.visit.page import Visit, show, visit_page
from bookings.patients import reminder_opt_outs


@visit_page("GET", "HEAD", "POST")
def reminders(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask with one button; end them at once where a mail program asks (RFC 8058).

    A mail program follows no redirect, and cannot tell a visit that is over from one to come.
    """
    is_one_click = request.POST.get("List-Unsubscribe") == "One-Click"
    wanted = request.POST.get("reminders")
    if is_one_click or wanted == "off":
        reminder_opt_outs.add(visit.appointment, visit.now)
    elif wanted == "on":
        reminder_opt_outs.remove(visit.appointment)
    if request.method == "POST" and not is_one_click:
        return visit.go("visit_reminders")
    is_off = reminder_opt_outs.of(visit.appointment).exists()
    return show(request, visit, "reminders.html", {"back": visit.url("visit"), "is_off": is_off})
