"""URLs of a practice's desk, below /admin/desk/<practice>/."""

from django.urls import path

from bookings.desk import (
    attendance,
    booking,
    call_list,
    closing,
    edit,
    finding,
    mail_settings,
    moving,
    next_free,
    online_booking,
    places,
    publishing,
    range_desk,
    sheet,
    visit_mail,
    visits,
    whole,
)
from bookings.desk.board import views as board
from bookings.desk.lists import changes, openings, patients, weekly
from bookings.desk.numbers import views as numbers

urlpatterns = [
    path("board/", board.page, name="desk_board"),
    path("find/", finding.page, name="desk_find"),
    path("patients/", patients.page, name="desk_patients"),
    path("openings/", openings.page, name="desk_openings"),
    path("openings/openings.csv", openings.export_csv, name="desk_openings_csv"),
    path("weekly/", weekly.page, name="desk_weekly"),
    path("history/", changes.page, name="desk_history"),
    path("next-free/", next_free.page, name="desk_next_free"),
    path("move/", moving.move, name="desk_move"),
    path("openings.csv", board.export_csv, name="desk_export"),
    path("sheet/", sheet.page, name="desk_sheet"),
    path("new-opening/", edit.new, name="desk_new"),
    path("opening/<id:booking_id>/", booking.page, name="desk_booking"),
    path("opening/<id:booking_id>/act/", whole.act, name="desk_act"),
    path("opening/<id:booking_id>/edit/", edit.edit, name="desk_edit"),
    path("opening/<id:booking_id>/patient/", places.take, name="desk_take"),
    path("opening/<id:booking_id>/name/", places.name, name="desk_name"),
    path("place/<id:appointment_id>/", visits.edit, name="desk_patient"),
    path("place/<id:appointment_id>/act/", visits.act, name="desk_act_on_appointment"),
    path("place/<id:appointment_id>/cancel/", visits.cancel, name="desk_cancel"),
    path("place/<id:appointment_id>/mail/", visit_mail.text, name="desk_mail_text"),
    path("place/<id:appointment_id>/attendance/", attendance.attend, name="desk_attend"),
    path("publish/", publishing.page, name="desk_publish"),
    path("close/", closing.page, name="desk_close"),
    path("calls/", call_list.page, name="desk_calls"),
    path("calls/<int:call_id>/reached/", call_list.reached, name="desk_reached"),
    path("ranges/", range_desk.page, name="desk_ranges"),
    path("ranges/<id:appointment_id>/assign/", range_desk.assign, name="desk_assign"),
    path("online-booking/", online_booking.page, name="desk_online_booking"),
    path("online-booking/qr.svg", online_booking.qr_code, name="desk_qr_code"),
    path("online-booking/poster/", online_booking.poster, name="desk_poster"),
    path("mail/", mail_settings.page, name="desk_mail"),
    path("numbers/", numbers.page, name="desk_numbers"),
    path("numbers.csv", numbers.export_csv, name="desk_numbers_csv"),
    path("sources.csv", numbers.sources_csv, name="desk_sources_csv"),
]
