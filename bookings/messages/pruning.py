"""Deletion of old tasks and webhook deliveries; what became of mail stays (Delivery)."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from bookings.models import Task, TaskStatus, WebhookDelivery

_KEPT = {
    TaskStatus.SUCCESSFUL: timedelta(days=30),
    TaskStatus.FAILED: timedelta(days=90),
}
_DELIVERIES_KEPT = timedelta(days=30)
_AT_ONCE = 500


def prune(now: datetime) -> None:
    """Delete what ended long ago, in batches, so that no change waits for it."""
    for status, kept in _KEPT.items():
        _delete(Task.objects.filter(status=status, finished_at__lte=now - kept))
    _delete(WebhookDelivery.objects.filter(created_at__lte=now - _DELIVERIES_KEPT))


def _delete(old: QuerySet[Any]) -> None:
    while batch := list(old.values_list("pk", flat=True)[:_AT_ONCE]):
        old.model.objects.filter(pk__in=batch).delete()
