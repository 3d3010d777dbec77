"""Step 6, check: everything once more, with a way to change each; its button books the visit.

Where the practice asks for a code by e-mail, it is typed here.
"""

from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from bookings.booking_page import clock, done, earlier, holding, summary
from bookings.booking_page.code import CodeForm, is_sent, typed_in
from bookings.booking_page.contact import ContactForm
from bookings.booking_page.outcomes import answer_refusals
from bookings.booking_page.page import Page, show, step
from bookings.models import Appointment
from bookings.patients import codes
from bookings.scheduling.waitlist.entries import AlreadyWaiting

_STEPS = ("book", "book_where", "book_day", "book_details")
"""Where something can be changed."""


@step
@answer_refusals
def check(request: HttpRequest, page: Page) -> HttpResponse:
    visit = holding.visits(page)
    holding.check_can_be_had(visit)
    asks = codes.are_asked(page.practice)
    patient = holding.first_held(visit).unread_person
    if not ContactForm.of(page, patient).is_valid() or (asks and not is_sent(visit)):
        return page.go("book_details")
    typed = typed_in(request)
    if request.method != "POST" or "language" in request.POST:  # of book.js, as in step 5
        return show_check(request, page, visit, CodeForm(page, initial=typed))
    form = CodeForm(page, typed)
    if not form.is_valid():
        return show_check(request, page, visit, form, 400)
    try:
        code = form.cleaned_data.get("code", "")
        booked = holding.confirm(page, request.POST.get("seen", ""), code)
    except holding.WrongCode:
        form.add_error("code", _("That is not the code. Check our latest e-mail to you."))
        return show_check(request, page, holding.keep(page), form, 400)
    except holding.NotAsSeen:
        return show_check(request, page, holding.visits(page), form, 409)
    if page.state.earlier:
        # On the list for another visit they stay so: the last page says what they are told of.
        with suppress(AlreadyWaiting):
            earlier.join(page, booked)
    return done.go(page, booked)


def show_check(
    request: HttpRequest, page: Page, visit: list[Appointment], form: CodeForm, status: int = 200
) -> HttpResponse:
    """Show the step. form: with what is typed of the code."""
    held = holding.first_held(visit)
    context: dict[str, Any] = {
        "step": "book_check",
        "back": page.url("book_details"),
        "seen": holding.shown(visit),
        "has_changed": status == 409,
        "change": {name: page.url(name) for name in _STEPS},
        "patient": held.unread_person,
        "form": form,
        "is_sent_again": "sent" in request.GET,
        "is_refused": bool(form.fields) and codes.is_refused(held),
        "mistakes": form.mistakes(),
        **summary.of(visit, page),
        **clock.of(visit, page),
    }
    return show(request, page, "check.html", context, status)
