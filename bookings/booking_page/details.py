"""Step 5, details: how the office reaches the family, while the places are held."""

from django.http import HttpRequest, HttpResponse

from bookings.booking_page import clock, earlier, gone, holding, summary
from bookings.booking_page.contact import ContactForm, typed_in
from bookings.booking_page.outcomes import answer_refusals
from bookings.booking_page.page import Page, show, step
from bookings.models import Appointment
from bookings.patients import codes


@step
@answer_refusals
def details(request: HttpRequest, page: Page) -> HttpResponse:
    if request.method == "POST":
        page = earlier.said(request, page)
        typed = typed_in(request)
        form = ContactForm(page, typed)
        is_half_done = "language" in request.POST  # of book.js: from the form in the other language
        asks = codes.are_asked(page.practice) and form.is_valid() and not is_half_done
        try:
            visit = holding.keep(page, typed, code=holding.Code.ONCE if asks else None)
        except holding.Gone as has_gone:
            return gone.go(request, page, {} if has_gone.is_kept else typed)
        if is_half_done:
            return page.go("book_details")
        if form.is_valid():
            return page.go("book_check")
        return _show(request, page, visit, form, 400)
    visit = holding.visits(page)
    holding.check_can_be_had(visit)
    return _show(request, page, visit, ContactForm(page, initial=visit[0].unread_person._asdict()))


def _show(
    request: HttpRequest, page: Page, visit: list[Appointment], form: ContactForm, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "mistakes": form.mistakes(),
        "step": "book_details",
        "back": page.url("book_time"),
        "asks_code": codes.are_asked(page.practice),
        "may_wait": earlier.can_become_free(page, visit),
        **summary.of(visit, page),
        **clock.of(visit, page),
    }
    return show(request, page, "details.html", context, status)
