"""Holds: their expiry times, and the limit of places that a partner holds at a time.

`LockedBooking.expire_holds` expires them (locked_booking.py).
"""

from datetime import datetime, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Min

from bookings.models import ActorKind, Appointment, AppointmentStatus, Booking
from bookings.scheduling import daylight
from bookings.scheduling.actors import Actor
from openchair.database.compiled import CompiledQuery
from openchair.errors import LimitReached

IN_BOOKING = CompiledQuery(
    lambda booking_id: Appointment.objects.filter(
        booking_id=booking_id, status=AppointmentStatus.PENDING
    ).order_by("created_at", "id"),
    booking_id=str,
)
"""Compiled query of the appointments on hold in a booking, those that have ended included."""
OFFERED = timedelta(hours=4)
"""How much daylight a family that is offered a place has to answer, where the visit is not near."""
NEAREST = timedelta(hours=4)
"""Nearer to its time nothing is offered: the office calls."""
LAST = timedelta(hours=2)
"""No offer ends later than this before the visit."""
_OF_WHAT_IS_LEFT = 4

_LOCK = {
    "postgresql": "SELECT 1 FROM practices_partner WHERE id = %s FOR NO KEY UPDATE",
    "sqlite": "SELECT 1 FROM practices_partner WHERE id = %s",  # one writer at a time
}
_LIVE = """
    SELECT (SELECT count(*) FROM bookings_appointment
            WHERE partner_id = %s AND pending_until > %s AND booking_id <> %s)
        + (SELECT coalesce(sum(whole_pending), 0) FROM bookings_booking
           WHERE whole_partner_id = %s AND whole_pending_until > %s AND id <> %s)
"""


def ends(now: datetime, held_since: datetime, by: Actor) -> datetime:
    """Return when a hold that is taken or renewed now ends (UTC)."""
    is_patient = by.kind == ActorKind.PATIENT
    seconds = settings.PATIENT_HOLD_SECONDS if is_patient else settings.HOLD_SECONDS
    return min(
        now + timedelta(seconds=seconds),
        held_since + timedelta(seconds=settings.HOLD_MAX_SECONDS),
    )


def offer_ends(now: datetime, begins: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when an offer that is made now ends (UTC); None where the visit is too near.

    After four hours of daylight, or as many as are a quarter of the time that is left, on a full
    minute (contract, section 8).
    """
    left = begins - now
    if left < NEAREST:
        return None
    ends = daylight.after(now, min(OFFERED, left / _OF_WHAT_IS_LEFT), zone)
    return min(ends, begins - LAST).replace(second=0, microsecond=0)


def check_size(count: int) -> None:
    """Raise LimitReached where `count` places alone are more than HOLDS_PER_PARTNER."""
    if count > settings.HOLDS_PER_PARTNER:
        raise LimitReached(
            f"These are {count} places, and a partner holds at most {settings.HOLDS_PER_PARTNER} "
            "at a time: hold them one by one as appointments.",
            retry_after=settings.HOLD_SECONDS,
        )


def lock_partner(partner_id: str) -> None:
    """Lock the partner whose holds are counted: after bookings, before the feed (ADR 0004)."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK[connection.vendor], [partner_id])


def count_elsewhere(counted: Any, partner_id: str, now: datetime, *, booking_id: str) -> None:
    """Lock the partner; count the places it holds in other bookings, with the cursor `counted`.

    Without the row lock, two requests would both count before either had committed.
    """
    # Two statements: a count in the one that waits for the lock would see what was there before.
    instant = connection.ops.adapt_datetimefield_value(now)
    lock_partner(partner_id)
    counted.execute(_LIVE, [partner_id, instant, booking_id] * 2)


def check(live: int, partner_id: str, now: datetime) -> None:
    """Raise LimitReached where these are more places than a partner may hold at a time."""
    if live <= settings.HOLDS_PER_PARTNER:
        return
    raise LimitReached(
        f"A partner has at most {settings.HOLDS_PER_PARTNER} places on hold at a time; "
        "complete or release some, or wait until they expire.",
        retry_after=ceil((_first_end(partner_id, now) - now).total_seconds()),
    )


def _first_end(partner_id: str, now: datetime) -> datetime:
    ours = Appointment.objects.filter(partner_id=partner_id, pending_until__gt=now)
    whole = Booking.objects.filter(whole_partner_id=partner_id, whole_pending_until__gt=now)
    found: list[datetime | None] = [
        ours.aggregate(first=Min("pending_until"))["first"],
        whole.aggregate(first=Min("whole_pending_until"))["first"],
    ]
    return min(each for each in found if each is not None)
