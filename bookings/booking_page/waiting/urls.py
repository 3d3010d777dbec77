"""URLs of the waiting list's pages, below /waiting/<token> (and /es/waiting/<token> in Spanish)."""

from django.urls import re_path

from bookings.booking_page.waiting import answering, leaving, showing

# Of any form: a link that a mail program cut off gets a page that says so.
_WAITING = r"^waiting/(?P<token>[^/]+)"

urlpatterns = [
    re_path(rf"{_WAITING}/?$", showing.waiting, name="waiting"),
    re_path(rf"{_WAITING}/accept$", answering.accept, name="waiting_accept"),
    re_path(rf"{_WAITING}/decline$", answering.decline, name="waiting_decline"),
    re_path(rf"{_WAITING}/leave$", leaving.leave, name="waiting_leave"),
    re_path(rf"{_WAITING}/resume$", leaving.resume, name="waiting_resume"),
]
