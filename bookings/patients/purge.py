"""Data retention: delete patients' data of old appointments and entries; their rows stay.

Works in small batches while the server runs, and waits for no lock: rows that another transaction
has locked are left to the next run. Can be stopped at any point and run again.

Writes no event and no `updated_at`: the appointment did not change, and partners need not sync it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from bookings.models import TAKEN, Appointment, SearchTerm, WaitlistEntry
from bookings.patients import record

AT_ONCE = 100
_EMPTY = {**record.kept(record.NOBODY), "external_reason": None}  # which may name the patient


def purge(before: datetime, *, dry_run: bool) -> Iterator[int]:
    """Delete patients' data of appointments over before an instant (UTC); yield batches' counts."""
    after = ""
    while True:
        with transaction.atomic():
            rows = list(_candidates(before).filter(pk__gt=after)[:AT_ONCE])
            over = [row.pk for row in rows if _over_since(row) < before]
            if not dry_run:
                Appointment.objects.filter(pk__in=over).update(**_EMPTY)
                SearchTerm.objects.filter(appointment__in=over).delete()
        if not rows:
            return
        after = rows[-1].pk
        yield len(over)


def purge_entries(before: datetime, *, dry_run: bool) -> Iterator[int]:
    """Delete patients' data of entries of waiting lists that were over before an instant (UTC).

    Yields batches' counts. An entry that ended by itself is over, whoever has looked at it since.
    """
    over = Q(ended_at__lt=before) | Q(ended_at__isnull=True, ends_at__lt=before)
    rows, after = WaitlistEntry.objects.filter(over).exclude(patient="").order_by("pk"), ""
    while ids := list(rows.filter(pk__gt=after).values_list("pk", flat=True)[:AT_ONCE]):
        after = ids[-1]
        if not dry_run:
            empty = dict.fromkeys(WaitlistEntry.SEALED, "")
            rows.filter(pk__in=ids).order_by().update(**empty)
        yield len(ids)


def _candidates(before: datetime) -> QuerySet[Appointment]:
    """Lock appointments that may be over, and their bookings, so that none is moved meanwhile."""
    begun = Q(begins__lt=before) | Q(begins__isnull=True) | ~Q(status__in=TAKEN)
    return (
        Appointment.objects.select_for_update(of=("self", "booking"), skip_locked=True)
        .select_related("booking")
        .alias(begins=Coalesce("start_datetime", "booking__start_datetime"))
        .filter(begun, patient__isnull=False)
        .order_by("pk")
    )


def _over_since(appointment: Appointment) -> datetime:
    """When it ended (UTC); without a time, or cancelled or expired, when it last changed."""
    begins = appointment.start_datetime or appointment.booking.start_datetime
    if begins is None or appointment.status not in TAKEN:
        return appointment.updated_at
    return begins + timedelta(minutes=appointment.booking.length)
