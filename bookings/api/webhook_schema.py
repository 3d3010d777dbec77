"""OpenAPI descriptions of the webhooks' endpoints, and of the calls that receivers get.

wH7qLm2x9K and dV3pR8sT0c stand for a webhook and a delivery of the demo, as in schema.py.
"""

from typing import Any

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    OpenApiWebhook,
    extend_schema,
)

from bookings.api.webhook_serializers import (
    DeletedWebhookSerializer,
    NewSecretSerializer,
    ReplayedSerializer,
    RotateSerializer,
    WebhookCreateSerializer,
    WebhookDeliverySerializer,
    WebhookEditSerializer,
    WebhookSerializer,
)
from bookings.models import DeliveryStatus
from openchair.api.schema import PAGES, SPECIAL
from openchair.json_text import encode
from practices.api.schema import path_id

WEBHOOK_ID = path_id("webhook_id", "The id of the webhook.")
DELIVERY_ID = path_id("delivery_id", "The id of the delivery.")

WEBHOOK = {
    "id": "wH7qLm2x9K",
    "url": "https://partner.example/openchair",
    "types": ["appointment.changed", "booking.changed"],
    "practice_ids": ["rtGB2"],
    "active": True,
    "created_at": "2026-11-02T15:02:11.004+00:00",
}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq="  # noqa: S105  # of the examples
EVENT = {
    "type": "booking.changed",
    "timestamp": "2026-11-03T16:44:02.722-05:00",
    "data": {
        "practice_id": "rtGB2",
        "booking_id": "2f4Dr",
        "appointment_id": None,
        "from_status": "open",
        "to_status": "pending",
        "sequence": 417,
        "cursor": "WyJydEdCMiIsNDE2XQ:s9R4",
    },
}
TEST = {
    "type": "webhook.ping",
    "timestamp": "2026-11-03T21:40:00.000+00:00",
    "data": {"webhook_id": "wH7qLm2x9K"},
}
DELIVERY = {
    "id": "dV3pR8sT0c",
    "type": "booking.changed",
    "practice_id": "rtGB2",
    "sequence": 417,
    "status": "delivered",
    "attempts": 1,
    "next_attempt_at": None,
    "created_at": "2026-11-03T21:44:02.911+00:00",
    "calls": [
        {
            "at": "2026-11-03T21:44:02.950+00:00",
            "status": 204,
            "duration_ms": 83,
            "answer": "",
            "error": "",
        }
    ],
    "body": encode(EVENT),
}
_webhook = OpenApiExample("webhook", value=WEBHOOK, response_only=True)
_with_secret = OpenApiExample("webhook", value={**WEBHOOK, "secret": SECRET}, response_only=True)

list_webhooks = extend_schema(
    operation_id="list_webhooks",
    summary="Get your webhooks",
    description="All of yours, in the order in which they were made.",
    responses={200: WebhookSerializer(many=True)},
    examples=[_webhook],
)

create_webhook = extend_schema(
    operation_id="create_webhook",
    summary=f"Make a webhook{SPECIAL}",
    description="It is told of what changes from now on. The answer has the secret, which is not "
    "shown again. A partner has at most 20.",
    request=WebhookCreateSerializer,
    responses={
        201: OpenApiResponse(NewSecretSerializer, description="The webhook, with its secret.")
    },
    examples=[
        _with_secret,
        OpenApiExample(
            "one_practice",
            summary="Of one practice",
            value={"url": "https://partner.example/openchair", "practice_ids": ["rtGB2"]},
            request_only=True,
        ),
        OpenApiExample(
            "openings",
            summary="Openings of every practice",
            value={"url": "https://partner.example/openchair", "types": ["booking.changed"]},
            request_only=True,
        ),
    ],
)

get_webhook = extend_schema(
    operation_id="get_webhook",
    summary="Get an individual webhook",
    description="One of yours, without its secret.",
    parameters=[WEBHOOK_ID],
    responses={200: WebhookSerializer},
    examples=[_webhook],
)

edit_webhook = extend_schema(
    operation_id="edit_webhook",
    summary=f"Edit a webhook{SPECIAL}",
    description="Only the fields sent change. Switched off, nothing is kept for it; switched on, "
    "it is told of what changes from then on, and the feed has what it missed.",
    parameters=[WEBHOOK_ID],
    request=WebhookEditSerializer,
    responses={200: WebhookSerializer},
    examples=[
        _webhook,
        OpenApiExample(
            "url",
            summary="Another address",
            value={"url": "https://partner.example/openchair"},
            request_only=True,
        ),
        OpenApiExample("on", summary="Switch on", value={"active": True}, request_only=True),
    ],
)

delete_webhook = extend_schema(
    operation_id="delete_webhook",
    summary=f"Delete a webhook{SPECIAL}",
    description="With its secret and the log of what it was told.",
    parameters=[WEBHOOK_ID],
    responses={200: DeletedWebhookSerializer},
    examples=[
        OpenApiExample(
            "deleted", value={"id": "wH7qLm2x9K", "status": "deleted"}, response_only=True
        )
    ],
)

rotate_webhook = extend_schema(
    operation_id="rotate_webhook",
    summary=f"Rotate the secret of a webhook{SPECIAL}",
    description="Each call is signed with the new secret and with the old one for 24 hours, so no "
    "call is lost while you change it. Again within that time it is a 409, unless `force` is sent.",
    parameters=[WEBHOOK_ID],
    request=RotateSerializer,
    responses={200: NewSecretSerializer},
    examples=[
        _with_secret,
        OpenApiExample("rotate", summary="Rotate", value={}, request_only=True),
        OpenApiExample(
            "force", summary="End the old one now", value={"force": True}, request_only=True
        ),
    ],
)

