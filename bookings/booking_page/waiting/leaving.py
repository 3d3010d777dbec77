"""Leaving the waiting list, and being offered times again."""

from django.http import HttpRequest, HttpResponse

from bookings.booking_page.waiting.entry import Waiting
from bookings.booking_page.waiting.page import show, show_entry, waiting_page
from bookings.models import EntryStatus
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import entries


@waiting_page("GET", "HEAD", "POST")
def leave(request: HttpRequest, waiting: Waiting) -> HttpResponse:
    """Ask with one button, and leave; at once where a mail program asks (RFC 8058).

    What is offered is given back in the same act. A mail program follows no redirect.
    """
    if request.method != "POST":
        if not waiting.is_on_list:
            return waiting.go()
        return show(request, waiting, "leave.html", {"back": waiting.url("waiting")})
    entries.end(entry_id=waiting.entry.pk, status=EntryStatus.LEFT, by=PATIENT, now=waiting.now)
    if request.POST.get("List-Unsubscribe") == "One-Click":
        return show_entry(request, waiting.again())
    return waiting.go()


@waiting_page("GET", "HEAD", "POST")
def resume(request: HttpRequest, waiting: Waiting) -> HttpResponse:
    """Have a paused family offered times again; a GET shows the entry."""
    if request.method != "POST" or waiting.state != EntryStatus.PAUSED:
        return waiting.go()
    entries.resume(entry_id=waiting.entry.pk, by=PATIENT, now=waiting.now)
    return waiting.go(resumed="1")
