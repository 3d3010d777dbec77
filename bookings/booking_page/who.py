"""Step 1, who: how many people, their names, and who comes with those under 18."""

from django.http import HttpRequest, HttpResponse

from bookings.booking_page.page import Page, page_view, show


@page_view
def who(request: HttpRequest, page: Page) -> HttpResponse:
    response = show(request, page, "who.html")
    response["X-Robots-Tag"] = "all"
    return response
