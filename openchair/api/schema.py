"""OpenAPI: drf-spectacular's extensions and hooks for what it cannot infer."""

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from openchair.api import pagination
from openchair.api.middleware import API_PATHS
from openchair.api.problems import CATALOGUE

EVERYWHERE = ("400", "401", "403", "406", "429", "503")
WITH_BODY = ("409", "413", "415")
TITLES = {str(kind.status): kind.title for kind in reversed(CATALOGUE.values())}

SPECIAL = " (special authorization)"
"""Ends the summary of an operation that needs it."""
DESCRIPTION = """
Openings for initial consultations at orthodontic practices: read, create, edit and delete them.

Every request carries an API key, bare, in the `Authorization` header. What says so needs special
authorization, which an operator gives a partner: every POST, PUT, PATCH and DELETE does.
Call from a server: requests that a browser sends from another site are refused.

A booking becomes `pending` while a patient completes the sign-up form, `reserved` when a patient of
a range booking still waits for the exact time, `booked` when the appointment is made, `closed` when
it is deleted. A hold (`pending`) expires by itself.

Errors are problem documents (RFC 9457); each `type` opens a page that explains it.
"""


class FieldErrorSerializer(serializers.Serializer[object]):
    """What is wrong with one field."""

    field = serializers.CharField(help_text="The field's or the parameter's name.")
    message = serializers.CharField(help_text="What to write instead.")


class ProblemSerializer(serializers.Serializer[object]):
    """What went wrong (RFC 9457)."""

    type = serializers.URLField(help_text="Opens the page that explains this kind of problem.")
    title = serializers.CharField(help_text="The kind of problem.")
    status = serializers.IntegerField(min_value=400, max_value=599, help_text="The HTTP status.")
    detail = serializers.CharField(help_text="What happened, and what to do.")
    reason = serializers.CharField(
        required=False, help_text="With a 409: a stable code for which rule it was."
    )

    def get_fields(self) -> dict[str, Any]:
        """Add `errors`, which as a class attribute would replace the serializer's own."""
        fields: dict[str, Any] = super().get_fields()
        fields["errors"] = FieldErrorSerializer(
            many=True, required=False, help_text="With a 400: each field that needs mending."
        )
        return fields


def query(name: str, what: str, kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    """Return an OpenAPI query parameter."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=what)


PAGES = [
    query(
        "limit",
        f"At most so many rows, 1 to {pagination.MOST}. A Link with rel=next leads to what "
        "follows.",
        {"type": "integer", "minimum": 1, "maximum": pagination.MOST},
    ),
    query("cursor", "Where the page begins: part of the Link of the page before."),
]


def _header_parameter(name: str, what: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=what)


IDEMPOTENCY_KEY = _header_parameter(
    "Idempotency-Key",
    "Any text of yours, a UUID say: for 24 hours the same request under the same key gets the same "
    "answer again, and happens once.",
)
IF_MATCH = _header_parameter(
    "If-Match", "The ETag that you read: a 412, and no change, if it is another by now."
)
IF_NONE_MATCH = _header_parameter(
    "If-None-Match", "The ETag that you have: a 304 without a body if it is still the same."
)


class ApiSchema(AutoSchema):
    """Adds what follows from a route's method and path: headers, and possible problems."""

    def get_override_parameters(self) -> list[Any]:
        if self.method == "GET":
            return [IF_NONE_MATCH]
        headers = [IDEMPOTENCY_KEY] if self.method == "POST" else []
        return headers + ([IF_MATCH] if self._is_change() else [])

    def _is_change(self) -> bool:
        """Whether this edits or deletes an existing row."""
        action = getattr(self.view, "action", "")
        return action.startswith("edit") or action == "destroy"

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._problem_statuses():
            response = OpenApiResponse(ProblemSerializer, description=TITLES[status])
            bodies[status] = self._get_response_for_code(
                response, status, media_types=["application/problem+json"]
            )
        if self.method == "GET":
            bodies["304"] = {"description": "It is what your If-None-Match names."}
        return dict(sorted(bodies.items()))

    def _problem_statuses(self) -> list[str]:
        statuses = {*EVERYWHERE}
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses.update(WITH_BODY)
        if self.method == "DELETE":
            statuses.add("409")
        if self.method == "POST":
            statuses.add("422")
        if self._is_change():
            statuses.add("412")
        if "{" in self.path or self.method in {"PUT", "PATCH"}:
            statuses.add("404")
        return sorted(statuses)

    def get_tags(self) -> list[str]:
        if "/webhook" in self.path:
            return ["Webhooks"]
        if "/waitlist" in self.path:
            return ["Waiting list"]
        if "appointment" in self.path:
            return ["Appointments"]
        return ["Bookings" if self.path.startswith("/onlinescheduling") else "Practices"]


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """Describes the bare API key in the Authorization header."""

    target_class = "practices.api.authentication.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "The key, bare: `Authorization: oc_…`.",
        }


class StrictBody(OpenApiSerializerExtension):
    """Marks a body as closed to unknown fields, and lists the fields that are ignored."""

    target_class = "openchair.api.fields.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(
            self.target, direction, bypass_extensions=True
        )
        for name in sorted(getattr(getattr(self.target, "Meta", None), "ignored", ())):
            schema["properties"][name] = {
                "readOnly": True,
                "description": "Ignored, so that what was read can be sent back.",
            }
        return {**schema, "additionalProperties": False}


def only_the_api(endpoints: list[tuple[Any, ...]], **_: object) -> list[tuple[Any, ...]]:
    """Preprocessing hook: leave pages out of the document."""
    return [endpoint for endpoint in endpoints if API_PATHS.match(endpoint[0])]


