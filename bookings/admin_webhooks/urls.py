"""URLs of the pages of a partner's webhooks, below /admin/partners/<id>/webhooks/."""

from django.urls import include, path

from bookings.admin_webhooks import pages

_webhook = [
    path("", pages.page, name="partner_webhook"),
    path("edit/", pages.edit, name="partner_webhook_edit"),
    path("switch/", pages.switch, name="partner_webhook_switch"),
    path("rotate/", pages.rotate, name="partner_webhook_rotate"),
    path("end-rotation/", pages.end_rotation, name="partner_webhook_end_rotation"),
    path("test/", pages.test, name="partner_webhook_test"),
    path("replay/", pages.replay_since, name="partner_webhook_replay_since"),
    path("replay/<id:delivery_id>/", pages.replay, name="partner_webhook_replay"),
    path("delete/", pages.delete, name="partner_webhook_delete"),
]
urlpatterns = [
    path("", pages.partners, name="partner_webhooks"),
    path("add/", pages.add, name="partner_webhook_add"),
    path("<id:webhook_id>/", include(_webhook)),
]
