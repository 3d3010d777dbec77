"""URLs of the manage pages, below /visit/<token> (and /es/visit/<token> in Spanish)."""

from django.urls import re_path

from bookings.booking_page.visit import (
    answering,
    cancelling,
    earlier,
    moving,
    reminders,
    showing,
)

# Of any form: a link that a mail program cut off gets a page that says so.
_VISIT = r"^visit/(?P<token>[^/]+)"

urlpatterns = [
    re_path(rf"{_VISIT}/?$", showing.visit, name="visit"),
    re_path(rf"{_VISIT}/come$", showing.come, name="visit_confirm"),
    re_path(rf"{_VISIT}/visit\.ics$", showing.calendar_file, name="visit_calendar"),
    re_path(rf"{_VISIT}/move$", moving.day, name="visit_move"),
    re_path(rf"{_VISIT}/move/time$", moving.time, name="visit_move_time"),
    re_path(rf"{_VISIT}/move/check$", moving.check, name="visit_move_check"),
    re_path(rf"{_VISIT}/reminders$", reminders.reminders, name="visit_reminders"),
    re_path(rf"{_VISIT}/take$", answering.take, name="visit_take"),
    re_path(rf"{_VISIT}/other-times$", answering.others, name="visit_other_times"),
    re_path(rf"{_VISIT}/give-up$", answering.give_up, name="visit_give_up"),
    re_path(rf"{_VISIT}/earlier$", earlier.earlier, name="visit_earlier"),
    re_path(rf"{_VISIT}/cancel$", cancelling.cancel, name="visit_cancel"),
]
