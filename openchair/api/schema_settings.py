"""Settings of drf-spectacular, which makes openapi.json."""

from typing import Any

SETTINGS: dict[str, Any] = {
    "TITLE": "OpenChair Scheduling API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    # A PATCH is the same edit as a PUT, and what is required there is required here too.
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "BookingStatus": "bookings.models.Status",
        "ClosedStatus": ["closed"],
        "AppointmentStatus": "bookings.models.AppointmentStatus",
        "CancelledStatus": ["cancelled"],
        "TakenStatus": ["pending", "reserved", "booked"],
        "TimeRange": "bookings.representation.TIME_RANGES",
        "WaitlistStatus": "bookings.api.waitlist_serializers.ShownStatus",
        "OffWaitlistStatus": ["booked", "left", "ended"],
        "Weekday": "bookings.models.WEEKDAYS",
        "WebhookType": ["booking.changed", "appointment.changed"],
        "DeliveryType": "bookings.models.WebhookType",
        "DeliveryStatus": "bookings.models.DeliveryStatus",
        "DeletedStatus": ["deleted"],
    },
    "WEBHOOKS": [
        "bookings.api.webhook_schema.BOOKING_CHANGED",
        "bookings.api.webhook_schema.APPOINTMENT_CHANGED",
        "bookings.api.webhook_schema.PING",
    ],
    "SORT_OPERATION_PARAMETERS": "openchair.api.schema.order_of_parameter",
    "PREPROCESSING_HOOKS": ["openchair.api.schema.only_the_api"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "openchair.api.schema.describe",
    ],
}
