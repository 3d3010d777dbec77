"""Work of endpoints: which of their tasks have something to do, and since when."""

from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, Exists, F, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest, Least

from bookings.messages.webhooks import positions
from bookings.models import Event, Task, WebhookDelivery


def is_there(now: datetime) -> Q:
    """Filter tasks to those whose endpoint is to be told of events, or called by now.

    It has no join: of two workers that claim a task, PostgreSQL would not look at the second's
    condition again after it has waited for the first.
    """
    is_behind = Q(webhook__in=positions.behind().values("webhook"))
    return is_behind | Q(Exists(_due(now)))


def waiting_since(tasks: QuerySet[Task], now: datetime) -> datetime | None:
    """Return since when the first of these tasks with work waits, be it in turn for its own."""
    untold = Event.objects.filter(practice=OuterRef("practice"), number__gt=OuterRef("number"))
    at = Subquery(untold.order_by("number").values("at")[:1])
    behind = positions.behind().filter(webhook=OuterRef("webhook")).annotate(since=at)
    event = _first(behind.order_by("since").values("since"))
    call = _first(_due(now).order_by("next_attempt_at").values("next_attempt_at"))
    work = Least(Coalesce(event, call), Coalesce(call, event))
    since = Greatest(F("run_after"), work)
    found: datetime | None = tasks.annotate(since=since).aggregate(least=Min("since"))["least"]
    return found


def _due(now: datetime) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(webhook=OuterRef("webhook"), next_attempt_at__lte=now)


def _first(rows: QuerySet[Any, Any]) -> Subquery:
    return Subquery(rows[:1], output_field=DateTimeField())
