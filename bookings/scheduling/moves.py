"""Every change of a status, a place or a hold: the one door (contract, section 1).

A change locks the opening's row, looks, changes places, and saves booking, places and events in one
transaction (locked_booking.py). Verbs take `by` (who) and `now` (UTC, read once a request).
"""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from bookings import walltime
from bookings.models import TAKEN, Appointment, Booking, PlaceStatus, Status
from bookings.scheduling.actors import CLOCK, Actor
from bookings.scheduling.locked_booking import Opening
from openchair.database.compiled import Prepared
from openchair.errors import Refused
from openchair.serving import metrics
from practices.models import Kind

MOVES: dict[str, dict[str, set[str]]] = {
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
"""Which status of a whole opening may become which; closing is a verb of its own."""


_LOCKED = Prepared(
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
        may = sorted(MOVES[booking.practice.kind].get(status, set()))
        text = f"Booking {booking.pk} is {status}: it may become {' or '.join(may)}"
        if wanted == Status.CLOSED:
            text += "; to close it, send DELETE."
        else:
            text += f", not {wanted}."
        super().__init__("not_allowed", text)


def lock(booking_id: str, *, by: Actor, now: datetime) -> Opening:
    """Lock an opening and see its lapsed holds expired: what every change begins with.

    Call it in a transaction, before anything is saved in it: saving takes the practice's feed,
    which has to be the last lock (bookings/scheduling/feed.py). Raises Booking.DoesNotExist.
    """
    booking = _LOCKED.first(booking_id=booking_id)
    if booking is None:
        raise Booking.DoesNotExist
    # Who waited for the lock looks at the clock again: a hold may have ended meanwhile.
    opening = Opening(booking, by=by, now=max(now, walltime.now()))
    opening.expire_holds()
    return opening


def lock_all(booking_ids: Iterable[str], *, by: Actor, now: datetime) -> dict[str, Opening]:
    """Lock several openings, by id: always in the order of their keys, so no two changes deadlock.

    Call it as `lock`, and after the series' lock. Raises Booking.DoesNotExist.
    """
    return {each: lock(each, by=by, now=now) for each in sorted(booking_ids)}


@transaction.atomic
def lapse(booking_id: str, *, now: datetime) -> None:
    """Write down that holds of this opening have expired, if they have."""
    lock(booking_id, by=CLOCK, now=now).save()


def change_status(opening: Opening, wanted: str, *, says_start: bool) -> None:
    """Move a whole opening to a status: hold, take or give back its places (contract, section 2).

    says_start: whether the request itself says the start_datetime, without which a range booking
    does not become booked. Places that belong to a patient are never touched.
    Raises TransitionRefused or Refused (409), ValidationError (400), LimitReached (429).
    """
    booking = opening.booking
    before, reached = opening.status_before, opening.settle()
    ours = [place for place in opening.places if not place.has_patient]
    gives_back = wanted == Status.OPEN and ours and before != Status.OPEN
    held = [place for place in ours if place.status == PlaceStatus.PENDING]
    if wanted == reached and not gives_back:
        if wanted == Status.PENDING:
            opening.renew(held)
        return
    if wanted not in {before, *MOVES[booking.practice.kind].get(before, set())}:
        if wanted in TAKEN:
            metrics.claim(won=False)
        raise TransitionRefused(booking, before, wanted)
    _check_start(booking, wanted, says_start=says_start)
    if wanted == Status.OPEN:
        _give_back(opening, ours)
    elif wanted == Status.PENDING:
        opening.renew(held)
        opening.take(booking.free_places, PlaceStatus.PENDING)
    else:
        _fix(opening, ours, wanted)


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


def _give_back(opening: Opening, ours: list[Appointment]) -> None:
    opening.move(ours, PlaceStatus.CANCELLED)
    if opening.settle() != Status.OPEN:
        raise _belongs_to_patient(opening.booking, "given back")


def _fix(opening: Opening, ours: list[Appointment], wanted: str) -> None:
    """Reserve or book what is free and what the whole opening holds."""
    free = opening.booking.free_places
    steps = {str(status): step for step, status in enumerate(TAKEN)}
    behind = [place for place in ours if steps[place.status] < steps[wanted]]
    if not free and not any(steps[place.status] <= steps[wanted] for place in ours):
        raise _belongs_to_patient(opening.booking, wanted)
    opening.move(behind, wanted)
    opening.take(free, wanted)


def _belongs_to_patient(booking: Booking, done: str) -> Refused:
    return Refused(
        "patient_has_place",
        f"The places of booking {booking.pk} belong to patients and cannot be {done} with the "
        "whole opening: change or cancel the appointment first.",
    )


def close(opening: Opening) -> None:
    """Delete an opening: give back what was taken with it, then close it; again is a no-op.

    Raises Refused (409) where a patient has a place in it.
    """
    if opening.booking.status == Status.CLOSED:
        return
    if any(place.has_patient for place in opening.places):
        raise _belongs_to_patient(opening.booking, "closed")
    opening.move(opening.places, PlaceStatus.CANCELLED)
    opening.close()
