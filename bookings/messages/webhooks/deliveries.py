"""Deliveries of an endpoint: made from the feed, which is called next, what an attempt makes of it.

First calls come in the order of the feed. So one that has not arrived at the receiver goes before
those behind it, whenever it is due; of those that have, answered or not, each goes on by its own
schedule, and stops none behind it.
"""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, Value, When, Window
from django.db.models.functions import RowNumber

from bookings import walltime
from bookings.messages.webhooks import positions
from bookings.models import (
    DeliveryStatus,
    Feed,
    Webhook,
    WebhookDelivery,
    WebhookPosition,
    WebhookType,
)
from bookings.scheduling import feed
from openchair.json_text import encode

WAITS = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 16)),
)
"""How long after each failed attempt the next one follows; after the last it has failed."""
_JITTER = 0.1
_EVENTS = 200
"""Read at once of a practice's feed."""
AT_ONCE = 50
"""Read at once of those to call."""


# From the feed -------------------------------------------------------------------------------


def make(webhook: Webhook) -> bool:
    """Make deliveries of what is new in the practices' feeds, up to _EVENTS of each.

    Returns whether there was anything new.
    """
    newest = Feed.objects.filter(practice=OuterRef("practice")).values("newest")
    rows = positions.behind().filter(webhook=webhook).annotate(newest=Subquery(newest))
    behind = [*rows]
    if not behind:
        return False
    ours = {*positions.practices_of(webhook).values_list("pk", flat=True)}
    for position in behind:
        if position.practice_id in ours:
            _make(webhook, position, until=position.newest)
        else:
            positions.forget(webhook, [position.practice_id])
    return True


def _make(webhook: Webhook, position: WebhookPosition, *, until: int) -> None:
    shown = feed.shown_to(
        webhook.partner_id,
        practice_id=position.practice_id,
        after=position.number,
        until=until,
    )
    events = [
        *shown.values_list(
            *("number", "at", "booking_id", "appointment_id", "from_status", "to_status"),
            "booking__location__timezone",
            named=True,
        )[:_EVENTS]
    ]
    reached = events[-1].number if len(events) == _EVENTS else until
    told = [each for each in events if _type(each) in webhook.types]
    with transaction.atomic():
        ours = WebhookPosition.objects.filter(pk=position.pk, number=position.number)
        if ours.update(number=reached):  # else another worker did it, or it was switched off
            WebhookDelivery.objects.bulk_create(_rows(webhook, position.practice_id, told))


def _type(event: Any) -> WebhookType:
    is_booking = event.appointment_id is None
    return WebhookType.BOOKING_CHANGED if is_booking else WebhookType.APPOINTMENT_CHANGED


def _rows(webhook: Webhook, practice_id: str, events: Iterable[Any]) -> list[WebhookDelivery]:
    now = walltime.now()
    return [
        WebhookDelivery(
            webhook=webhook,
            type=_type(event),
            practice_id=practice_id,
            sequence=event.number,
            body=encode(_body(practice_id, event)),
            next_attempt_at=now,
            created_at=now,
        )
        for event in events
    ]


def _body(practice_id: str, event: Any) -> dict[str, Any]:
    """Return what is told of an event: what the feed says of it, and nothing about a patient."""
    return {
        "type": _type(event),
        "timestamp": walltime.iso(event.at, ZoneInfo(event.booking__location__timezone)),
        "data": {
            "practice_id": practice_id,
            "booking_id": event.booking_id,
            "appointment_id": event.appointment_id,
            "from_status": event.from_status or None,
            "to_status": event.to_status,
            "sequence": event.number,
            # Read after it, this change comes first.
            "cursor": feed.cursor(practice_id, event.number - 1),
        },
    }


# To the receiver -----------------------------------------------------------------------------


def not_arrived(webhook: Webhook) -> QuerySet[WebhookDelivery]:
    """Return the events that wait and of which no call has arrived at the receiver."""
    return webhook.deliveries.pending().filter(has_arrived=False).exclude(type=WebhookType.PING)


def is_unreached(webhook: Webhook) -> bool:
    """Whether no call about an event reached the receiver when it was last tried."""
    return webhook.failures > 0 and not_arrived(webhook).filter(attempts__gt=0).exists()


def begin_anew(answered: WebhookDelivery, now: datetime) -> None:
    """Have a receiver that is there again called at once about what has not arrived.

    As if for the first time: one that comes and goes would else use up the attempts of what it was
    never called about.
    """
    others = not_arrived(answered.webhook).filter(attempts__gt=0).exclude(pk=answered.pk)
    others.update(next_attempt_at=now, attempts=0)


def due(webhook: Webhook, now: datetime) -> QuerySet[WebhookDelivery]:
    """Return the deliveries that are to be called by now."""
    return webhook.deliveries.filter(next_attempt_at__lte=now)


def to_call(webhook: Webhook, now: datetime, *, is_unreached: bool) -> list[WebhookDelivery]:
    """Return the deliveries to call next: each practice's in order, the practices by turns.

    While the receiver is not reached it is the oldest that has not arrived, due or not.
    """
    called = due(webhook, now)
    if not is_unreached:
        turn = Window(RowNumber(), partition_by=F("practice"), order_by="sequence")
        return [*called.annotate(turn=turn).order_by("turn", "practice")[:AT_ONCE]]
    return [*not_arrived(webhook).order_by("sequence")[:1]] if called.exists() else []


def failed(now: datetime, *, is_replay: bool) -> dict[str, Any]:
    """Return what a failed attempt makes of deliveries, as values of an UPDATE.

    A replay is one attempt, and does not count.
    """
    later = random.uniform(1, 1 + _JITTER)  # noqa: S311  # no secret
    counted = 0 if is_replay else 1
    waits = (timedelta(0), *WAITS)[counted:]  # by the attempts before this one
    is_tried_again = Q(status=DeliveryStatus.PENDING, attempts__lt=len(waits))
    is_tried_again &= ~Q(type=WebhookType.PING)
    next_ones = (
        When(is_tried_again, attempts=nth, then=Value(now + wait * later))
        for nth, wait in enumerate(waits)
    )
    has_failed = Q(~is_tried_again, status=DeliveryStatus.PENDING)
    return {
        "attempts": F("attempts") + counted,
        "next_attempt_at": Case(*next_ones, default=None),
        "status": Case(When(has_failed, then=Value(DeliveryStatus.FAILED)), default=F("status")),
        "is_replay": False,
    }
