"""Appointment services: create, edit and cancel, each in one transaction (contract, section 4).

API and admin call them, and `moving.move`; each begins with `moves.lock`, and writes through
`LockedBooking`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction

from bookings import walltime
from bookings.models import (
    TAKEN,
    Appointment,
    AppointmentStatus,
    Attendance,
    Booking,
    Language,
    Status,
)
from bookings.patients.record import PATIENT_FIELDS, Patient
from bookings.scheduling import external, moves
from bookings.scheduling.actors import Actor
from bookings.scheduling.locked_booking import LockedBooking
from bookings.scheduling.outbox import BY_MAIL, Notice
from bookings.scheduling.waitlist import turn
from openchair.database.compiled import CompiledQuery
from openchair.errors import Refused
from openchair.serving import metrics
from practices.models import Kind


class Fields(TypedDict, total=False):
    """A request's fields of an appointment; missing ones are left alone.

    start_datetime: the exact time in a range booking; aware, or naive for the wall time.
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
    note: str
    attendance: str
    language: str
    external_id: str | None
    external_status: str | None
    external_reason: str | None


@transaction.atomic
def take(*, booking_id: str, fields: Fields, by: Actor, now: datetime) -> Appointment:
    """Take one free place for a patient, held (`pending`) unless fields have another status.

    Raises Refused (409: closed, in_the_past, place_taken, not_reservable, and too_early for any
    attendance), ValidationError (400), LimitReached (429), Booking.DoesNotExist.
    """
    locked = moves.lock(booking_id, by=by, now=now)
    appointment = take_in(locked, fields)
    locked.save()
    return appointment


def take_in(locked: LockedBooking, fields: Fields, **origin: Any) -> Appointment:
    """Take a free place of a locked booking as `take` does, without saving it.

    origin: group_id, source and attribution.
    """
    status = fields.get("status", AppointmentStatus.PENDING)
    check_available(locked)
    exact = exact_time(locked, status, fields)
    patient, language = Patient(**_patient(fields)), fields.get("language")
    appointment = locked.take(status, patient, exact, language=language, **origin)
    if "attendance" in fields:
        _attend(locked, appointment, fields["attendance"])
    return appointment


@transaction.atomic
def name_patient(*, booking_id: str, fields: Fields, by: Actor, now: datetime) -> Appointment:
    """Turn a place taken by a status of the whole booking into a patient's appointment.

    It keeps its status and its hold, and the actor's partner owns it. Without `status` in fields it
    is the first there is of booked, reserved, pending. In a range booking, a booked one gets the
    booking's start_datetime as its exact time. Also afterwards: somebody came under no name.
    Raises Refused (409: closed, no_time, nothing_taken), Booking.DoesNotExist.
    """
    locked = moves.lock(booking_id, by=by, now=now)
    booking = locked.booking
    _check_has_time(booking)
    wanted = [AppointmentStatus(fields["status"])] if "status" in fields else reversed(TAKEN)
    status = next((each for each in wanted if locked.whole(each)), None)
    if status is None:
        raise Refused(
            "nothing_taken",
            f"No such place of booking {booking.pk} is taken without a patient: take a free one.",
        )
    is_timed = booking.practice.kind == Kind.RANGE and status == AppointmentStatus.BOOKED
    exact = booking.start_datetime if is_timed else None
    appointment = locked.name_patient(status, Patient(**_patient(fields)), exact)
    locked.save()
    return appointment


_ATTENDED: dict[str, set[str]] = {
    AppointmentStatus.BOOKED: {*Attendance.values},
    AppointmentStatus.CANCELLED: {Attendance.UNKNOWN, Attendance.LATE_CANCEL},
}
"""What can be said of the attendance by status; of another status nothing."""
Check = Callable[[Appointment], None]
"""Called with the appointment as it is under the lock; raises where a change must not be made."""


@moves.atomic_wherever_it_is
def edit(
    *, appointment_id: str, fields: Fields, by: Actor, now: datetime, check: Check | None = None
) -> Appointment:
    """Change an appointment: its status, its exact time, the patient's data.

    The same status again is a no-op, and renews a hold; the exact time makes a reserved one
    booked. A hold that has expired takes a place again if one is free. Of a cancelled one only the
    attendance changes.
    Raises as `take`, Refused (409: too_early, for attendance; attended, for another exact time),
    what `check` raises, and Appointment.DoesNotExist.
    """
    locked, appointment = _lock(appointment_id, by=by, now=now)
    if check is not None:
        check(appointment)
    change(locked, appointment, fields)
    locked.save()
    return appointment