def _header(text: str, kind: str = "string") -> dict[str, Any]:
    return {"description": text, "schema": {"type": kind}}


HEADERS = {
    "Location": _header("Where it is that was made."),
    "ETag": _header("What this answer shows, for If-Match and If-None-Match (RFC 9110)."),
    "Link": _header('Where the next page is, if there is one: <…>; rel="next" (RFC 8288).'),
    "WWW-Authenticate": _header("How to send the key."),
    "Retry-After": _header("Seconds to wait.", "integer"),
    "RateLimit-Policy": _header(
        'The limit, in requests a window of seconds: "partner";q=600;w=60.'
    ),
    "RateLimit": _header('What is left, and seconds until it is full again: "partner";r=599;t=41.'),
}
HEADERS_OF = {
    "200": ["ETag"],
    "201": ["Location", "ETag"],
    "304": ["ETag"],
    "401": ["WWW-Authenticate"],
    "429": ["Retry-After"],
    "503": ["Retry-After"],
}
WITHOUT = {
    "delete_webhook": {"ETag"},
    "delete_booking": {"ETag"},
    "cancel_appointment": {"ETag"},
    "leave_waitlist": {"ETag"},
    "take_places": {"ETag", "Location"},  # several were made
}
MAY_LACK_BODY = {"rotate_webhook"}
LIMITS = ["RateLimit-Policy", "RateLimit"]

TAGS = {
    "Practices": "Practices, their locations and doctors.",
    "Bookings": "Openings: read, made, edited, deleted and followed.",
    "Appointments": "Patients' places in them.",
    "Waiting list": "Families that wait for a place.",
    "Webhooks": "Calls that tell you of changes.",
}
"""In the order in which a partner needs them."""
EXAMPLE_OF_PATH = {
    "practice_id": "rtGB2",
    "location_id": "b2rGH",
    "doctor_id": "DD3456",
    "booking_id": "2f4Dr",
    "appointment_id": "Xk29fLq0aZ",
    "entry_id": "wE4nTr7yQ2",
    "webhook_id": "wH7qLm2x9K",
    "delivery_id": "dV3pR8sT0c",
}
_OPENINGS = {"status": ["open"], "start_after": "2026-01-01T00:00Z", "limit": 5}
EXAMPLE_OF_QUERY: dict[str, dict[str, Any]] = {
    "list_practice_bookings": _OPENINGS,
    "list_location_bookings": _OPENINGS,
    "list_practice_appointments": {"limit": 5},
    "list_waitlist": {"limit": 5},
    "list_practice_changes": {"limit": 5},
    "list_deliveries": {"limit": 5},
    "replay_since": {"since": "2026-01-01T00:00Z"},
}
"""By operation. Other parameters have no example, so that nothing is sent which is not needed."""


def _headers(status: str, operation: dict[str, Any]) -> dict[str, Any]:
    """Return the headers of an answer: RateLimit's wherever the request was counted."""
    names = [*HEADERS_OF.get(status, []), *([] if status in {"401", "503"} else LIMITS)]
    if status == "200" and any(one["name"] == "limit" for one in operation["parameters"]):
        names.append("Link")
    left_out = WITHOUT.get(operation["operationId"], set())
    return {
        name: {"$ref": f"#/components/headers/{name}"} for name in names if name not in left_out
    }


def _example(status: str) -> dict[str, Any]:
    """Return an example problem of this status; for a 400, one about a field."""
    kinds = [kind for kind in CATALOGUE.values() if str(kind.status) == status]
    example = {
        "type": f"https://openchair.example/docs/problems/{kinds[-1].slug}",
        "title": kinds[-1].title,
        "status": int(status),
        "detail": kinds[-1].mend,
    }
    if status == "400":
        message = "Write a whole number, without quotation marks."
        example["detail"] = f"length: {message}"
        example["errors"] = [{"field": "length", "message": message}]
    if status == "409":
        example["detail"] = "Booking 2f4Dr is booked: it may become open, not pending."
        example["reason"] = "not_allowed"
    return example


def order_of_parameter(parameter: dict[str, Any]) -> tuple[int, str]:
    """Return a key for sorting: those of the path first, headers last."""
    return ["path", "query", "header"].index(parameter["in"]), parameter["name"]


def _add_examples(operation: dict[str, Any]) -> None:
    in_query = EXAMPLE_OF_QUERY.get(operation["operationId"], {})
    for parameter in operation["parameters"]:
        examples = {"path": EXAMPLE_OF_PATH, "query": in_query}.get(parameter["in"], {})
        if parameter["name"] in examples:
            parameter["example"] = examples[parameter["name"]]


def describe(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Postprocessing hook: add description, headers and examples; share each kind of problem."""
    result["info"]["description"] = DESCRIPTION.strip()
    result["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    problems: dict[str, Any] = {}
    for operations in result["paths"].values():
        for operation in operations.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = operation["operationId"] not in MAY_LACK_BODY
            _add_examples(operation)
            answers = operation["responses"]
            for status, answer in answers.items():
                answer["headers"] = {**_headers(status, operation), **answer.get("headers", {})}
                if status >= "400":
                    name = "".join(word.title() for word in answer["description"].split())
                    name = "".join(filter(str.isalnum, name))
                    answer["content"]["application/problem+json"]["example"] = _example(status)
                    assert problems.setdefault(name, answer) == answer, name
                    answers[status] = {"$ref": f"#/components/responses/{name}"}
    result["components"]["responses"] = dict(sorted(problems.items()))
    result["components"]["headers"] = HEADERS
    return result
