"""Work of endpoints: which of their tasks have something to do, and since when."""

from datetime import datetime

from django.db.models import Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import LessThanOrEqual

from bookings.messages.webhooks import positions
from bookings.models import Event, Task, WebhookDelivery


def is_there(now: datetime) -> Q:
    """Filter tasks to those whose endpoint is to be told of events, or called by now.

    It has no join: of two workers that claim a task, PostgreSQL would not look at the second's
    condition again after it has waited for the first.
    """
    is_behind = Q(webhook__in=positions.behind().values("webhook"))
    return is_behind | Q(LessThanOrEqual(_first_call(), now))


def waiting_since(tasks: QuerySet[Task], now: datetime) -> datetime | None:
    """Return since when the first of these tasks with work waits, be it in turn for its own."""
    turns = dict(tasks.values_list("webhook", "run_after"))
    first = WebhookDelivery.objects.filter(webhook__in=turns, next_attempt_at__lte=now)
    calls = first.order_by("webhook").values_list("webhook").annotate(Min("next_attempt_at"))
    untold = Event.objects.filter(practice=OuterRef("practice"), number__gt=OuterRef("number"))
    at = Subquery(untold.order_by("number").values("at")[:1])
    behind = positions.behind().filter(webhook__in=turns).values_list("webhook", at)
    since: dict[str, datetime] = {}
    for webhook, each in [*calls, *behind]:
        since[webhook] = min(each, since.get(webhook, each))
    return min((max(each, turns[webhook]) for webhook, each in since.items()), default=None)


def _first_call() -> Subquery:
    """Return when the first delivery of a task's endpoint is to be called.

    By its order PostgreSQL finds it with the index. Asked whether there is any, it may read the
    table from end to end for each task, if it has not noticed yet that there are none any more.
    """
    waiting = WebhookDelivery.objects.filter(
        webhook=OuterRef("webhook"), next_attempt_at__isnull=False
    )
    return Subquery(waiting.order_by("next_attempt_at").values("next_attempt_at")[:1])