def change(locked: LockedBooking, appointment: Appointment, fields: Fields) -> None:
    """Change an appointment of a locked booking as `edit` does, without saving it.

    With the status expired, the patient's data of one that is expired changes alone.
    """
    if appointment.status in TAKEN or _says_something_new(appointment, fields):
        if appointment.status == fields.get("status") == AppointmentStatus.EXPIRED:
            pass  # what the patient has typed is kept for another opening
        elif appointment.status == AppointmentStatus.EXPIRED:
            _claim_again(locked, appointment, fields)
        elif appointment.status == AppointmentStatus.CANCELLED:
            raise is_cancelled(appointment)
        else:
            _move(locked, appointment, fields)
        locked.set_patient(appointment, _patient(fields))
        if "language" in fields and fields["language"] != (appointment.language or Language.EN):
            locked.revise(appointment, language=fields["language"])
    if "attendance" in fields:
        _attend(locked, appointment, fields["attendance"])
    external.report(locked, appointment, fields)


def is_cancelled(appointment: Appointment) -> Refused:
    return Refused(
        "closed",
        f"Appointment {appointment.pk} is cancelled: nothing about it can change. Make a new one.",
    )


@moves.atomic_wherever_it_is
def cancel(
    *,
    appointment_id: str,
    by: Actor,
    now: datetime,
    check: Check | None = None,
    reason: str = "",
    late: bool = False,
    notice: Notice = BY_MAIL,
) -> Appointment:
    """Cancel an appointment; cancelling it again changes nothing.

    reason: of the office, encrypted with the patient's data. late: a late cancel of a booked one,
    said by whoever cancels, whatever the time is.
    Raises what `check` raises, and Appointment.DoesNotExist.
    """
    locked, appointment = _lock(appointment_id, by=by, now=now, notice=notice)
    if check is not None:
        check(appointment)
    if appointment.status != AppointmentStatus.CANCELLED:
        was_booked = appointment.status == AppointmentStatus.BOOKED
        locked.move(appointment, AppointmentStatus.CANCELLED)
        late = was_booked and (late or appointment.attendance == Attendance.LATE_CANCEL)
        attendance = Attendance.LATE_CANCEL if late else Attendance.UNKNOWN
        locked.revise(appointment, attendance=attendance)
        locked.set_patient(appointment, {"cancel_reason": reason})
    locked.save()
    return appointment


@moves.atomic_wherever_it_is
def confirm(
    *, appointment_id: str, by: Actor, now: datetime, check: Check | None = None
) -> Appointment:
    """Note that the patient will come; saying it again changes nothing.

    Raises what `check` raises, Refused (409: not_allowed) unless it is booked for a time that is
    still to come, and Appointment.DoesNotExist.
    """
    locked, appointment = _lock(appointment_id, by=by, now=now)
    if check is not None:
        check(appointment)
    begins = appointment.exact_time
    if appointment.status != AppointmentStatus.BOOKED or begins is None or begins <= locked.now:
        raise Refused(
            "not_allowed",
            f"Appointment {appointment.pk} is not booked for a time that is still to come.",
        )
    if appointment.confirmed_at is None:
        locked.revise(appointment, confirmed_at=locked.now)
    locked.save()
    return appointment


def _attend(locked: LockedBooking, appointment: Appointment, attendance: str) -> None:
    """Say whether the patient came. Raises Refused before the visit's time, and where none was."""
    if attendance == appointment.attendance:
        return
    begins = appointment.exact_time
    # Undone also before it: a late cancel was said then, or the opening got a later time.
    if attendance != Attendance.UNKNOWN and (begins is None or begins > locked.now):
        raise Refused(
            "too_early",
            f"The time of appointment {appointment.pk} has not come yet: send attendance "
            "afterwards.",
        )
    if attendance not in _ATTENDED.get(appointment.status, {Attendance.UNKNOWN}):
        raise Refused(
            "not_allowed",
            f"Appointment {appointment.pk} is {appointment.status}: its attendance cannot be "
            f"{attendance}.",
        )
    locked.revise(appointment, attendance=attendance)


def check_unattended(appointment: Appointment) -> None:
    """Raise Refused where it is said whether the patient came: the visit gets no other time."""
    if appointment.attendance != Attendance.UNKNOWN:
        raise Refused(
            "attended",
            f"Appointment {appointment.pk} is over, with its attendance "
            f"{appointment.attendance}: make a new one.",
        )


_BOOKING_OF: CompiledQuery[tuple[str]] = CompiledQuery(
    lambda appointment_id: Appointment.objects.filter(pk=appointment_id).values_list("booking_id"),
    appointment_id=str,
)


def _lock(
    appointment_id: str, *, by: Actor, now: datetime, notice: Notice = BY_MAIL
) -> tuple[LockedBooking, Appointment]:
    """Lock the booking's row, and read the appointment under the lock."""
    found = _BOOKING_OF.first(appointment_id=appointment_id)
    if found is None:
        raise Appointment.DoesNotExist
    locked = moves.lock(found[0], by=by, now=now, notice=notice)
    return locked, locked.appointment(appointment_id)


