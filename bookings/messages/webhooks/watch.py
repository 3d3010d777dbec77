"""Watch over endpoints: whose grants changed, and which have been failing for hours."""

from datetime import datetime, timedelta

from django.db import transaction

from bookings import walltime
from bookings.messages.webhooks import endpoints, positions
from bookings.models import OffReason, Queue, Task, TaskKind, Webhook

WARNED_AFTER = timedelta(hours=3)
OFF_AFTER = timedelta(hours=48)
OFF_AFTER_FAILURES = 10


def watch(now: datetime) -> None:
    """Begin where a practice was granted; warn of, and switch off, what has been failing."""
    for webhook in Webhook.objects.filter(active=True).select_related("partner"):
        positions.begin(webhook)
    failing = Webhook.objects.filter(active=True, failing_since__lte=now - WARNED_AFTER)
    for webhook in failing:
        assert webhook.failing_since is not None
        has_failed = webhook.failures >= OFF_AFTER_FAILURES
        if has_failed and webhook.failing_since <= now - OFF_AFTER:
            switch_off(webhook, OffReason.FAILING)
        elif webhook.warned_at is None:
            _warn(webhook, now)


@transaction.atomic
def switch_off(seen: Webhook, reason: OffReason) -> None:
    """Switch an endpoint off as `endpoints.switch_off` does, and have its partner told."""
    if endpoints.switch_off(seen, reason):
        _enqueue(seen.pk, TaskKind.WEBHOOK_OFF)


@transaction.atomic
def _warn(webhook: Webhook, now: datetime) -> None:
    not_warned = Webhook.objects.filter(pk=webhook.pk, active=True, warned_at=None)
    if not_warned.filter(failing_since=webhook.failing_since).update(warned_at=now):
        _enqueue(webhook.pk, TaskKind.WEBHOOK_FAILING)


def _enqueue(webhook_id: str, kind: TaskKind) -> None:
    now = walltime.now()
    Task.objects.create(
        queue_name=Queue.MAIL, kind=kind, webhook_id=webhook_id, run_after=now, enqueued_at=now
    )
