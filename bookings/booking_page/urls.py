"""URLs of the booking page, below /book/<practice> (and /es/book/<practice> in Spanish)."""

from django.urls import include, path, re_path

from bookings.booking_page import (
    check,
    code,
    day,
    details,
    done,
    embedding,
    extend,
    gone,
    joining,
    time,
    where,
    who,
)
from practices.ids import ID_PATTERN

_PRACTICE = rf"^book/(?P<practice_id>{ID_PATTERN})"

urlpatterns = [
    path("book/embed.js", embedding.script, name="book_embed"),
    re_path(rf"{_PRACTICE}/?$", who.who, name="book"),
    re_path(rf"{_PRACTICE}/where/?$", where.where, name="book_where"),
    re_path(rf"{_PRACTICE}/day/?$", day.day, name="book_day"),
    re_path(rf"{_PRACTICE}/time/?$", time.time, name="book_time"),
    re_path(rf"{_PRACTICE}/gone/?$", gone.gone, name="book_gone"),
    re_path(rf"{_PRACTICE}/details/?$", details.details, name="book_details"),
    re_path(rf"{_PRACTICE}/extend/?$", extend.extend, name="book_extend"),
    re_path(rf"{_PRACTICE}/check/?$", check.check, name="book_check"),
    re_path(rf"{_PRACTICE}/code/?$", code.code, name="book_code"),
    re_path(rf"{_PRACTICE}/done/?$", done.done, name="book_done"),
    re_path(rf"{_PRACTICE}/waiting/?$", joining.waiting, name="book_waiting"),
    re_path(rf"{_PRACTICE}/waiting/done/?$", joining.done, name="book_waiting_done"),
    path("", include("bookings.booking_page.visit.urls")),
    path("", include("bookings.booking_page.waiting.urls")),
]
