"""Emptying what is known of patients whose time is long past; the place itself stays and counts.

A few rows at a time, while the server runs, and waiting for nobody: a row that somebody else is
changing at that moment is left to the next run. May be stopped at any point, and run again.

No event, no `updated_at`: nothing happened to the appointment, and a partner's sync stays quiet.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from bookings.models import TAKEN, Appointment
from bookings.patients import record

AT_ONCE = 100
_EMPTY = record.kept(record.NOBODY)


def purge(before: datetime, *, dry_run: bool) -> Iterator[int]:
    """Empty patients' data in places that were over before an instant; count each batch."""
    after = ""
    while True:
        with transaction.atomic():
            rows = list(_candidates(before).filter(pk__gt=after)[:AT_ONCE])
            over = [row.pk for row in rows if _over_since(row) < before]
            if not dry_run:
                Appointment.objects.filter(pk__in=over).update(**_EMPTY)
        if not rows:
            return
        after = rows[-1].pk
        yield len(over)


def _candidates(before: datetime) -> QuerySet[Appointment]:
    """Lock places that may be over, and their openings, so that none is moved meanwhile."""
    begun = Q(begins__lt=before) | Q(begins__isnull=True) | ~Q(status__in=TAKEN)
    return (
        Appointment.objects.select_for_update(of=("self", "booking"), skip_locked=True)
        .select_related("booking")
        .alias(begins=Coalesce("start_datetime", "booking__start_datetime"))
        .filter(begun, patient__isnull=False)
        .order_by("pk")
    )


def _over_since(place: Appointment) -> datetime:
    """Say when a place was over: at its end, or where it has none, when it last changed."""
    begins = place.start_datetime or place.booking.start_datetime
    if begins is None or place.status not in TAKEN:
        return place.updated_at
    return begins + timedelta(minutes=place.booking.length)
