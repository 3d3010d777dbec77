"""SEQUENCE of calendar entries: how often one has moved since it was made.

It never falls, and comes from no clock: events are never deleted.
"""

from collections.abc import Iterable

from django.db.models import Count, F, Q

from bookings.models import Event, Status

_PLACE = ["location_id", "doctor_id"]
_OF_VISIT = ~Q(from_status=F("to_status")) | Q(
    changes__has_any_keys=["booking_id", "start_datetime", *_PLACE]
)
_OF_OPENING = (
    Q(from_status="")
    | Q(to_status=Status.CLOSED) & ~Q(from_status=Status.CLOSED)
    | Q(changes__has_any_keys=["start_datetime", "length", *_PLACE])
)


def of_visits(ids: Iterable[str]) -> dict[str, int]:
    """Count by visit the later changes of its status, time, place or doctor."""
    rows = Event.objects.filter(_OF_VISIT, appointment__in=ids).values_list("appointment")
    return {pk: count - 1 for pk, count in rows.order_by().annotate(Count("pk"))}


def of_openings(ids: Iterable[str]) -> dict[str, int]:
    """Count by opening the later changes of its time, length, place or doctor, and its closing."""
    rows = Event.objects.filter(_OF_OPENING, booking__in=ids, appointment__isnull=True)
    return {
        pk: count - 1 for pk, count in rows.order_by().values_list("booking").annotate(Count("pk"))
    }
