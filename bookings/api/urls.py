from django.urls import path

from bookings.api.appointments import AppointmentListViewSet, AppointmentViewSet
from bookings.api.bookings import BookingListViewSet, BookingViewSet
from bookings.api.changes import ChangeFeedViewSet
from bookings.api.digest import DigestViewSet
from bookings.api.waitlist import WaitlistEntryViewSet, WaitlistViewSet
from bookings.api.webhooks import WebhookListViewSet, WebhookViewSet

EDIT = {"put": "edit", "post": "edit", "patch": "edit"}
WEBHOOK = "scheduling/webhook/<id:webhook_id>"
EDIT_BY_BODY = {"put": "edit_by_body", "patch": "edit_by_body"}

urlpatterns = [
    path(
        "onlinescheduling/location/<id:location_id>/bookings",
        BookingListViewSet.as_view({"get": "of_location"}),
    ),
    path(
        "onlinescheduling/booking/<id:booking_id>",
        BookingViewSet.as_view({"get": "retrieve", **EDIT, "delete": "destroy"}),
        name="booking",
    ),
    path("onlinescheduling/booking", BookingViewSet.as_view({"post": "create", **EDIT_BY_BODY})),
    path(
        "onlinescheduling/practice/<id:practice_id>/bookings",
        BookingListViewSet.as_view({"get": "of_practice"}),
    ),
    path(
        "onlinescheduling/practice/<id:practice_id>/changes",
        ChangeFeedViewSet.as_view({"get": "of_practice"}),
    ),
    path(
        "onlinescheduling/location/<id:location_id>/digest",
        DigestViewSet.as_view({"get": "of_location"}),
    ),
    path(
        "onlinescheduling/practice/<id:practice_id>/appointments",
        AppointmentListViewSet.as_view({"get": "of_practice"}),
    ),
    path(
        "onlinescheduling/booking/<id:booking_id>/appointments",
        AppointmentViewSet.as_view({"post": "create"}),
    ),
    path("onlinescheduling/appointments", AppointmentViewSet.as_view({"post": "create_family"})),
    path(
        "onlinescheduling/appointment/<id:appointment_id>",
        AppointmentViewSet.as_view({"get": "retrieve", "put": "edit", "delete": "destroy"}),
        name="appointment",
    ),
    path(
        "onlinescheduling/practice/<id:practice_id>/waitlist",
        WaitlistViewSet.as_view({"get": "of_practice", "post": "create"}),
    ),
    path(
        "onlinescheduling/waitlist/<id:entry_id>",
        WaitlistEntryViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="waitlist_entry",
    ),
    path(
        "scheduling/webhooks",
        WebhookListViewSet.as_view({"get": "list", "post": "create"}),
    ),
    path(
        WEBHOOK,
        WebhookViewSet.as_view({"get": "retrieve", "put": "edit", "delete": "destroy"}),
        name="webhook",
    ),
    path(
        f"{WEBHOOK}/rotate",
        WebhookViewSet.as_view({"post": "rotate", "delete": "end_rotation"}),
    ),
    path(f"{WEBHOOK}/ping", WebhookViewSet.as_view({"post": "ping"})),
    path(f"{WEBHOOK}/deliveries", WebhookViewSet.as_view({"get": "deliveries"})),
    path(
        f"{WEBHOOK}/deliveries/<id:delivery_id>/replay",
        WebhookViewSet.as_view({"post": "replay"}),
    ),
    path(f"{WEBHOOK}/replay", WebhookViewSet.as_view({"post": "replay_since"})),
]
