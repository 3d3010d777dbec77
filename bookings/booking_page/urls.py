"""URLs of the booking page, below /book/<practice> (and /es/book/<practice> in Spanish)."""

from django.urls import re_path

from bookings.booking_page import who
from practices.ids import ID_PATTERN

_PRACTICE = rf"^book/(?P<practice_id>{ID_PATTERN})"

urlpatterns = [
    re_path(rf"{_PRACTICE}/?$", who.who, name="book"),
]
