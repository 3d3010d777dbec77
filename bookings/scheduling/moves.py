"""Status transitions of bookings, and the row lock that every change begins with.

A change locks the booking's row, checks, changes places, and saves booking, appointments and events
in one transaction (locked_booking.py; contract, section 1). `by` is the actor of a change, and
`now` its time in UTC, read at its beginning, and again once the row is locked.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from bookings import walltime
from bookings.models import TAKEN, AppointmentStatus, Booking, Status
from bookings.scheduling import holds
from bookings.scheduling.actors import CLOCK, Actor
from bookings.scheduling.locked_booking import LockedBooking, MovedAway
from bookings.scheduling.outbox import BY_MAIL, Notice
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
"""Which status of a whole booking may become which; for closing see `close`."""
APPOINTMENT_MOVES: dict[str, set[str]] = {
    AppointmentStatus.PENDING: {AppointmentStatus.RESERVED, AppointmentStatus.BOOKED},
    AppointmentStatus.RESERVED: {AppointmentStatus.BOOKED},
    AppointmentStatus.BOOKED: set(),
}
"""Which status of an appointment may become which; for cancelling see `appointments.cancel`."""

Params = ParamSpec("Params")
Result = TypeVar("Result")

_LOCKED = CompiledQuery(
    lambda booking_id: (
        Booking.objects.select_for_update(of=("self",))
        .select_related("location", "practice__waitlist")
        .filter(pk=booking_id)
    ),
    booking_id=str,
)


class TransitionRefused(Refused):
    """A change of status that is not in BOOKING_MOVES; the text lists those that are."""

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


def lock(booking_id: str, *, by: Actor, now: datetime, notice: Notice = BY_MAIL) -> LockedBooking:
    """Lock a booking's row and expire its holds that have ended.

    Call it in a transaction, before anything is saved in it: saving locks the practice's feed,
    which comes after this lock (bookings/scheduling/feed.py). Raises Booking.DoesNotExist.
    """
    booking = _LOCKED.first(booking_id=booking_id)
    if booking is None:
        raise Booking.DoesNotExist
    # The clock is read again after waiting for the lock: a hold may have ended meanwhile.
    locked = LockedBooking(booking, by=by, now=max(now, walltime.now()))
    locked.notice = notice
    locked.expire_holds()
    return locked


def lock_all(
    booking_ids: Iterable[str], *, by: Actor, now: datetime, notice: Notice = BY_MAIL
) -> dict[str, LockedBooking]:
    """Lock several bookings and return them by id. In key order, so that no two changes deadlock.

    As `lock`, and after the series' lock. Raises Booking.DoesNotExist.
    """
    ordered = sorted(booking_ids)
    return {each: lock(each, by=by, now=now, notice=notice) for each in ordered}


def save_all(locked: Iterable[LockedBooking]) -> None:
    """Save several in this order. Raises LimitReached.

    The partner whose holds are counted is locked before the first one's events lock the feed.
    """
    ordered = [*locked]
    counted_for = next((each.counted_for for each in ordered[1:] if each.counted_for), None)
    if counted_for is not None:  # the first one locks it itself, in time
        holds.lock_partner(counted_for)
    for each in ordered:
        each.save()


def atomic_wherever_it_is(verb: Callable[Params, Result]) -> Callable[Params, Result]:
    """Decorate a verb about appointments: one transaction, begun anew where one has moved away.

    A verb reads which booking an appointment is in, and then locks that booking. Where another
    request moved the appointment in between, the locks have to be given back first: they are taken
    in key order.
    """

    @wraps(verb)
    def run(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        while True:
            try:
                with transaction.atomic():
                    return verb(*args, **kwargs)
            except MovedAway:
                continue

    return run


@transaction.atomic
def lapse(booking_id: str, *, now: datetime) -> None:
    """Expire holds of a booking that have ended, and save it."""
    lock(booking_id, by=CLOCK, now=now).save()


def change_status(locked: LockedBooking, wanted: str, *, says_start: bool) -> None:
    """Change the status of a whole booking: hold, take or free its places (contract, section 2).

    says_start: whether the request has a start_datetime, without which a range booking does not
    become booked. Patients' appointments do not change.
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
            raise _belongs_to_patient(booking, "freed")
    else:
        if wanted != Status.PENDING and not _can_be_taken(locked, wanted):
            raise _belongs_to_patient(booking, wanted)
        locked.take_whole(wanted)


def _check_start(booking: Booking, wanted: str, *, says_start: bool) -> None:
    """Raise ValidationError where the status needs a start_datetime that is missing."""
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
    """Whether a place is free, or one of the whole booking's is in this or an earlier status."""
    reached = TAKEN[: TAKEN.index(AppointmentStatus(wanted)) + 1]
    return locked.booking.free_places != 0 or any(locked.whole(status) for status in reached)


def _belongs_to_patient(booking: Booking, done: str) -> Refused:
    return Refused(
        "patient_has_place",
        f"The places of booking {booking.pk} belong to patients and cannot be {done} with the "
        "whole opening: change or cancel the appointment first.",
    )


def close(locked: LockedBooking) -> None:
    """Close a booking and free the places it has taken as a whole; a no-op once closed.

    Raises Refused (409) where a patient has a place in it.
    """
    booking = locked.booking
    if booking.status == Status.CLOSED:
        return
    if booking.places_taken > booking.whole_taken:
        raise _belongs_to_patient(booking, "closed")
    locked.give_back_whole()
    locked.close()
