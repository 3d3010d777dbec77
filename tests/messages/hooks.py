"""Endpoints for tests, and runs of their tasks as a worker's thread runs them."""

import json
from datetime import datetime
from typing import Any

from bookings.messages import queue
from bookings.messages.webhooks import endpoints
from bookings.messages.webhooks.sending import WebhookHandler
from bookings.models import Booking, Queue, Task, Webhook, WebhookDelivery, WebhookType
from practices.models import Partner
from tests.factories import Scene
from tests.receiver import Call

TYPES = (WebhookType.BOOKING_CHANGED, WebhookType.APPOINTMENT_CHANGED)


def endpoint(partner: Partner, url: str, **values: Any) -> Webhook:
    """Make an endpoint that is told of everything, if nothing else is said."""
    made: dict[str, Any] = {"url": url, "types": TYPES, "practice_ids": []}
    return endpoints.create(partner, **made | values)[0]


def work() -> int:
    """Do what endpoints have to do now, in turn; return how many turns there were."""
    turns = 0
    while task := queue.claim(Queue.WEBHOOK) or queue.claim(Queue.SLOW):
        WebhookHandler().run(task)
        turns += 1
        assert turns < 1000
    return turns


def changes(scene: Scene, count: int, first: int = 0) -> list[Booking]:
    """Make events of a practice, one for each booking."""
    return [scene.booking(id=f"b{nth:06}") for nth in range(first, first + count)]


def task_of(webhook: Webhook) -> Task:
    return Task.objects.get(key=f"webhook:{webhook.pk}")


def body(call: Call) -> Any:
    return json.loads(call.body)


def sequences(calls: list[Call]) -> list[int]:
    """Return the events' numbers in the order of arrival."""
    return [body(call)["data"]["sequence"] for call in calls]


def deliveries(webhook: Webhook) -> list[WebhookDelivery]:
    return [*webhook.deliveries.order_by("sequence")]


def due_at(webhook: Webhook) -> datetime:
    """Return when the next delivery is called."""
    first = webhook.deliveries.exclude(next_attempt_at=None).earliest("next_attempt_at")
    assert first.next_attempt_at is not None
    return first.next_attempt_at
