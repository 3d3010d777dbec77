"""OpenAPI descriptions of the appointment endpoints; those of bookings are in schema.py."""

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from bookings.api.appointment_serializers import (
    AppointmentCreateSerializer,
    AppointmentEditSerializer,
    AppointmentSerializer,
    CancelledAppointmentSerializer,
    FamilySerializer,
)
from bookings.api.schema import BOOKING_ID
from openchair.api.schema import PAGES, SPECIAL
from practices.api.schema import PRACTICE_ID, path_id

APPOINTMENT_ID = path_id("appointment_id", "The id of the appointment.")

APPOINTMENT = {
    "id": "Xk29fLq0aZ",
    "booking_id": "2f4Dr",
    "status": "booked",
    "start_datetime": "2030-03-05T09:00:00.000-05:00",
    "location_id": "b2rGH",
    "doctor_id": "DD3456",
    "first_name": "Mia",
    "last_name": "Park",
    "email": "park@example.com",
    "phone": "212 555 0100",
    "guardian_name": "Jo Park",
    "zip_code": "10016",
    "message": "",
    "attendance": "unknown",
    "group_id": None,
    "language": "en",
    "source": None,
    "attribution": None,
    "confirmed_at": None,
    "external_id": None,
    "external_status": None,
    "external_reason": None,
    "pending_until": None,
    "updated_at": "2026-11-03T16:50:40.250-05:00",
    "created_at": "2026-11-03T16:44:02.722-05:00",
}
PATIENT = {name: APPOINTMENT[name] for name in ("first_name", "last_name", "email", "phone")}
_appointment = OpenApiExample("appointment", value=APPOINTMENT, response_only=True)

appointments_of_practice = extend_schema(
    operation_id="list_practice_appointments",
    summary="Get your appointments in a practice",
    description="Those that you made, in a practice that you are granted, and those from the "
    "booking page of which you are the `source`, whose patients' fields are empty; all of them if "
    "you are the practice's own system. In the order in which they were made. With `limit` in "
    "pages.",
    parameters=[PRACTICE_ID, *PAGES],
    responses={200: AppointmentSerializer(many=True)},
    examples=[_appointment],
)

take_place = extend_schema(
    operation_id="take_place",
    summary=f"Take a place for a patient{SPECIAL}",
    description="In any open booking of a practice that you are granted, whoever created it. "
    "Held (`pending`) unless another status is sent.",
    parameters=[BOOKING_ID],
    request=AppointmentCreateSerializer,
    responses={201: OpenApiResponse(AppointmentSerializer, description="The appointment.")},
    examples=[
        _appointment,
        OpenApiExample(
            "book", summary="Book", value={"status": "booked", **PATIENT}, request_only=True
        ),
        OpenApiExample("hold", summary="Hold", value={"status": "pending"}, request_only=True),
    ],
)

take_places = extend_schema(
    operation_id="take_places",
    summary=f"Take places for a family{SPECIAL}",
    description="One to four, in open bookings of one practice that you are granted: all of them, "
    "or none where one cannot be had. They come in the order sent, with the same `group_id`; each "
    "can be edited and cancelled alone.",
    request=FamilySerializer,
    responses={
        201: OpenApiResponse(
            AppointmentSerializer(many=True), description="The appointments, in the order sent."
        )
    },
    examples=[
        OpenApiExample(
            "siblings",
            summary="Brother and sister",
            value={**APPOINTMENT, "group_id": "g2Lm09xPqR"},
            response_only=True,
        ),
        OpenApiExample(
            "siblings",
            summary="Brother and sister",
            value={
                "appointments": [
                    {"booking_id": "2f4Dr", "status": "booked", **PATIENT},
                    {"booking_id": "7hK2s", "status": "booked", **PATIENT, "first_name": "Tom"},
                ]
            },
            request_only=True,
        ),
    ],
)

get_appointment = extend_schema(
    operation_id="get_appointment",
    summary="Get an individual appointment",
    description="One that you made, or are the `source` of, or any of a practice that you are the "
    "own system of; a cancelled one too.",
    parameters=[APPOINTMENT_ID],
    responses={200: AppointmentSerializer},
    examples=[_appointment],
)

edit_appointment = extend_schema(
    operation_id="edit_appointment",
    summary=f"Edit an appointment{SPECIAL}",
    description="Only the fields sent change. The same status again renews a hold. A reserved one "
    "becomes booked by its exact start_datetime. After a hold expired, a status claims a place "
    "anew, if one is free. Another `booking_id` moves it to that opening of the practice, if a "
    "place there is free, together with the other fields or not at all; `location_id` and "
    "`doctor_id`, if sent, have to be those of the new opening. The practice's own system says "
    "`external_id`, `external_status` and `external_reason` of every appointment there, and of "
    "those that it did not make `attendance` besides, and nothing else.",
    parameters=[APPOINTMENT_ID],
    request=AppointmentEditSerializer,
    responses={200: AppointmentSerializer},
    examples=[
        _appointment,
        OpenApiExample(
            "correct",
            summary="Correct the phone number",
            value={"phone": "212 555 0100"},
            request_only=True,
        ),
        OpenApiExample(
            "confirm",
            summary="Complete a hold",
            value={"status": "booked", **PATIENT},
            request_only=True,
        ),
        OpenApiExample(
            "exact_time",
            summary="Give the exact time",
            value={"start_datetime": "2030-03-05T09:20"},
            request_only=True,
        ),
        OpenApiExample(
            "move",
            summary="Move to another opening",
            value={"booking_id": "7hK2s"},
            request_only=True,
        ),
        OpenApiExample(
            "entered",
            summary="Say that it is entered (the practice's own system)",
            value={"external_id": "48213", "external_status": "entered"},
            request_only=True,
        ),
        OpenApiExample(
            "failed",
            summary="Say why it could not be entered (the practice's own system)",
            value={
                "external_status": "failed",
                "external_reason": "The provider has no column on that day.",
            },
            request_only=True,
        ),
    ],
)

cancel_appointment = extend_schema(
    operation_id="cancel_appointment",
    summary=f"Cancel an appointment{SPECIAL}",
    description="Its place is free at once; cancelling it again answers the same.",
    parameters=[APPOINTMENT_ID],
    responses={200: CancelledAppointmentSerializer},
    examples=[
        OpenApiExample(
            "cancelled", value={"id": "Xk29fLq0aZ", "status": "cancelled"}, response_only=True
        )
    ],
)
