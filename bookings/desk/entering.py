"""Rules of what is not entered in a practice's own software: which visits are left to enter."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from bookings.models import BOOKED, Appointment, AppointmentStatus, Event, ExternalStatus
from bookings.scheduling.audit import WHEREABOUTS
from practices.models import OwnSystem, Partner, Practice

AFTER = timedelta(minutes=15)
"""Until then it is not late, unless it failed (contract, section 9)."""
_RECENT = timedelta(days=7)
"""Visits of longer ago are left out: nobody enters them any more."""
_LATER = timedelta(days=31)
"""An exact time is no longer after its opening's, by which alone a practice's visits are found."""


def systems(practices: Iterable[str]) -> dict[str, Partner]:
    """Return the partners that are these practices' own systems, by the practice's id."""
    marked = OwnSystem.objects.in_effect().filter(practice__in=practices)
    return {each.practice_id: each.partner for each in marked}


_WAS_ENTERED = Q(changes__external_status__1=ExternalStatus.ENTERED)
"""Of events. By hand a visit is entered without a number of the system's."""


def concerns(visit: Appointment) -> bool:
    """Whether a visit is, or has to be, in the own system: none that it never knew is cancelled."""
    if visit.status != AppointmentStatus.CANCELLED:
        return visit.status in BOOKED
    return visit.external_id is not None or visit.events.filter(_WAS_ENTERED).exists()


def left(practices: Iterable[Practice | str], *, now: datetime) -> QuerySet[Appointment]:
    """Return the visits that the own systems of these practices have not entered.

    They are booked, or cancelled after the system knew them; to come, or of the last days. It takes
    AFTER from when they were booked, moved, cancelled or marked as not entered until they are late;
    a failed one is at once.
    """
    since, late = now - _RECENT, now - AFTER
    changed = Q(changes__has_any_keys=[*WHEREABOUTS, "external_status"])
    changed |= ~Q(from_status=F("to_status"))
    just_changed = Event.objects.filter(changed, appointment=OuterRef("pk"), at__gt=late)
    was_entered = Event.objects.filter(_WAS_ENTERED, appointment=OuterRef("pk"))
    is_here = Q(status__in=BOOKED) | Q(
        Q(external_id__isnull=False) | Exists(was_entered), status=AppointmentStatus.CANCELLED
    )
    is_late = Q(external_status=ExternalStatus.FAILED) | Q(
        # Few changed just now: of the others no event is looked at.
        Q(updated_at__lte=late) | ~Exists(just_changed),
        external_status__isnull=True,
    )
    return Appointment.objects.filter(
        is_here,
        is_late,
        Q(start_datetime__gte=since)
        | Q(start_datetime__isnull=True, booking__start_datetime__gte=since),
        booking__practice__in=practices,
        booking__start_datetime__gte=since - _LATER,
    )
