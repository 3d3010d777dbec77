"""REST endpoints of a partner's webhooks, and of what they were told (contract, section 9).

A partner sees and changes its own; any other is a 404.
"""

from typing import Any

from django.db import transaction
from django.http.response import HttpResponse, HttpResponseBase
from django.urls import reverse
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from bookings.api import filters
from bookings.api import webhook_schema as schema
from bookings.api.webhook_serializers import (
    RotateSerializer,
    WebhookCreateSerializer,
    WebhookEditSerializer,
    WebhookSerializer,
)
from bookings.messages.webhooks import endpoints
from bookings.models import SUBSCRIBED, DeliveryStatus, Webhook, WebhookDelivery
from openchair.api import conditional, pagination
from openchair.api.fields import StrictSerializer
from openchair.api.filters import check
from openchair.api.idempotency import idempotent
from openchair.api.renderers import json_response
from openchair.api.views import ApiViewSet
from openchair.json_text import encode
from practices.api.permissions import SpecialAuthorizationToWrite, require_grant, require_grants
from practices.ids import is_id
from practices.models import Partner, Practice


def _as_dict(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.pk,
        "url": webhook.url,
        "types": webhook.types,
        "practice_ids": sorted(practice.pk for practice in webhook.practices.all()),
        "active": webhook.active,
        "created_at": endpoints.iso(webhook.created_at),
    }


def _tag(webhook: Webhook) -> str:
    return _tag_of(_as_dict(webhook))


def _tag_of(data: dict[str, Any]) -> str:
    return conditional.text_tag(encode(data))


def _delivery_as_dict(delivery: WebhookDelivery) -> dict[str, Any]:
    due = delivery.next_attempt_at
    return {
        "id": delivery.pk,
        "type": delivery.type,
        "practice_id": delivery.practice_id,
        "sequence": delivery.sequence,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "next_attempt_at": None if due is None else endpoints.iso(due),
        "created_at": endpoints.iso(delivery.created_at),
        "calls": delivery.calls,
        "body": delivery.body,
    }


class WebhookListViewSet(ApiViewSet):
    """A partner's webhooks."""

    serializer_class = WebhookSerializer
    permission_classes = [SpecialAuthorizationToWrite]

    @schema.list_webhooks
    def list(self, request: Request) -> HttpResponseBase:
        check(request.query_params)
        rows = Webhook.objects.filter(partner=self.caller.partner_id).prefetch_related("practices")
        return conditional.answer(request, [_as_dict(webhook) for webhook in rows])

    @schema.create_webhook
    def create(self, request: Request) -> HttpResponseBase:
        require_grants(self.caller, _practices_in(self.body))
        return self._create(request)

    @idempotent
    def _create(self, request: Request) -> HttpResponseBase:
        fields = _read(WebhookCreateSerializer, self.body)
        webhook, secret = endpoints.create(
            Partner.objects.get(pk=self.caller.partner_id),
            url=fields["url"],
            types=fields.get("types", SUBSCRIBED),
            practice_ids=fields.get("practice_ids", ()),
        )
        response = _shown(webhook, secret=secret, status=status.HTTP_201_CREATED)
        response["Location"] = reverse("webhook", args=[webhook.pk])
        return response


