"""URLs of a practice's desk, below /admin/desk/<practice>/."""

from django.urls import path

from bookings.desk import (
    attendance,
    booking,
    closing,
    edit,
    finding,
    numbers,
    publishing,
    range_desk,
    sheet,
)
from bookings.desk.board import views as board

urlpatterns = [
    path("board/", board.page, name="desk_board"),
    path("find/", finding.page, name="desk_find"),
    path("openings.csv", board.export_csv, name="desk_export"),
    path("sheet/", sheet.page, name="desk_sheet"),
    path("new-opening/", edit.new, name="desk_new"),
    path("opening/<id:booking_id>/", booking.page, name="desk_booking"),
    path("opening/<id:booking_id>/act/", booking.act, name="desk_act"),
    path("opening/<id:booking_id>/edit/", edit.edit, name="desk_edit"),
    path("opening/<id:booking_id>/patient/", booking.take_appointment, name="desk_take"),
    path("opening/<id:booking_id>/name/", booking.name_patient, name="desk_name"),
    path(
        "place/<id:appointment_id>/act/", booking.act_on_appointment, name="desk_act_on_appointment"
    ),
    path("place/<id:appointment_id>/attendance/", attendance.attend, name="desk_attend"),
    path("publish/", publishing.page, name="desk_publish"),
    path("close/", closing.page, name="desk_close"),
    path("ranges/", range_desk.page, name="desk_ranges"),
    path("ranges/<id:appointment_id>/assign/", range_desk.assign, name="desk_assign"),
    path("ranges/<id:appointment_id>/give-back/", range_desk.give_back, name="desk_give_back"),
    path("numbers/", numbers.page, name="desk_numbers"),
]
