"""Prometheus collector of metrics that are counted in the database."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Min, Q, Sum
from django.utils import timezone
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bookings.messages import queue
from bookings.models import (
    Appointment,
    Booking,
    DeliveryStatus,
    Queue,
    Task,
    TaskStatus,
    WebhookDelivery,
)


class LiveHolds(Collector):
    """Gauge of places on hold, as of now; left out while the database cannot be reached."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        whole = Booking.objects.filter(whole_pending_until__gt=now)
        try:
            held = whole.aggregate(places=Sum("whole_pending"))["places"] or 0
            count = held + Appointment.objects.filter(pending_until__gt=now).count()
        except (DatabaseError, InterfaceError):  # /readyz fails then
            return
        yield GaugeMetricFamily("openchair_holds_live", "Holds that have not ended.", value=count)


class Tasks(Collector):
    """Gauges of what the workers have to do; left out while the database cannot be reached."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        age = GaugeMetricFamily(
            "openchair_tasks_oldest_due_seconds",
            "How long the task that waits longest has been due.",
            labels=["queue"],
        )
        count = GaugeMetricFamily(
            "openchair_tasks", "Tasks that wait or failed.", labels=["queue", "status"]
        )
        try:
            found = {name: _tasks(name, now) for name in Queue}
        except (DatabaseError, InterfaceError):  # /readyz fails then
            return
        for name, (since, counted) in found.items():
            age.add_metric([name], 0 if since is None else (now - since).total_seconds())
            for status, number in counted.items():
                count.add_metric([name, status], number)
        yield from (age, count)


class WebhookDeliveries(Collector):
    """Gauges of what endpoints are told; left out while the database cannot be reached."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        made = WebhookDelivery.objects.filter(created_at__gt=now - timedelta(hours=1))
        waiting = WebhookDelivery.objects.pending()
        try:
            ended = made.exclude(status=DeliveryStatus.PENDING).order_by("status").values("status")
            counted = {row["status"]: row["count"] for row in ended.annotate(count=Count("pk"))}
            told = waiting.aggregate(count=Count("pk"), since=Min("created_at"))
        except (DatabaseError, InterfaceError):  # /readyz fails then
            return
        counted[DeliveryStatus.PENDING] = told["count"]
        count = GaugeMetricFamily(
            "openchair_webhook_deliveries",
            "Deliveries that wait, and those of the last hour that ended.",
            labels=["status"],
        )
        for status in DeliveryStatus:
            count.add_metric([status], counted.get(status, 0))
        yield count
        yield GaugeMetricFamily(
            "openchair_webhook_oldest_pending_seconds",
            "How old the oldest delivery that waits is.",
            value=0 if told["since"] is None else (now - told["since"]).total_seconds(),
        )


def _tasks(queue_name: Queue, now: datetime) -> tuple[datetime | None, dict[str, int]]:
    """Return since when the oldest task waits, and how many have each status.

    Of those that failed the ones of the last day, which an index finds.
    """
    tasks = Task.objects.filter(queue_name=queue_name)
    again = Q(attempts__gt=0)
    counted = tasks.filter(finished_at__isnull=True).aggregate(
        ready=Count("pk", filter=~again), retried=Count("pk", filter=again)
    )
    lately = tasks.filter(finished_at__gt=now - timedelta(days=1))
    counted["failed"] = lately.filter(status=TaskStatus.FAILED).count()
    return queue.waiting_since(queue_name), counted
