"""The page of an entry: what the family waits for, what it is offered, what became of it."""

from django.http import HttpRequest, HttpResponse

from bookings.booking_page.waiting.entry import Waiting
from bookings.booking_page.waiting.names import NamesForm
from bookings.booking_page.waiting.page import show_entry, waiting_page


@waiting_page("GET", "HEAD", "POST")
def waiting(request: HttpRequest, waiting: Waiting) -> HttpResponse:
    """Show the page; a POST is of book.js, with names typed in the other language's form."""
    if request.method == "POST":
        typed = NamesForm(waiting.to_name, initial=request.POST.dict())
        return show_entry(request, waiting, form=typed)
    said = request.GET
    return show_entry(
        request, waiting, is_declined="declined" in said, is_resumed="resumed" in said
    )