def _check_has_time(booking: Booking) -> None:
    """Raise Refused where the booking is closed, or has no time."""
    if booking.status == Status.CLOSED:
        raise Refused("closed", f"Booking {booking.pk} is closed: choose another opening.")
    if booking.start_datetime is None:
        raise Refused(
            "no_time", f"Booking {booking.pk} has no start_datetime yet: choose another opening."
        )


def check_available(locked: LockedBooking) -> None:
    """Raise Refused where a booking takes no patient: closed, without a time, passed, or full."""
    booking = locked.booking
    _check_has_time(booking)
    if booking.start_datetime is not None and booking.start_datetime <= locked.now:
        raise Refused(
            "in_the_past", f"The time of booking {booking.pk} has passed: choose another opening."
        )
    if booking.free_places < 1 or turn.goes_before(locked):
        metrics.claim(won=False)
        raise Refused(
            "place_taken", f"No place of booking {booking.pk} is free: choose another opening."
        )


def exact_time(
    locked: LockedBooking, status: str, fields: Fields, was: datetime | None = None
) -> datetime | None:
    """Return the exact time in UTC for a booked appointment in a range booking, else None.

    was: the exact time that the appointment has, which is accepted also when it has passed.
    Raises Refused where an exact booking would be reserved, ValidationError where the time is
    missing, or not allowed with this status or kind.
    """
    booking, said = locked.booking, fields.get("start_datetime")
    is_range = booking.practice.kind == Kind.RANGE
    if status == AppointmentStatus.RESERVED and not is_range:
        raise Refused(
            "not_reservable", f"Booking {booking.pk} has an exact time: book it, do not reserve it."
        )
    if said is None:
        if is_range and status == AppointmentStatus.BOOKED:
            raise ValidationError(
                {"start_datetime": "A range booking becomes booked with its exact time: send both."}
            )
        return None
    try:
        exact = walltime.to_instant(said, booking.location.zone)
    except walltime.WallTimeError as error:
        raise ValidationError({"start_datetime": str(error)}) from None
    if is_range and status == AppointmentStatus.BOOKED:
        if exact <= locked.now and exact != was:
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


def _move(locked: LockedBooking, appointment: Appointment, fields: Fields) -> None:
    """Change a taken appointment's status or exact time, or renew its hold."""
    says_time = fields.get("start_datetime") is not None
    if "start_datetime" in fields and not says_time and appointment.start_datetime is not None:
        raise ValidationError(
            {"start_datetime": "A booked place keeps its exact time: send another, or cancel it."}
        )
    was, may = appointment.status, moves.APPOINTMENT_MOVES[appointment.status]
    gets_time = was == AppointmentStatus.RESERVED and says_time
    status = fields.get("status", AppointmentStatus.BOOKED if gets_time else was)
    if status not in {was, *may}:
        raise Refused(
            "not_allowed",
            f"Appointment {appointment.pk} is {was}: it may become "
            f"{' or '.join(sorted(may)) or 'nothing else'}, not {status}. "
            "To cancel it, send DELETE.",
        )
    if status != was or says_time:
        exact = exact_time(locked, status, fields, appointment.start_datetime)
        if exact != appointment.start_datetime:
            check_unattended(appointment)
        locked.move(appointment, status)
        locked.revise(appointment, start_datetime=exact)
    elif status == AppointmentStatus.PENDING and "status" in fields:
        locked.renew(appointment)


def _claim_again(locked: LockedBooking, appointment: Appointment, fields: Fields) -> None:
    """Take a place again for an expired hold. Raises Refused without a status or a free place."""
    expired = f"The hold of appointment {appointment.pk} has expired."
    if fields.get("status") not in TAKEN:
        raise Refused(
            "hold_expired", f"{expired} Send status pending, reserved or booked to claim a place."
        )
    try:
        check_available(locked)
    except Refused as refused:
        reason = "hold_expired" if refused.reason == "place_taken" else refused.reason
        raise Refused(reason, f"{expired} {refused}") from None
    exact = exact_time(locked, fields["status"], fields)
    locked.retake(appointment, fields["status"])
    locked.revise(appointment, start_datetime=exact)


def _says_something_new(appointment: Appointment, fields: Fields) -> bool:
    """Whether fields differ from a cancelled or expired appointment as the API returns it."""
    said, zone = fields.get("start_datetime"), appointment.booking.location.zone
    try:
        exact = None if said is None else walltime.to_instant(said, zone)
        moved = "start_datetime" in fields and exact != appointment.exact_time
    except walltime.WallTimeError:
        moved = True
    known, was_language = appointment.unread_person, appointment.language or Language.EN
    told = any(getattr(known, name) != value for name, value in _patient(fields).items())
    told = told or fields.get("language", was_language) != was_language
    return moved or told or fields.get("status", appointment.status) != appointment.status


def _patient(fields: Fields) -> dict[str, str]:
    said: dict[str, Any] = {**fields}
    return {name: value for name, value in said.items() if name in PATIENT_FIELDS}
