"""OpenAPI descriptions of the booking endpoints (drf-spectacular).

Examples are of the demo. Its bookings and appointments have ids that nobody knows beforehand:
2f4Dr, 7hK2s and Xk29fLq0aZ stand for them, and /docs/ shows ids that there are.
"""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)

from bookings.api.serializers import (
    BookingCreateSerializer,
    BookingEditByBodySerializer,
    BookingEditSerializer,
    BookingSerializer,
    ClosedBookingSerializer,
)
from openchair.api.schema import PAGES, SPECIAL
from practices.api.schema import LOCATION_ID, PRACTICE_ID, path_id

BOOKING_ID = path_id("booking_id", "The id of the booking.")

BOOKING = {
    "id": "2f4Dr",
    "status": "open",
    "length": 45,
    "recurring": False,
    "start_datetime": "2030-03-05T09:00:00.000-05:00",
    "location_id": "b2rGH",
    "doctor_id": "DD3456",
    "available_appointments": 1,
    "total_appointments": 1,
    "updated_at": "2026-11-02T10:02:11.004-05:00",
    "created_at": "2026-11-02T10:02:11.004-05:00",
    "range_booking": False,
    "time_range": None,
    "pending_until": None,
}
HELD = {
    **BOOKING,
    "status": "pending",
    "updated_at": "2026-11-03T16:44:02.722-05:00",
    "pending_until": "2026-11-03T16:59:02.722-05:00",
}
NEW = {
    "location_id": "b2rGH",
    "doctor_id": "DD3456",
    "start_datetime": "2030-03-05T09:00",
    "length": 45,
}

_ORDER = (
    "In order of start_datetime then id, those without a time last. With `limit` in pages: follow "
    "the Link until there is none, and every row that stays where it is comes exactly once."
)

_shown = OpenApiExample("booking", value=BOOKING, response_only=True)
_held = OpenApiExample("booking", value=HELD, response_only=True)

bookings_of_practice = extend_schema(
    operation_id="list_practice_bookings",
    summary="Get all bookings for a practice",
    description=_ORDER,
    parameters=[PRACTICE_ID, *PAGES],
    responses={200: BookingSerializer(many=True)},
    examples=[_shown],
)

bookings_of_location = extend_schema(
    operation_id="list_location_bookings",
    summary="Get all bookings for a location",
    description=_ORDER,
    # The filter by location has nothing to do where the path names one.
    parameters=[LOCATION_ID, OpenApiParameter("location_id", exclude=True), *PAGES],
    responses={200: BookingSerializer(many=True)},
    examples=[_shown],
)

get_booking = extend_schema(
    operation_id="get_booking",
    summary="Get an individual booking",
    description="A closed one too.",
    parameters=[BOOKING_ID],
    responses={200: BookingSerializer},
    examples=[_shown],
)

create_booking = extend_schema(
    operation_id="create_booking",
    summary=f"Create a booking{SPECIAL}",
    description="In a practice that you are granted. Without a start_datetime it is pending "
    "until it gets one.",
    request=BookingCreateSerializer,
    responses={201: OpenApiResponse(BookingSerializer, description="The booking.")},
    examples=[_shown, OpenApiExample("booking", value=NEW, request_only=True)],
)


def edit_booking(view: Callable[..., Any]) -> Callable[..., Any]:
    """Describe the edit for PUT, POST and PATCH, which do the same."""
    for method in ("PUT", "POST", "PATCH"):
        view = extend_schema(
            methods=[method],
            operation_id=f"edit_booking_by_{method.lower()}",
            summary=f"Edit a booking{SPECIAL}",
            description="Only the fields sent change. You can only edit bookings created with "
            "your keys. The status asked for again is a no-op, and renews a hold.",
            parameters=[BOOKING_ID],
            request=BookingEditSerializer,
            responses={200: BookingSerializer},
            examples=[
                _held,
                OpenApiExample(
                    "hold", summary="Hold", value={"status": "pending"}, request_only=True
                ),
                OpenApiExample(
                    "release",
                    summary="Give the hold back",
                    value={"status": "open"},
                    request_only=True,
                ),
                OpenApiExample(
                    "shorten",
                    summary="Change how long it takes",
                    value={"length": 30},
                    request_only=True,
                ),
            ],
        )(view)
    return view


def edit_booking_by_body(view: Callable[..., Any]) -> Callable[..., Any]:
    for method in ("PUT", "PATCH"):
        view = extend_schema(
            methods=[method],
            operation_id=f"edit_booking_by_body_{method.lower()}",
            summary=f"Edit a booking, its id in the body{SPECIAL}",
            description="The same edit, as the published sample sends it.",
            request=BookingEditByBodySerializer,
            responses={200: BookingSerializer},
            examples=[
                _held,
                OpenApiExample(
                    "hold",
                    summary="Hold",
                    value={"id": "2f4Dr", "status": "pending"},
                    request_only=True,
                ),
            ],
        )(view)
    return view


delete_booking = extend_schema(
    operation_id="delete_booking",
    summary=f"Delete a booking{SPECIAL}",
    description="It is closed for good; deleting it again answers the same. You can only delete "
    "bookings created with your keys, and none in which a patient has a place.",
    parameters=[BOOKING_ID],
    responses={200: ClosedBookingSerializer},
    examples=[
        OpenApiExample("closed", value={"id": "2f4Dr", "status": "closed"}, response_only=True)
    ],
)
