"""Prometheus collector of metrics that are counted in the database."""

from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError
from django.db.models import Sum
from django.utils import timezone
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bookings.models import Appointment, Booking


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
