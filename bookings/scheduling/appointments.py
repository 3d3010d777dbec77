"""What can be done with one patient's place: take it, change it, cancel it (contract, section 4).

API and admin call these verbs; statuses and places change in bookings/scheduling/moves.py.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction

from bookings import walltime
from bookings.models import TAKEN, Appointment, Booking, PlaceStatus, Status
from bookings.patients.record import PATIENT_FIELDS, Patient
from bookings.scheduling import moves
from bookings.scheduling.actors import Actor
from bookings.scheduling.locked_booking import Opening
from openchair.database.compiled import CompiledQuery
from openchair.errors import Refused
from openchair.serving import metrics
from practices.models import Kind

MOVES: dict[str, set[str]] = {
    PlaceStatus.PENDING: {PlaceStatus.RESERVED, PlaceStatus.BOOKED},
    PlaceStatus.RESERVED: {PlaceStatus.BOOKED},
    PlaceStatus.BOOKED: set(),
}
"""Which status of a place may become which; cancelling is a verb of its own."""


class Fields(TypedDict, total=False):
    """What a request says of an appointment; what it does not say is left alone.

    start_datetime: the exact time of a range booking; aware, or naive for the wall time.
    """

    status: str
    start_datetime: datetime | None
    first_name: str
    last_name: str
    email: str
    phone: str
    guardian_name: str
    zip_code: str
    message: str


@transaction.atomic
def take(*, booking_id: str, fields: Fields, by: Actor, now: datetime) -> Appointment:
    """Take one free place for a patient, held (`pending`) unless another status is said.

    Raises Refused (409: closed, in_the_past, place_taken, not_reservable), ValidationError (400),
    LimitReached (429), Booking.DoesNotExist.
    """
    opening = moves.lock(booking_id, by=by, now=now)
    booking = opening.booking
    status = fields.get("status", PlaceStatus.PENDING)
    _check_available(booking, opening.now)
    exact = _exact_time(opening, status, fields)
    patient = Patient(**_patient(fields))
    (place,) = opening.take(1, status, patient=patient, start_datetime=exact)
    opening.save()
    return place


Check = Callable[[Appointment], None]
"""Looks at an appointment as it is under the lock, and raises where the change must not be made."""


@transaction.atomic
def edit(
    *, appointment_id: str, fields: Fields, by: Actor, now: datetime, check: Check | None = None
) -> Appointment:
    """Change a patient's place: its status, its exact time, what is known of the patient.

    The same status again is a no-op, and renews a hold; the exact time makes a reserved place
    booked. A hold that has expired is claimed anew: it gets a place if one is free.
    Raises as `take`, what `check` raises, and Appointment.DoesNotExist.
    """
    opening, place = _lock(appointment_id, by=by, now=now)
    if check is not None:
        check(place)
    if place.status not in TAKEN and not _says_something_new(place, fields):
        return place
    if place.status == PlaceStatus.EXPIRED:
        _claim_again(opening, place, fields)
    elif place.status == PlaceStatus.CANCELLED:
        raise Refused(
            "closed",
            f"Appointment {place.pk} is cancelled: nothing about it can change. Make a new one.",
        )
    else:
        _move(opening, place, fields)
    opening.set_patient(place, _patient(fields))
    opening.save()
    return place


@transaction.atomic
def cancel(
    *, appointment_id: str, by: Actor, now: datetime, check: Check | None = None
) -> Appointment:
    """Give a patient's place back; cancelling it again changes nothing.

    Raises what `check` raises, and Appointment.DoesNotExist.
    """
    opening, place = _lock(appointment_id, by=by, now=now)
    # Sent again, it is what was asked for already (RFC 9110, section 13.1.1).
    if check is not None and place.status != PlaceStatus.CANCELLED:
        check(place)
    opening.move([place], PlaceStatus.CANCELLED)
    opening.save()
    return place


_BOOKING_OF: CompiledQuery[tuple[str]] = CompiledQuery(
    lambda appointment_id: Appointment.objects.filter(pk=appointment_id).values_list("booking_id"),
    appointment_id=str,
)


def _lock(appointment_id: str, *, by: Actor, now: datetime) -> tuple[Opening, Appointment]:
    """Lock the opening of an appointment, and find the appointment as it is under the lock."""
    found = _BOOKING_OF.first(appointment_id=appointment_id)
    if found is None:
        raise Appointment.DoesNotExist
    opening = moves.lock(found[0], by=by, now=now)
    return opening, opening.place(appointment_id)


def _check_available(booking: Booking, now: datetime) -> None:
    """Raise Refused where an opening takes no patient."""
    if booking.status == Status.CLOSED:
        raise Refused("closed", f"Booking {booking.pk} is closed: choose another opening.")
    if booking.start_datetime is None:
        raise Refused(
            "no_time", f"Booking {booking.pk} has no start_datetime yet: choose another opening."
        )
    if booking.start_datetime <= now:
        raise Refused(
            "in_the_past", f"The time of booking {booking.pk} has passed: choose another opening."
        )
    if booking.free_places < 1:
        metrics.claim(won=False)
        raise Refused(
            "place_taken", f"No place of booking {booking.pk} is free: choose another opening."
        )


def _exact_time(
    opening: Opening, status: str, fields: Fields, was: datetime | None = None
) -> datetime | None:
    """Check a status and a time against the kind of booking, and give a range's exact time.

    was: the one that the place has, which may be sent back when it has passed.
    Raises Refused where an exact booking would be reserved, ValidationError where the time is
    missing or out of place.
    """
    booking, said = opening.booking, fields.get("start_datetime")
    is_range = booking.practice.kind == Kind.RANGE
    if status == PlaceStatus.RESERVED and not is_range:
        raise Refused(
            "not_reservable", f"Booking {booking.pk} has an exact time: book it, do not reserve it."
        )
    if said is None:
        if is_range and status == PlaceStatus.BOOKED:
            raise ValidationError(
                {"start_datetime": "A range booking becomes booked with its exact time: send both."}
            )
        return None
    try:
        exact = walltime.to_instant(said, booking.location.zone)
    except walltime.WallTimeError as error:
        raise ValidationError({"start_datetime": str(error)}) from None
    if is_range and status == PlaceStatus.BOOKED:
        if exact <= opening.now and exact != was:
            raise Refused("in_the_past", "This time has passed: send one that is still to come.")
        return exact
    if is_range:
        raise ValidationError(
            {"start_datetime": "The exact time makes it booked: send status booked with it."}
        )
    if exact != booking.start_datetime:
        raise ValidationError(
            {"start_datetime": "The time of an exact booking is the booking's: leave it out."}
        )
    return None


def _move(opening: Opening, place: Appointment, fields: Fields) -> None:
    """Move a taken place, or renew it, or change its exact time."""
    says_time = fields.get("start_datetime") is not None
    if "start_datetime" in fields and not says_time and place.start_datetime is not None:
        raise ValidationError(
            {"start_datetime": "A booked place keeps its exact time: send another, or cancel it."}
        )
    gets_time = place.status == PlaceStatus.RESERVED and says_time
    status = fields.get("status", PlaceStatus.BOOKED if gets_time else place.status)
    if status not in {place.status, *MOVES[place.status]}:
        may = " or ".join(sorted(MOVES[place.status])) or "nothing else"
        raise Refused(
            "not_allowed",
            f"Appointment {place.pk} is {place.status}: it may become {may}, not {status}. "
            "To cancel it, send DELETE.",
        )
    if status != place.status or says_time:
        exact = _exact_time(opening, status, fields, place.start_datetime)
        opening.move([place], status)
        opening.set_time(place, exact)
    elif status == PlaceStatus.PENDING and "status" in fields:
        opening.renew([place])


def _claim_again(opening: Opening, place: Appointment, fields: Fields) -> None:
    """Let a lapsed hold take a place again, if one is free and a status is asked for."""
    expired = f"The hold of appointment {place.pk} has expired."
    if fields.get("status") not in TAKEN:
        raise Refused(
            "hold_expired", f"{expired} Send status pending, reserved or booked to claim a place."
        )
    try:
        _check_available(opening.booking, opening.now)
    except Refused as refused:
        reason = "hold_expired" if refused.reason == "place_taken" else refused.reason
        raise Refused(reason, f"{expired} {refused}") from None
    exact = _exact_time(opening, fields["status"], fields)
    opening.retake(place, fields["status"])
    opening.set_time(place, exact)


def _says_something_new(place: Appointment, fields: Fields) -> bool:
    """Say whether a place that was given up is sent otherwise than it was read."""
    said, zone = fields.get("start_datetime"), place.booking.location.zone
    try:
        exact = None if said is None else walltime.to_instant(said, zone)
        moved = "start_datetime" in fields and exact != place.exact_time
    except walltime.WallTimeError:
        moved = True
    known = place.unread_person
    told = any(getattr(known, name) != value for name, value in _patient(fields).items())
    return moved or told or fields.get("status", place.status) != place.status


def _patient(fields: Fields) -> dict[str, str]:
    said: dict[str, Any] = {**fields}
    return {name: value for name, value in said.items() if name in PATIENT_FIELDS}
