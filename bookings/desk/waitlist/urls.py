"""URLs of the waiting list, below /admin/desk/<practice>/waiting-list/."""

from django.urls import path

from bookings.desk.waitlist import entry, free, joining, page

urlpatterns = [
    path("", page.page, name="desk_waitlist"),
    path("add/", joining.page, name="desk_waitlist_add"),
    path("free/", free.page, name="desk_waitlist_free"),
    path("offer/<int:offer_id>/", page.answer, name="desk_waitlist_answer"),
    path("family/<id:entry_id>/", entry.page, name="desk_waitlist_entry"),
    path("family/<id:entry_id>/act/", entry.act, name="desk_waitlist_act"),
    path("family/<id:entry_id>/give/", entry.give, name="desk_waitlist_give"),
]