end_rotation = extend_schema(
    operation_id="end_rotation",
    summary=f"End the rotation of a secret{SPECIAL}",
    description="From now on calls are signed with the newest secret alone.",
    parameters=[WEBHOOK_ID],
    responses={200: WebhookSerializer},
    examples=[_webhook],
)

ping_webhook = extend_schema(
    operation_id="ping_webhook",
    summary=f"Send a test to a webhook{SPECIAL}",
    description="One call of type `webhook.ping`, also to one that is off; a failure does not "
    "count. What became of it is in the deliveries.",
    parameters=[WEBHOOK_ID],
    request=None,
    responses={202: OpenApiResponse(WebhookDeliverySerializer, description="The test to come.")},
    examples=[
        OpenApiExample(
            "test",
            value={
                **DELIVERY,
                "type": "webhook.ping",
                "practice_id": None,
                "sequence": None,
                "status": "pending",
                "attempts": 0,
                "next_attempt_at": "2026-11-03T21:40:00.000+00:00",
                "created_at": "2026-11-03T21:40:00.000+00:00",
                "calls": [],
                "body": encode(TEST),
            },
            response_only=True,
            status_codes=["202"],
        )
    ],
)

list_deliveries = extend_schema(
    operation_id="list_deliveries",
    summary="Get the deliveries of a webhook",
    description="What it was told in the last 30 days, the newest first, with how each call ended. "
    "Always a page: 100 unless `limit` is sent.",
    parameters=[
        WEBHOOK_ID,
        OpenApiParameter(
            "status", enum=DeliveryStatus.values, description="Deliveries of this status."
        ),
        *PAGES,
    ],
    responses={200: WebhookDeliverySerializer(many=True)},
    examples=[OpenApiExample("delivery", value=DELIVERY, response_only=True)],
)

replay_delivery = extend_schema(
    operation_id="replay_delivery",
    summary=f"Replay a delivery{SPECIAL}",
    description="One more call with the same id and body, a new timestamp and the secret of today; "
    "also to a webhook that is off.",
    parameters=[WEBHOOK_ID, DELIVERY_ID],
    request=None,
    responses={202: OpenApiResponse(WebhookDeliverySerializer, description="The delivery.")},
    examples=[
        OpenApiExample(
            "delivery",
            value={**DELIVERY, "next_attempt_at": "2026-11-03T22:10:00.000+00:00"},
            response_only=True,
            status_codes=["202"],
        )
    ],
)

replay_since = extend_schema(
    operation_id="replay_since",
    summary=f"Replay all deliveries since{SPECIAL}",
    description="One more call for each delivery made at this instant or later, tests left out.",
    parameters=[
        WEBHOOK_ID,
        OpenApiParameter(
            "since",
            required=True,
            description="A date and time; without an offset it is UTC.",
        ),
    ],
    request=None,
    responses={202: OpenApiResponse(ReplayedSerializer, description="How many there are.")},
    examples=[
        OpenApiExample(
            "replayed", value={"deliveries": 12}, response_only=True, status_codes=["202"]
        )
    ],
)


# What receivers get ----------------------------------------------------------------------------


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "schema": {"type": "string"},
        "description": description,
    }


_CHANGED = {
    "practice_id": _text("The practice."),
    "booking_id": _text("The booking that changed."),
    "appointment_id": _text("The appointment that changed; null for the booking.")
    | {"type": ["string", "null"]},
    "from_status": _text("What it was; null when it was made.") | {"type": ["string", "null"]},
    "to_status": _text("What it became."),
    "sequence": {"type": "integer", "description": "The number of the change in the practice."},
    "cursor": _text(
        "The feed's, just before this change. To miss nothing, read it after the cursor that you "
        "have got to yourself."
    ),
}


def _call(kind: str, summary: str, data: dict[str, Any], example: dict[str, Any]) -> OpenApiWebhook:
    """Describe the calls of a type. Raw: what drf-spectacular infers is about our own answers."""
    body = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": kind},
            "timestamp": _text("When it happened.", format="date-time"),
            "data": {"type": "object", "properties": data, "required": [*data]},
        },
        "required": ["type", "timestamp", "data"],
    }
    operation = {
        "summary": summary,
        "description": "By Standard Webhooks: verify the signature, answer with a 2xx within 15 "
        "seconds, then read the feed. The same `webhook-id` may come more than once.",
        "tags": ["Webhooks"],
        "parameters": [
            _header("webhook-id", "The same at each call for this delivery."),
            _header("webhook-timestamp", "Seconds since 1970, of this call."),
            _header("webhook-signature", "`v1,` and a signature, by each secret; spaces between."),
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": body, "example": example}},
        },
        "responses": {
            "2XX": {"description": "It has arrived."},
            "410": {"description": "It is not wanted any more: switches the webhook off."},
            "default": {"description": "It is called again later, a redirect is not followed."},
        },
    }
    return OpenApiWebhook(kind, {"post": operation})


BOOKING_CHANGED = _call("booking.changed", "An opening changed", _CHANGED, EVENT)
APPOINTMENT_CHANGED = _call(
    "appointment.changed",
    "An appointment that you see changed",
    _CHANGED,
    {
        **EVENT,
        "type": "appointment.changed",
        "data": {**EVENT["data"], "appointment_id": "Xk29fLq0aZ"},  # type: ignore[dict-item]  # EVENT is of mixed values
    },
)
PING = _call(
    "webhook.ping", "A test", {"webhook_id": _text("The webhook that was to be tested.")}, TEST
)
