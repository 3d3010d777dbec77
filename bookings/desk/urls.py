"""URLs of a practice's desk, below /admin/desk/<practice>/."""

from django.urls import path

from bookings.desk import booking, closing, publishing, range_desk
from bookings.desk.board import views as board
from bookings.desk.numbers import views as numbers

urlpatterns = [
    path("board/", board.page, name="desk_board"),
    path("openings.csv", board.export_csv, name="desk_export"),
    path("new-opening/", booking.new, name="desk_new"),
    path("opening/<id:booking_id>/", booking.page, name="desk_booking"),
    path("opening/<id:booking_id>/act/", booking.act, name="desk_act"),
    path("opening/<id:booking_id>/edit/", booking.edit, name="desk_edit"),
    path("opening/<id:booking_id>/patient/", booking.take_appointment, name="desk_take"),
    path("opening/<id:booking_id>/name/", booking.name_patient, name="desk_name"),
    path(
        "place/<id:appointment_id>/act/", booking.act_on_appointment, name="desk_act_on_appointment"
    ),
    path("publish/", publishing.page, name="desk_publish"),
    path("close/", closing.page, name="desk_close"),
    path("ranges/", range_desk.page, name="desk_ranges"),
    path("ranges/<id:appointment_id>/assign/", range_desk.assign, name="desk_assign"),
    path("ranges/<id:appointment_id>/give-back/", range_desk.give_back, name="desk_give_back"),
    path("numbers/", numbers.page, name="desk_numbers"),
    path("numbers.csv", numbers.export_csv, name="desk_numbers_csv"),
]
