"""Holds: until when a place is held, and how many places a partner may hold at a time."""

from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, QuerySet
from django.db.models.expressions import RawSQL

from bookings.models import Appointment
from openchair.database.compiled import CompiledQuery
from openchair.errors import LimitReached
from practices.models import Partner

_PARTNER = CompiledQuery(
    lambda partner_id: (
        Partner.objects.select_for_update(no_key=True).filter(pk=partner_id).values_list("pk")
    ),
    partner_id=str,
)
_LIVE: CompiledQuery[Any] = CompiledQuery(
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


def check_size(count: int) -> None:
    """Raise LimitReached where these are more places than a partner may ever hold."""
    if count > settings.HOLDS_PER_PARTNER:
        raise LimitReached(
            f"These are {count} places, and a partner holds at most {settings.HOLDS_PER_PARTNER} "
            "at a time: hold them one by one as appointments.",
            retry_after=settings.HOLD_SECONDS,
        )


class Tally:
    """How many places a partner holds, asked by the change that takes some more, when it has.

    The partner's row is locked, or two requests would both count before either holds. It is always
    the last lock but the feed's, so that no two changes can wait for each other.
    """

    def __init__(self, partner_id: str, now: datetime) -> None:
        self._partner_id, self._now = partner_id, now
        with connection.cursor() as cursor:
            cursor.execute(_PARTNER.sql, _PARTNER.params({"partner_id": partner_id}))
        self._asked = _LIVE.bind(partner_id=partner_id, now=now).send()

    def check(self) -> None:
        """Raise LimitReached where these are more than HOLDS_PER_PARTNER."""
        (live,) = self._asked.rows()
        if live.count <= settings.HOLDS_PER_PARTNER:
            return
        first = _live(self._partner_id, self._now).aggregate(first=Min("pending_until"))["first"]
        raise LimitReached(
            f"A partner has at most {settings.HOLDS_PER_PARTNER} places on hold at a time; "
            "complete or give back some, or wait until they expire.",
            retry_after=ceil((first - self._now).total_seconds()),
        )
