"""Deletion of old tasks; what became of mail stays (Delivery)."""

from datetime import datetime, timedelta

from bookings.models import Task, TaskStatus

_KEPT = {
    TaskStatus.SUCCESSFUL: timedelta(days=30),
    TaskStatus.FAILED: timedelta(days=90),
}
_AT_ONCE = 500


def prune(now: datetime) -> None:
    """Delete tasks that ended long ago, in batches, so that no change waits for it."""
    for status, kept in _KEPT.items():
        old = Task.objects.filter(status=status, finished_at__lte=now - kept)
        while batch := list(old.values_list("pk", flat=True)[:_AT_ONCE]):
            Task.objects.filter(pk__in=batch).delete()
