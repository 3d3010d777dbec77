"""Ids of the demo for the examples of /docs/reference/: openings, visits, families, webhooks."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bookings import demo
from bookings.demo.practices import GROUPS, PARTNERS
from bookings.models import Appointment as Visit
from bookings.models import (
    AppointmentStatus,
    Booking,
    Status,
    WaitlistEntry,
    Webhook,
    WebhookDelivery,
)

_OPENINGS = 6
_VISITS = _ENTRIES = 2
_AHEAD = timedelta(days=2)
"""Later than what somebody who looks at the demo's desk looks at."""


@dataclass(frozen=True)
class Examples:
    """Ids of openings of the partner whose key the demo tells, and of visits that it booked.

    entries: of families that it put on the waiting list. webhooks: its own, the first with
    deliveries.
    """

    openings: list[str]
    visits: list[str]
    entries: list[str]
    webhooks: list[str]
    deliveries: list[str]


def find(now: datetime) -> Examples | None:
    """Return ids that the examples work with; None without the demo's practices.

    There may be fewer than asked for, when the demo is old or many were tried out.
    """
    if not demo.exists():
        return None
    owner, practice, after = PARTNERS["full"][0], GROUPS["exact"].id, now + _AHEAD
    openings = Booking.objects.filter(
        practice=practice,
        partner=owner,
        status=Status.OPEN,
        recurring=False,
        start_datetime__gt=after,
        places_pending=0,
        places_reserved=0,
        places_booked=0,
    )
    visits = Visit.objects.filter(
        booking__practice=practice,
        partner=owner,
        status=AppointmentStatus.BOOKED,
        booking__start_datetime__gt=now,
    )
    entries = WaitlistEntry.objects.filter(practice=practice, partner=owner)
    webhooks = [*Webhook.objects.filter(partner=owner).values_list("pk", flat=True)]
    deliveries = WebhookDelivery.objects.filter(webhook__in=webhooks[:1])
    return Examples(
        [*openings.order_by("start_datetime", "pk").values_list("pk", flat=True)[:_OPENINGS]],
        [*visits.order_by("booking__start_datetime", "pk").values_list("pk", flat=True)[:_VISITS]],
        [*entries.order_by("created_at", "pk").values_list("pk", flat=True)[:_ENTRIES]],
        webhooks,
        [*deliveries.order_by("-created_at", "pk").values_list("pk", flat=True)[:1]],
    )
