"""The button "I need more time": it extends the hold and keeps what is typed, right or wrong."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from bookings.booking_page import clock, code, earlier, gone, holding
from bookings.booking_page.check import show_check
from bookings.booking_page.code import CodeForm
from bookings.booking_page.contact import typed_in
from bookings.booking_page.outcomes import answer_refusals
from bookings.booking_page.page import Page, step

_BACK_TO = {"book_details", "book_check"}


@step
@answer_refusals
def extend(request: HttpRequest, page: Page) -> HttpResponse:
    """Answer with the step again, or book.js in JSON: the seconds that are left, and until when."""
    back = request.POST.get("step")
    to = back if back in _BACK_TO else "book_details"
    if request.method != "POST":
        return page.go(to)
    page, typed = earlier.said(request, page), typed_in(request)
    try:
        visit = holding.keep(page, typed)
    except holding.Gone as has_gone:
        return gone.go(request, page, {} if has_gone.is_kept else typed)
    if request.headers.get("Accept") == "application/json":
        return JsonResponse(clock.of(visit, page))
    if to == "book_check" and request.POST.get("code"):
        return show_check(request, page, visit, CodeForm(page, initial=code.typed_in(request)))
    return page.go(to)
