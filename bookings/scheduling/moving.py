"""Appointment service: move visits to other bookings of their practice, all of them or none."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.core.exceptions import ValidationError

from bookings.models import TAKEN, Appointment, AppointmentStatus, Booking
from bookings.scheduling import appointments, moves
from bookings.scheduling.actors import Actor
from bookings.scheduling.locked_booking import LockedBooking
from bookings.scheduling.outbox import BY_MAIL, Notice
from bookings.scheduling.saving import Unsaved
from openchair.errors import Refused
from practices.models import Kind


class Destination(appointments.Fields, total=False):
    """The booking that an appointment moves to, and what else changes of it, as in `edit`.

    Without booking_id it stays in its booking.
    """

    booking_id: str


@moves.atomic_wherever_it_is
def move(
    *,
    to: Mapping[str, Destination],
    by: Actor,
    now: datetime,
    check: appointments.Check | None = None,
    notice: Notice = BY_MAIL,
    gives_back: Sequence[str] = (),
) -> list[Appointment]:
    """Move appointments (by id) to other bookings of their practice, and return them in this order.

    Each stays what it is, with its status, its hold and its history. A booked one in a range
    booking needs its new exact time, or status reserved: then the office owes it. An expired one
    needs a status, and takes a place with it. All places are given up before the first one is
    taken, so that two can change places. One that is in its booking already is edited there.
    gives_back: ids of held appointments that are cancelled before that; others of them stay.
    Raises as `appointments.edit`, ValidationError also where there is no such booking in the
    practice, Refused (409: attended) where it is said that the patient came or did not.
    """
    was, held_in = bookings_of(to), bookings_of(gives_back)
    goes = {pk: to[pk].get("booking_id", booking_id) for pk, booking_id in was.items()}
    sources, targets = {*was.values()}, {*goes.values()}
    _check_practice(sources, targets)
    every = {*sources, *targets, *held_in.values()}
    locked = moves.lock_all(every, by=by, now=now, notice=notice)
    found = {pk: locked[booking_id].appointment(pk) for pk, booking_id in was.items()}
    for appointment in found.values():
        if check is not None:
            check(appointment)
    give_back(locked, held_in)
    moving = [pk for pk, booking_id in was.items() if booking_id != goes[pk]]
    if moving:
        for pk, appointment in found.items():
            _check_moves(appointment, to[pk])
    unsaved = {pk: locked[was[pk]].give_up(found[pk]) for pk in moving}
    for pk, appointment in found.items():
        target = locked[goes[pk]]
        if pk in moving:
            _receive(target, appointment, unsaved[pk], to[pk])
        appointments.change(target, appointment, to[pk])
    # In the feed, what became free comes before what was taken.
    moves.save_all(locked[booking_id] for booking_id in [*every - targets, *targets])
    return [*found.values()]


def give_back(locked: Mapping[str, LockedBooking], held_in: Mapping[str, str]) -> None:
    """Cancel those of the appointments that are on hold. held_in: their bookings by their ids."""
    for pk, booking_id in held_in.items():
        held = locked[booking_id].appointment(pk)
        if held.status == AppointmentStatus.PENDING:
            locked[booking_id].move(held, AppointmentStatus.CANCELLED)


def bookings_of(appointment_ids: Iterable[str]) -> dict[str, str]:
    """Return the bookings of appointments by their ids. Raises Appointment.DoesNotExist."""
    rows = Appointment.objects.filter(pk__in=[*appointment_ids]).values_list("pk", "booking_id")
    found = dict(rows)
    if len(found) < len({*appointment_ids}):
        raise Appointment.DoesNotExist
    return {each: found[each] for each in appointment_ids}


def _check_practice(sources: set[str], targets: set[str]) -> None:
    """Raise ValidationError where a target is none of the practice of all sources.

    The same error for another practice's and for none: ids do not leak. A booking stays in its
    practice, so this is as true once they are locked.
    """
    both = Booking.objects.filter(pk__in=sources | targets).values_list("pk", "practice_id")
    practice_of = dict(both)
    of_sources = {practice_of[each] for each in sources}
    for each in sorted(targets):
        if {practice_of.get(each)} != of_sources:
            raise ValidationError({"booking_id": f"There is no booking {each}."})


def _check_moves(appointment: Appointment, fields: appointments.Fields) -> None:
    """Raise Refused where an appointment has no place, and asks for none, or was kept."""
    if appointment.status == AppointmentStatus.CANCELLED:
        raise appointments.is_cancelled(appointment)
    if not {appointment.status, fields.get("status")} & {*TAKEN}:
        raise Refused(
            "hold_expired",
            f"The hold of appointment {appointment.pk} has expired: take a new place instead.",
        )
    appointments.check_unattended(appointment)


def _receive(
    target: LockedBooking, appointment: Appointment, unsaved: Unsaved, fields: appointments.Fields
) -> None:
    """Let a booking take over an appointment that was given up, if a place of it is free."""
    appointments.check_available(target)
    is_range = target.booking.practice.kind == Kind.RANGE
    status, wanted = appointment.status, fields.get("status", appointment.status)
    is_timed = is_range and status == AppointmentStatus.BOOKED
    if status not in TAKEN or (is_timed and wanted == AppointmentStatus.RESERVED):
        status = wanted
    elif is_timed and fields.get("start_datetime") is None:
        raise ValidationError(
            {"start_datetime": "A booked place moves to a new exact time: send it, too."}
        )
    needs_check = is_timed or status != appointment.status
    exact = appointments.exact_time(target, status, fields) if needs_check else None
    target.receive(appointment, unsaved, status, exact)