class WebhookViewSet(ApiViewSet):
    """One webhook."""

    serializer_class = WebhookSerializer
    permission_classes = [SpecialAuthorizationToWrite]
    may_lack_body = frozenset({"rotate", "ping", "replay", "replay_since"})

    @schema.get_webhook
    def retrieve(self, request: Request, webhook_id: str) -> HttpResponseBase:
        return conditional.answer(request, _as_dict(self._own(webhook_id)))

    @schema.edit_webhook
    @transaction.atomic
    def edit(self, request: Request, webhook_id: str) -> HttpResponseBase:
        self._own(webhook_id, locked=True)
        require_grants(self.caller, _practices_in(self.body))
        fields = _read(WebhookEditSerializer, self.body)
        precondition = conditional.precondition(request, _tag)
        return _shown(endpoints.edit(webhook_id, check=precondition, **fields))

    @schema.delete_webhook
    @transaction.atomic
    def destroy(self, request: Request, webhook_id: str) -> HttpResponseBase:
        self._own(webhook_id, locked=True)
        endpoints.delete(webhook_id, check=conditional.precondition(request, _tag))
        return json_response({"id": webhook_id, "status": "deleted"})

    @schema.rotate_webhook
    @transaction.atomic
    def rotate(self, request: Request, webhook_id: str) -> HttpResponseBase:
        self._own(webhook_id, locked=True)
        return self._rotate(request, webhook_id)

    @idempotent
    def _rotate(self, request: Request, webhook_id: str) -> HttpResponseBase:
        force = RotateSerializer.read(self.body).get("force", False)
        webhook, secret = endpoints.rotate(webhook_id, force=force)
        return _shown(webhook, secret=secret)

    @schema.end_rotation
    @transaction.atomic
    def end_rotation(self, request: Request, webhook_id: str) -> HttpResponseBase:
        self._own(webhook_id, locked=True)
        return _shown(endpoints.end_rotation(webhook_id))

    @schema.ping_webhook
    def ping(self, request: Request, webhook_id: str) -> HttpResponseBase:
        return self._ping(request, self._own(webhook_id))

    @idempotent
    def _ping(self, request: Request, webhook: Webhook) -> HttpResponseBase:
        StrictSerializer.read(self.body)
        return _accepted(_delivery_as_dict(endpoints.ping(webhook)))

    @schema.list_deliveries
    def deliveries(self, request: Request, webhook_id: str) -> HttpResponseBase:
        rows = self._own(webhook_id).deliveries.all()
        check(request.query_params, ["status", *pagination.PARAMETERS])
        wanted = request.query_params.get("status")
        if wanted is not None:
            if wanted not in DeliveryStatus.values:
                known = ", ".join(DeliveryStatus.values)
                raise serializers.ValidationError({"status": f"Write one of {known}."})
            rows = rows.filter(status=wanted)
        page = pagination.asked_for(request) or pagination.Page(pagination.DEFAULT, None)
        found, cursor = pagination.rows_of(rows, page, "created_at", newest_first=True)
        response = conditional.answer(request, [_delivery_as_dict(each) for each in found])
        if cursor is not None:
            response["Link"] = pagination.link(request, cursor=cursor, limit=str(page.limit))
        return response

    @schema.replay_delivery
    def replay(self, request: Request, webhook_id: str, delivery_id: str) -> HttpResponseBase:
        delivery = self._own(webhook_id).deliveries.filter(pk=delivery_id).first()
        if delivery is None:
            raise NotFound(f"There is no delivery {delivery_id} of this webhook.")
        if delivery.practice_id is not None:
            require_grant(self.caller, delivery.practice_id)
        return self._replay(request, delivery)

    @idempotent
    def _replay(self, request: Request, delivery: WebhookDelivery) -> HttpResponseBase:
        StrictSerializer.read(self.body)
        endpoints.replay(delivery)
        return _accepted(_delivery_as_dict(delivery))

    @schema.replay_since
    def replay_since(self, request: Request, webhook_id: str) -> HttpResponseBase:
        return self._replay_since(request, self._own(webhook_id))

    @idempotent
    def _replay_since(self, request: Request, webhook: Webhook) -> HttpResponseBase:
        StrictSerializer.read(self.body)
        check(request.query_params, ["since"])
        text = request.query_params.get("since")
        if text is None:
            raise serializers.ValidationError(
                {"since": "Say from when, as in ?since=2026-09-25T16:45:00Z."}
            )
        since = filters.instant("since", text, endpoints.UTC)
        return _accepted({"deliveries": endpoints.replay_since(webhook, since)})

    def _own(self, webhook_id: str, *, locked: bool = False) -> Webhook:
        """Return a webhook of this partner, locked so that nobody deletes it. Raises NotFound."""
        rows = Webhook.objects.filter(pk=webhook_id, partner=self.caller.partner_id)
        rows = rows.select_related("partner")
        found = (endpoints.locked(rows) if locked else rows).first()
        if found is None:
            raise NotFound(f"There is no webhook {webhook_id} of yours.")
        return found


def _practices_in(body: dict[str, Any]) -> list[str]:
    """Return the ids that a body names, which may be wrong in any way."""
    sent = body.get("practice_ids")
    return [each for each in sent if is_id(each)] if isinstance(sent, list) else []


def _read(kind: type[StrictSerializer], body: dict[str, Any]) -> dict[str, Any]:
    """Validate a body. Raises ValidationError, also for a practice that is not there."""
    fields = kind.read(body)
    named = fields.get("practice_ids", ())
    known = {*Practice.objects.filter(pk__in=named, active=True).values_list("pk", flat=True)}
    errors = {
        f"practice_ids.{nth}": f"There is no practice {each}."
        for nth, each in enumerate(named)
        if each not in known
    }
    if errors:
        raise serializers.ValidationError(errors)
    return fields


def _shown(webhook: Webhook, *, status: int = 200, **secret: str) -> HttpResponse:
    data = _as_dict(webhook)
    headers = {"ETag": _tag_of(data)}
    return json_response({**data, **secret}, status=status, headers=headers)


def _accepted(data: dict[str, Any]) -> HttpResponse:
    return json_response(data, status=status.HTTP_202_ACCEPTED)
