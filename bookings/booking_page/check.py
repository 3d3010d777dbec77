"""Step 6, check: everything once more, with a way to change each; its button books the visit."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from bookings.booking_page import clock, done, holding, summary
from bookings.booking_page.contact import ContactForm
from bookings.booking_page.outcomes import answer_refusals
from bookings.booking_page.page import Page, show, step
from bookings.models import Appointment

_STEPS = ("book", "book_where", "book_day", "book_details")
"""Where something can be changed."""


@step
@answer_refusals
def check(request: HttpRequest, page: Page) -> HttpResponse:
    visit = holding.visits(page)
    holding.check_can_be_had(visit)
    if not ContactForm.of(visit[0].unread_person).is_valid():
        return page.go("book_details")
    if request.method != "POST":
        return _show(request, page, visit)
    try:
        return done.go(page, holding.confirm(page, request.POST.get("seen", "")))
    except holding.NotAsSeen:
        return _show(request, page, holding.visits(page), has_changed=True)


def _show(
    request: HttpRequest, page: Page, visit: list[Appointment], *, has_changed: bool = False
) -> HttpResponse:
    context: dict[str, Any] = {
        "step": "book_check",
        "back": page.url("book_details"),
        "seen": holding.shown(visit),
        "has_changed": has_changed,
        "change": {name: page.url(name) for name in _STEPS},
        "patient": visit[0].unread_person,
        **summary.of(visit, page),
        **clock.of(visit, page),
    }
    return show(request, page, "check.html", context, 409 if has_changed else 200)
