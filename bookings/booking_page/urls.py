"""URLs of the booking page, below /book/<practice> (and /es/book/<practice> in Spanish)."""

from django.urls import include, path, re_path

from bookings.booking_page import embedding, who
from practices.ids import ID_PATTERN

_PRACTICE = rf"^book/(?P<practice_id>{ID_PATTERN})"

urlpatterns = [
    path("book/embed.js", embedding.script, name="book_embed"),
    re_path(rf"{_PRACTICE}/?$", who.who, name="book"),
    path("", include("bookings.booking_page.visit.urls")),
]
