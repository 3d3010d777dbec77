"""Every change of a status, a place or a hold: the one door (contract, section 1).

A change locks the booking's row, looks, changes places, and saves booking, appointments and events
in one transaction (locked_booking.py). Verbs take `by` (who) and `now` (UTC, read once a request).
"""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from bookings import walltime
from bookings.models import TAKEN, AppointmentStatus, Booking, Status
from bookings.scheduling.actors import CLOCK, Actor
from bookings.scheduling.locked_booking import LockedBooking
from openchair.database.compiled import CompiledQuery
from openchair.errors import Refused
from openchair.serving import metrics
from practices.models import Kind

BOOKING_MOVES: dict[str, dict[str, set[str]]] = {
    Kind.EXACT: {
        Status.OPEN: {Status.PENDING, Status.BOOKED},
        Status.PENDING: {Status.OPEN, Status.BOOKED},
        Status.BOOKED: {Status.OPEN},
    },
    Kind.RANGE: {
        Status.OPEN: {Status.PENDING, Status.RESERVED, Status.BOOKED},
        Status.PENDING: {Status.OPEN, Status.RESERVED, Status.BOOKED},
        Status.RESERVED: {Status.OPEN, Status.BOOKED},
        Status.BOOKED: {Status.OPEN},
    },
}
"""Which status of a whole booking may become which; closing is a verb of its own."""
APPOINTMENT_MOVES: dict[str, set[str]] = {
    AppointmentStatus.PENDING: {AppointmentStatus.RESERVED, AppointmentStatus.BOOKED},
    AppointmentStatus.RESERVED: {AppointmentStatus.BOOKED},
    AppointmentStatus.BOOKED: set(),
}
"""Which status of an appointment may become which; cancelling is a verb of its own."""


_LOCKED = CompiledQuery(
    lambda booking_id: (
        Booking.objects.select_for_update(of=("self",))
        .select_related("location", "practice")
        .filter(pk=booking_id)
    ),
    booking_id=str,
)


class TransitionRefused(Refused):
    """A move that the table does not have; says what the booking is and what it may become."""

    def __init__(self, booking: Booking, status: str, wanted: str) -> None:
        if status == Status.CLOSED:
            text = f"Booking {booking.pk} is closed; nothing about it can change. Create a new one."
            super().__init__("closed", text)
            return
        may = sorted(BOOKING_MOVES[booking.practice.kind].get(status, set()))
        text = f"Booking {booking.pk} is {status}: it may become {' or '.join(may)}"
        if wanted == Status.CLOSED:
            text += "; to close it, send DELETE."
        else:
            text += f", not {wanted}."
        super().__init__("not_allowed", text)


def lock(booking_id: str, *, by: Actor, now: datetime) -> LockedBooking:
    """Lock a booking and see its lapsed holds expired: what every change begins with.

    Call it in a transaction, before anything is saved in it: saving takes the practice's feed,
    which has to be the last lock (bookings/scheduling/feed.py). Raises Booking.DoesNotExist.
    """
    booking = _LOCKED.first(booking_id=booking_id)
    if booking is None:
        raise Booking.DoesNotExist
    # Who waited for the lock looks at the clock again: a hold may have ended meanwhile.
    locked = LockedBooking(booking, by=by, now=max(now, walltime.now()))
    locked.expire_holds()
    return locked


def lock_all(booking_ids: Iterable[str], *, by: Actor, now: datetime) -> dict[str, LockedBooking]:
    """Lock several bookings, by id: always in the order of their keys, so no two changes deadlock.

    Call it as `lock`, and after the series' lock. Raises Booking.DoesNotExist.
    """
    return {each: lock(each, by=by, now=now) for each in sorted(booking_ids)}


@transaction.atomic
def lapse(booking_id: str, *, now: datetime) -> None:
    """Write down that holds of this booking have expired, if they have."""
    lock(booking_id, by=CLOCK, now=now).save()


def change_status(locked: LockedBooking, wanted: str, *, says_start: bool) -> None:
    """Move a whole booking to a status: hold, take or give back its places (contract, section 2).

    says_start: whether the request itself says the start_datetime, without which a range booking
    does not become booked. Places that belong to a patient are never touched.
    Raises TransitionRefused or Refused (409), ValidationError (400), LimitReached (429).
    """
    booking = locked.booking
    before, reached = locked.status_before, locked.settle()
    gives_back = wanted == Status.OPEN and booking.whole_taken and before != Status.OPEN
    if wanted == reached and not gives_back:
        if wanted == Status.PENDING:
            locked.renew_whole()
        return
    if wanted not in {before, *BOOKING_MOVES[booking.practice.kind].get(before, set())}:
        if wanted in TAKEN:
            metrics.claim(won=False)
        raise TransitionRefused(booking, before, wanted)
    _check_start(booking, wanted, says_start=says_start)
    if wanted == Status.OPEN:
        locked.give_back_whole()
        if booking.status != Status.OPEN:
            raise _belongs_to_patient(booking, "given back")
    else:
        if wanted != Status.PENDING and not _can_be_taken(locked, wanted):
            raise _belongs_to_patient(booking, wanted)
        locked.take_whole(wanted)


def _check_start(booking: Booking, wanted: str, *, says_start: bool) -> None:
    """Raise ValidationError where a status needs a time that is not there."""
    is_range = booking.practice.kind == Kind.RANGE
    if wanted == Status.BOOKED and is_range and not says_start:
        raise ValidationError(
            {"start_datetime": "A range booking becomes booked with its exact time: send both."}
        )
    if wanted in {Status.OPEN, Status.BOOKED} and booking.start_datetime is None:
        raise ValidationError(
            {"start_datetime": f"A booking without a start_datetime cannot be {wanted}: send one."}
        )


def _can_be_taken(locked: LockedBooking, wanted: str) -> bool:
    """Say whether a place is free, or the whole booking has one that is no further than wanted."""
    reached = TAKEN[: TAKEN.index(AppointmentStatus(wanted)) + 1]
    return locked.booking.free_places != 0 or any(locked.whole(status) for status in reached)


def _belongs_to_patient(booking: Booking, done: str) -> Refused:
    return Refused(
        "patient_has_place",
        f"The places of booking {booking.pk} belong to patients and cannot be {done} with the "
        "whole opening: change or cancel the appointment first.",
    )


def close(locked: LockedBooking) -> None:
    """Delete a booking: give back what was taken with it, then close it; again is a no-op.

    Raises Refused (409) where a patient has a place in it.
    """
    booking = locked.booking
    if booking.status == Status.CLOSED:
        return
    if booking.places_taken > booking.whole_taken:
        raise _belongs_to_patient(booking, "closed")
    locked.give_back_whole()
    locked.close()
