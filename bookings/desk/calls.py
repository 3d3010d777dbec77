"""Rules of the call list: whose visit is put on it, and what is done by itself."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from bookings import walltime
from bookings.desk import labels, times
from bookings.models import TAKEN, Appointment, AppointmentStatus, Booking, Call
from bookings.models.booking import local_days
from openchair.errors import Refused
from practices.models import Doctor, Location, Practice

_TIME = Coalesce("appointment__start_datetime", "appointment__booking__start_datetime")
"""When the visit is; the exact time that a range patient has, else that of the opening."""


def visits(
    practice: Practice,
    locations: Iterable[Location],
    doctor: Doctor | None,
    first: date,
    last: date,
    *,
    now: datetime,
) -> QuerySet[Appointment]:
    """Return the taken visits still to come at these locations, on days first to last inclusive.

    A range patient who has an exact time comes on the day of that, whatever the opening's day is.
    """
    here = list(locations)
    on_own_day = local_days(here, first, last, location="booking__location")
    on_days = Booking.objects.on_local_days(here, first, last).filter(start_datetime__gt=now)
    found = Appointment.objects.taken().filter(
        Q(on_own_day, start_datetime__gt=now)
        | Q(start_datetime__isnull=True, booking__in=on_days.values("pk")),
        booking__practice=practice,
    )
    if doctor is not None:
        found = found.filter(booking__doctor=doctor)
    related = found.select_related("booking__location", "booking__doctor", "booking__practice")
    at = Coalesce("start_datetime", "booking__start_datetime")
    return related.order_by(at, "created_at", "id")


@transaction.atomic
def ask(found: Iterable[Appointment], *, user_id: int, now: datetime) -> int:
    """Put visits on the call list, and return how many were not on it."""
    asked = 0
    for each in found:
        _call, is_new = Call.objects.get_or_create(
            appointment=each,
            done_at=None,
            defaults={
                "practice_id": each.booking.practice_id,
                "booking_id": each.booking_id,
                "asked_at": now,
                "asked_by_id": user_id,
            },
        )
        asked += is_new
    return asked


def left(*, now: datetime) -> QuerySet[Call]:
    """Return the calls that are left, of all practices.

    Nothing is left to say of a visit that was moved to another opening or cancelled, or is over.
    """
    asked = Call.objects.filter(
        done_at=None, appointment__status__in=TAKEN, appointment__booking=F("booking")
    )
    return asked.exclude(_from(None, now))


def to_do(practice: Practice, *, now: datetime) -> QuerySet[Call]:
    """Return the calls that a practice has left, the next visit first."""
    return left(now=now).filter(practice=practice).order_by(_TIME, "id")


def done(practice: Practice, *, since: datetime, now: datetime) -> QuerySet[Call]:
    """Return the calls done since then, by a person or by themselves, the last first."""
    by_itself = Q(done_at=None) & ~Q(pk__in=to_do(practice, now=now).values("pk"))
    changed = Q(appointment__updated_at__gte=since) | _from(since, now)
    found = Call.objects.filter(Q(done_at__gte=since) | Q(by_itself, changed), practice=practice)
    return found.order_by(F("done_at").desc(nulls_last=True), "-id")


def _from(since: datetime | None, until: datetime) -> Q:
    """Build the filter of calls about visits that were, or are, until then (and since then)."""
    own = Q(appointment__start_datetime__lte=until)
    other = Q(appointment__start_datetime=None, appointment__booking__start_datetime__lte=until)
    if since is not None:
        own &= Q(appointment__start_datetime__gte=since)
        other &= Q(appointment__booking__start_datetime__gte=since)
    return own | other


def outcome(call: Call) -> str:
    """Say how a call that is not in `to_do` came to its end."""
    visit = call.appointment
    if call.done_at is not None and call.done_by is not None:
        name = call.done_by.get_full_name() or call.done_by.get_username()
        wall = walltime.wall_clock(call.done_at, visit.booking.location.zone)
        return f"reached by {name}, {labels.clock(wall)}"
    if visit.booking_id != call.booking_id:
        return f"moved to {times.of_appointment(visit)}"
    if visit.status == AppointmentStatus.CANCELLED:
        return "cancelled"
    if visit.status == AppointmentStatus.EXPIRED:
        return "the hold ended"
    return "the time has passed"


def reach(call: Call, *, user_id: int, now: datetime) -> None:
    """Note that the patient was reached. Raises Refused where a colleague was quicker."""
    if not Call.objects.filter(pk=call.pk, done_at=None).update(done_at=now, done_by=user_id):
        call.refresh_from_db()
        raise Refused("changed", f"This patient was {outcome(call)}.")


def undo(call: Call) -> None:
    """Put a call that was done back on the list. Raises Refused where the patient is on it."""
    try:
        with transaction.atomic():
            Call.objects.filter(pk=call.pk).update(done_at=None, done_by=None)
    except IntegrityError:
        raise Refused("changed", "This patient is already back on the call list.") from None
