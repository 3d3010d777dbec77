"""Holds: until when a place is held, and how many places a partner may hold at a time."""

from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, QuerySet
from django.db.models.expressions import RawSQL

from bookings.actors import Actor
from bookings.models import Appointment
from openchair.errors import LimitReached
from openchair.prepared import Prepared
from practices.models import Partner

_PARTNER = Prepared(
    lambda partner_id: (
        Partner.objects.select_for_update(no_key=True).filter(pk=partner_id).values_list("pk")
    ),
    partner_id=str,
)
_LIVE: Prepared[Any] = Prepared(
    lambda partner_id, now: (
        _live(partner_id, now)
        .order_by()
        .values("partner_id")
        .annotate(count=Count("pk"))
        .values_list("count", named=True)
    ),
    partner_id=str,
    now=datetime,
)


def ends(now: datetime, held_since: datetime) -> datetime:
    """Say until when a place is held that is taken or renewed now (UTC)."""
    return min(
        now + timedelta(seconds=settings.HOLD_SECONDS),
        held_since + timedelta(seconds=settings.HOLD_MAX_SECONDS),
    )


def _live(partner_id: str, now: datetime) -> QuerySet[Appointment]:
    # Said in the SQL itself: a plan for any status could not use the index of those pending.
    pending = RawSQL("'pending'", ())
    return Appointment.objects.filter(partner_id=partner_id, status=pending, pending_until__gt=now)


def check_number(by: Actor, more: int, now: datetime) -> None:
    """Raise LimitReached where a partner would have more live holds than HOLDS_PER_PARTNER.

    The partner's row is locked, or two requests would both count before either holds. It is always
    the last lock but the feed's, so that no two changes can wait for each other.
    """
    if by.partner_id is None:
        return
    if more > settings.HOLDS_PER_PARTNER:
        raise LimitReached(
            f"These are {more} places, and a partner holds at most {settings.HOLDS_PER_PARTNER} "
            "at a time: hold them one by one as appointments.",
            retry_after=settings.HOLD_SECONDS,
        )
    _PARTNER.first(partner_id=by.partner_id)
    live = _LIVE.first(partner_id=by.partner_id, now=now)
    if (live.count if live else 0) + more <= settings.HOLDS_PER_PARTNER:
        return
    first = _live(by.partner_id, now).aggregate(first=Min("pending_until"))["first"]
    raise LimitReached(
        f"A partner has at most {settings.HOLDS_PER_PARTNER} places on hold at a time; "
        "complete or give back some, or wait until they expire.",
        retry_after=ceil((first - now).total_seconds()) if first else settings.HOLD_SECONDS,
    )
