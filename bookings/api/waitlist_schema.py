"""OpenAPI descriptions of the waiting list's endpoints.

wE4nTr7yQ2 stands for an entry of the demo, as in schema.py.
"""

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from bookings.api.waitlist_serializers import (
    LeftWaitlistSerializer,
    WaitlistEntrySerializer,
    WaitlistJoinSerializer,
)
from openchair.api.schema import PAGES, SPECIAL
from practices.api.schema import PRACTICE_ID, path_id

ENTRY_ID = path_id("entry_id", "The id of the entry.")

ENTRY = {
    "id": "wE4nTr7yQ2",
    "practice_id": "rtGB2",
    "status": "waiting",
    "people": 2,
    "location_ids": ["b2rGH"],
    "doctor_ids": [],
    "weekdays": ["tue", "thu"],
    "parts": ["late_afternoon"],
    "earliest": None,
    "latest": None,
    "first_name": "Leo",
    "last_name": "Brandt",
    "email": "brandt@example.com",
    "phone": "212 555 0133",
    "guardian_name": "Eva Brandt",
    "zip_code": "10016",
    "message": "",
    "others": [{"first_name": "Ida", "last_name": "Brandt"}],
    "language": "en",
    "offer": None,
    "ends_at": "2027-01-31T21:44:02.722+00:00",
    "updated_at": "2026-11-02T21:44:02.722+00:00",
    "created_at": "2026-11-02T21:44:02.722+00:00",
}
OFFERED = {
    **ENTRY,
    "status": "offered",
    "offer": {
        "appointment_ids": ["Xk29fLq0aZ", "Qm71xWd4bT"],
        "booking_ids": ["2f4Dr", "7hK2s"],
        "until": "2026-11-03T18:20:00.000+00:00",
    },
    "updated_at": "2026-11-03T14:20:00.000+00:00",
}
_NAMES = ("first_name", "last_name", "email", "phone", "guardian_name")
_entry = OpenApiExample("entry", value=ENTRY, response_only=True)
_offered = OpenApiExample("offered", value=OFFERED, response_only=True)

list_waitlist = extend_schema(
    operation_id="list_waitlist",
    summary="Get your entries on a waiting list",
    description="The families that you put on the list of a practice that you are granted, in the "
    "order in which they joined. With `limit` in pages.",
    parameters=[PRACTICE_ID, *PAGES],
    responses={200: WaitlistEntrySerializer(many=True)},
    examples=[_entry],
)

join_waitlist = extend_schema(
    operation_id="join_waitlist",
    summary=f"Put a family on the waiting list{SPECIAL}",
    description="In a practice that you are granted. When places that fit become free they are "
    "held for the first such family, which is told by mail and answers by the link in it. You are "
    "the `source` of the appointments that come of it. An entry ends after 90 days, or when the "
    "patient has a visit.",
    parameters=[PRACTICE_ID],
    request=WaitlistJoinSerializer,
    responses={201: OpenApiResponse(WaitlistEntrySerializer, description="The entry.")},
    examples=[
        _entry,
        OpenApiExample(
            "siblings",
            summary="Brother and sister",
            value={
                **{name: ENTRY[name] for name in _NAMES},
                "people": 2,
                "others": ENTRY["others"],
                "location_ids": ["b2rGH"],
                "weekdays": ["tue", "thu"],
                "parts": ["late_afternoon"],
            },
            request_only=True,
        ),
        OpenApiExample(
            "anything",
            summary="Whatever becomes free",
            value={name: ENTRY[name] for name in _NAMES},
            request_only=True,
        ),
    ],
)

get_waitlist_entry = extend_schema(
    operation_id="get_waitlist_entry",
    summary="Get an individual entry of a waiting list",
    description="One of yours, also when it is off the list.",
    parameters=[ENTRY_ID],
    responses={200: WaitlistEntrySerializer},
    examples=[_offered],
)

leave_waitlist = extend_schema(
    operation_id="leave_waitlist",
    summary=f"Take a family off the waiting list{SPECIAL}",
    description="What it is offered is free at once; taking it off again answers the same. Visits "
    "that it has booked stay.",
    parameters=[ENTRY_ID],
    responses={200: LeftWaitlistSerializer},
    examples=[
        OpenApiExample("left", value={"id": "wE4nTr7yQ2", "status": "left"}, response_only=True)
    ],
)
