"""Pages of a practice's desk, below /admin/desk/<practice>/."""

from django.urls import path

from bookings.desk import board, closing, numbers, opening, publishing, ranges

urlpatterns = [
    path("board/", board.page, name="desk_board"),
    path("openings.csv", board.export_csv, name="desk_export"),
    path("new-opening/", opening.new, name="desk_new"),
    path("opening/<id:booking_id>/", opening.page, name="desk_opening"),
    path("opening/<id:booking_id>/act/", opening.act, name="desk_act"),
    path("opening/<id:booking_id>/edit/", opening.edit, name="desk_edit"),
    path("opening/<id:booking_id>/patient/", opening.take_place, name="desk_take"),
    path("place/<id:appointment_id>/act/", opening.act_on_place, name="desk_act_on_place"),
    path("publish/", publishing.page, name="desk_publish"),
    path("close/", closing.page, name="desk_close"),
    path("ranges/", ranges.page, name="desk_ranges"),
    path("ranges/<id:appointment_id>/assign/", ranges.assign, name="desk_assign"),
    path("ranges/<id:appointment_id>/give-back/", ranges.give_back, name="desk_give_back"),
    path("numbers/", numbers.page, name="desk_numbers"),
]
