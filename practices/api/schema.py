"""OpenAPI descriptions of the practices' endpoints; the examples are of the demo."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from openchair.api.schema import SPECIAL
from practices.api.serializers import DoctorSerializer, LocationSerializer
from practices.ids import ID_PATTERN


def path_id(name: str, what: str) -> OpenApiParameter:
    """Return the OpenAPI parameter of an id in a path."""
    return OpenApiParameter(
        name,
        OpenApiTypes.STR,
        OpenApiParameter.PATH,
        description=what,
        pattern=f"^{ID_PATTERN}$",
    )


PRACTICE_ID = path_id("practice_id", "The id of the practice.")
LOCATION_ID = path_id("location_id", "The id of the location.")
DOCTOR_ID = path_id("doctor_id", "The id of the doctor.")

_practice = OpenApiExample(
    "practice",
    value={"id": "rtGB2", "name": "Acme Orthodontic Group", "location_ids": ["b2rGH", "HK295"]},
    response_only=True,
)
_location = OpenApiExample(
    "location",
    value={
        "id": "b2rGH",
        "practice_id": "rtGB2",
        "name": "Chesterfield",
        "office_phone": "555 555 5555",
        "street_address": "1234 Main Street",
        "city": "New York",
        "state": "New York",
        "zip": "10016",
        "timezone": "America/New_York",
        "latitude": 40.745,
        "longitude": -73.978,
    },
    response_only=True,
)
_doctor = OpenApiExample(
    "doctor",
    value={
        "id": "DD3456",
        "practice_id": "rtGB2",
        "name": "Dr. Elena Reyes",
        "location_ids": ["b2rGH", "HK295"],
    },
    response_only=True,
)

list_practices = extend_schema(
    operation_id="list_practices",
    summary=f"Get all OpenChair practices{SPECIAL}",
    description="Every practice currently using OpenChair, in order of their ids.",
    examples=[_practice],
)

get_practice = extend_schema(
    operation_id="get_practice",
    summary="Get an individual practice",
    description="Its name and the ids of its locations.",
    parameters=[PRACTICE_ID],
    examples=[_practice],
)

list_practice_locations = extend_schema(
    operation_id="list_practice_locations",
    summary="Get the locations of a practice",
    description="In order of their ids.",
    parameters=[PRACTICE_ID],
    responses={200: LocationSerializer(many=True)},
    examples=[_location],
)

list_practice_doctors = extend_schema(
    operation_id="list_practice_doctors",
    summary="Get the doctors of a practice",
    description="In order of their ids, with the locations at which they work.",
    parameters=[PRACTICE_ID],
    responses={200: DoctorSerializer(many=True)},
    examples=[_doctor],
)

get_location = extend_schema(
    operation_id="get_location",
    summary="Get an individual location",
    description="One office, with the time zone of its wall clock.",
    parameters=[LOCATION_ID],
    examples=[_location],
)

get_doctor = extend_schema(
    operation_id="get_doctor",
    summary="Get an individual doctor",
    description="The name, and the locations at which this doctor works.",
    parameters=[DOCTOR_ID],
    examples=[_doctor],
)
