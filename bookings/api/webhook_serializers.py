"""DRF serializers of webhooks and their deliveries: for request bodies and the schema."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookings.api.serializers import IdField
from bookings.models import SUBSCRIBED, DeliveryStatus, WebhookType
from openchair.api.fields import (
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictSerializer,
)
from openchair.outgoing import urls

MOST_PRACTICES = 1000
_TYPES = [each.value for each in SUBSCRIBED]
_NO_LIST = "Write a list, in square brackets."
_PRACTICE_IDS = (
    "Whose changes it is told, of the practices that you are granted; empty: all of these, now and "
    "later."
)
_URL = "Where it is called: https, at a public address."


@extend_schema_field(OpenApiTypes.URI)
class ReceiverField(StrictCharField):
    """An address that this installation may call."""

    def to_internal_value(self, data: object) -> str:
        url = super().to_internal_value(data)
        try:
            urls.check(url)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None
        return url


class WebhookSerializer(serializers.Serializer[object]):
    """An address of yours that is told of changes."""

    id = serializers.CharField(help_text="The webhook's id.")
    url = serializers.URLField(help_text=_URL)
    types = serializers.ListField(
        child=serializers.ChoiceField(choices=_TYPES), help_text="What it is told."
    )
    practice_ids = serializers.ListField(child=serializers.CharField(), help_text=_PRACTICE_IDS)
    active = serializers.BooleanField(
        help_text="Whether it is told. It is switched off where the receiver answers 410, or where "
        "no call succeeded for 48 hours."
    )
    created_at = serializers.DateTimeField(help_text="When it was made.")


class NewSecretSerializer(WebhookSerializer):
    """A webhook with its new secret, which is in this answer and in no other."""

    secret = serializers.CharField(
        help_text="What each call is signed with (Standard Webhooks, `v1`). Keep it now: it is "
        "not shown again."
    )


class DeletedWebhookSerializer(serializers.Serializer[object]):
    """What deleting a webhook answers."""

    id = serializers.CharField(help_text="The webhook's id.")
    status = serializers.ChoiceField(choices=["deleted"], help_text="Always deleted.")


class WebhookEditSerializer(StrictSerializer):
    """What can be changed of a webhook; only the fields sent change."""

    class Meta:
        ignored = frozenset({"id", "created_at"})

    url = ReceiverField(required=False, max_length=500, help_text=_URL)
    types = serializers.ListField(
        required=False,
        child=StrictChoiceField(choices=_TYPES),
        min_length=1,
        error_messages={"not_a_list": _NO_LIST, "min_length": "Send at least one."},
        help_text="What it is told; a new one both, unless sent.",
    )
    practice_ids = serializers.ListField(
        required=False,
        child=IdField(),
        max_length=MOST_PRACTICES,
        error_messages={"not_a_list": _NO_LIST, "max_length": "Send at most {max_length}."},
        help_text=_PRACTICE_IDS,
    )
    active = StrictBooleanField(
        required=False,
        help_text="false: it is not told, until true is sent, and then of what comes from then on.",
    )


class WebhookCreateSerializer(WebhookEditSerializer):
    """A webhook to make."""

    class Meta:
        ignored: frozenset[str] = frozenset()

    url = ReceiverField(max_length=500, help_text=_URL)
    active = None  # type: ignore[assignment]  # a new one is on


class RotateSerializer(StrictSerializer):
    """How to rotate."""

    force = StrictBooleanField(
        required=False,
        help_text="true: also within 24 hours of the last time, which ends that old secret at "
        "once.",
    )


class CallSerializer(serializers.Serializer[object]):
    """One call of your address."""

    at = serializers.DateTimeField(help_text="When it began.")
    status = serializers.IntegerField(
        allow_null=True, help_text="The HTTP status that you answered; null: no answer came."
    )
    duration_ms = serializers.IntegerField(help_text="How long it took, in milliseconds.")
    answer = serializers.CharField(help_text="The first 256 bytes of your answer, as text.")
    error = serializers.CharField(help_text="Why no answer came, such as `timeout`; else empty.")


class WebhookDeliverySerializer(serializers.Serializer[object]):
    """One thing that a webhook is told."""

    id = serializers.CharField(
        help_text="The delivery's id. With `msg_` before it, it is the `webhook-id` of each call."
    )
    type = serializers.ChoiceField(choices=WebhookType.choices, help_text="What it tells.")
    practice_id = serializers.CharField(
        allow_null=True, help_text="Of which practice; null for a test."
    )
    sequence = serializers.IntegerField(
        allow_null=True, help_text="The number of the change in that practice; null for a test."
    )
    status = serializers.ChoiceField(
        choices=DeliveryStatus.choices,
        help_text="pending: a call is to come. delivered: a call was answered with a 2xx. failed: "
        "it is not called again, unless you replay it.",
    )
    attempts = serializers.IntegerField(help_text="Calls so far, without replays.")
    next_attempt_at = serializers.DateTimeField(
        allow_null=True, help_text="When it is called next; null: not again."
    )
    created_at = serializers.DateTimeField(help_text="When it was made.")
    calls = CallSerializer(many=True, help_text="The last calls, in their order.")
    body = serializers.CharField(help_text="The body that is sent and signed, as text.")


class ReplayedSerializer(serializers.Serializer[object]):
    """What a replay of many answers."""

    deliveries = serializers.IntegerField(help_text="How many are sent once more.")
