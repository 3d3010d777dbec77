"""What can be done with a booking: publish, edit and close it, and catch up with the clock.

API, admin and commands call these verbs; each begins with `moves.lock` and changes through
`LockedBooking`.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.lookups import GreaterThan, LessThanOrEqual

from bookings import walltime
from bookings.models import MOST_PLACES, Booking, Series, Status
from bookings.scheduling import moves, series
from bookings.scheduling.actors import Actor
from bookings.scheduling.locked_booking import LockedBooking
from bookings.scheduling.moves import TransitionRefused
from openchair.database.compiled import CompiledQuery
from openchair.errors import Refused
from practices.models import Doctor, Kind, Location


class Fields(TypedDict, total=False):
    """What a request says of a booking; what it does not say is left alone.

    start_datetime: aware, or naive for the location's wall time.
    """

    location_id: str
    doctor_id: str
    length: int
    recurring: bool
    start_datetime: datetime | None
    total_appointments: int
    status: str


LOCATION = CompiledQuery(
    lambda location_id: Location.objects.filter(
        pk=location_id, practice__active=True
    ).select_related("practice"),
    location_id=str,
)
"""An office of a practice that uses OpenChair."""
_WORKS_THERE = CompiledQuery(
    lambda doctor_id, location_id, practice_id: Doctor.objects.filter(
        pk=doctor_id, locations=location_id, practice_id=practice_id
    ).values_list("pk"),
    doctor_id=str,
    location_id=str,
    practice_id=str,
)


def publish(*, fields: Fields, by: Actor, now: datetime, booking_id: str | None = None) -> Booking:
    """Create a booking, and with `recurring` the weekly ones after it.

    Raises ValidationError (400), Refused (409: the id is taken), LimitReached (429).
    """
    if booking_id is not None and Booking.objects.filter(pk=booking_id).exists():
        raise _id_taken(booking_id)
    try:
        return _publish(fields, booking_id, by=by, now=now)
    except IntegrityError:
        # Two requests brought the same id at once: the other one has it.
        if booking_id is not None and Booking.objects.filter(pk=booking_id).exists():
            raise _id_taken(booking_id) from None
        raise


def _id_taken(booking_id: str) -> Refused:
    return Refused(
        "id_taken", f"There is a booking {booking_id} already: send another id, or none."
    )


@transaction.atomic
def _publish(fields: Fields, booking_id: str | None, *, by: Actor, now: datetime) -> Booking:
    booking = Booking(partner_id=by.partner_id, created_at=now)
    if booking_id is not None:
        booking.pk = booking_id
    _assign(booking, fields)
    wanted = fields.get("status")
    if wanted == Status.CLOSED:
        raise ValidationError({"status": "A booking is not created closed: leave it out."})
    if wanted == Status.RESERVED and booking.practice.kind == Kind.EXACT:
        raise ValidationError({"status": "Only range bookings can be reserved."})
    locked = LockedBooking(booking, by=by, now=now)
    repeats = booking.recurring and booking.start_datetime is not None
    begun = series.begin(booking, now=now) if repeats else None
    if wanted is not None:
        moves.change_status(locked, wanted, says_start="start_datetime" in fields)
    locked.save()
    if begun is not None:
        series.extend(begun, by=by, now=now, beyond=booking.series_date)
    return booking


Check = Callable[[Booking], None]
"""Looks at a booking as it is under the lock, and raises where the change must not be made."""


class _SeriesBegan(Exception):
    """Another request began the booking's series since we looked, and a series is locked first."""


def edit(
    *, booking_id: str, fields: Fields, by: Actor, now: datetime, check: Check | None = None
) -> Booking:
    """Change what the request says of a booking, and nothing else.

    Raises ValidationError (400), Refused (409), LimitReached (429), Booking.DoesNotExist, and what
    `check` raises.
    """
    try:
        return _edit(booking_id, fields, check, by=by, now=now)
    except _SeriesBegan:
        return _edit(booking_id, fields, check, by=by, now=now)


@transaction.atomic
def _edit(
    booking_id: str, fields: Fields, check: Check | None, *, by: Actor, now: datetime
) -> Booking:
    repeated = _lock_series_of(booking_id) if "recurring" in fields else None
    ends = repeated if repeated is not None and not fields["recurring"] else None
    later_ids = [] if ends is None else series.later_ids(ends, booking_id)
    later = moves.lock_all([booking_id, *later_ids], by=by, now=now)
    locked = later.pop(booking_id)
    booking = locked.booking
    if "recurring" in fields and repeated is None and booking.series_id is not None:
        raise _SeriesBegan
    if check is not None:
        check(booking)
    before = {name: getattr(booking, name) for name in fields}
    was_recurring = booking.recurring
    closed = booking.status == Status.CLOSED
    _assign(booking, fields)
    wanted = fields.get("status", booking.status)
    if closed:
        if wanted != Status.CLOSED or before != {name: getattr(booking, name) for name in fields}:
            raise TransitionRefused(booking, Status.CLOSED, wanted)
        return booking
    repeats = _repeats_from(booking, repeated, was_recurring=was_recurring, now=now)
    if "status" in fields:
        moves.change_status(locked, wanted, says_start=bool(fields.get("start_datetime")))
    # After the status, which may give places back.
    _check_total(booking)
    locked.save()
    if repeats is not None:
        series.extend(repeats, by=by, now=now, beyond=booking.series_date)
    elif ends is not None and was_recurring:
        series.end(ends, later.values())
    return booking


def _repeats_from(
    booking: Booking, repeated: Series | None, *, was_recurring: bool, now: datetime
) -> Series | None:
    """Give the series that begins at this booking, or goes on from it; None where none does."""
    begins = booking.series_id is None and booking.start_datetime is not None
    goes_on = not was_recurring and repeated is not None and repeated.ended
    if not booking.recurring or not (begins or goes_on):
        return None
    if booking.start_datetime is None:
        raise ValidationError(
            {"recurring": "A series goes on from a time: send start_datetime with it."}
        )
    if not _works_there(booking.doctor_id, booking.location_id, booking.practice_id):
        raise ValidationError(
            {"recurring": "The doctor has left the location: send another doctor_id with it."}
        )
    if repeated is None:
        return series.begin(booking, now=now)
    series.resume(repeated, booking, now=now)
    return repeated


def _lock_series_of(booking_id: str) -> Series | None:
    series_id = Booking.objects.values_list("series_id", flat=True).get(pk=booking_id)
    return None if series_id is None else series.lock(series_id)


@transaction.atomic
def close(*, booking_id: str, by: Actor, now: datetime, check: Check | None = None) -> Booking:
    """Delete a booking; deleting it again changes nothing.

    Raises Refused (409) where a patient has a place in it, Booking.DoesNotExist, and what `check`
    raises.
    """
    locked = moves.lock(booking_id, by=by, now=now)
    if check is not None:
        check(locked.booking)
    moves.close(locked)
    return locked.save()


@transaction.atomic
def close_free(*, booking_ids: Iterable[str], by: Actor, now: datetime) -> set[str]:
    """Delete bookings in which no place is taken, and say which; the others are left alone.

    Raises Booking.DoesNotExist.
    """
    closed = set()
    for booking_id, locked in moves.lock_all(booking_ids, by=by, now=now).items():
        if locked.booking.is_free:
            moves.close(locked)
            locked.save()
            closed.add(booking_id)
    return closed


def is_behind(practice_id: str | OuterRef, *, now: datetime, last_due: datetime) -> Q:
    """Make the expression that says whether `catch_up` has something to do in a practice.

    By the first in the order of an index, and not by whether any there is: of many holds whose ends
    it does not know, PostgreSQL would hope to meet one soon, and read the whole table.
    last_due: `series.last_due(now)`; apart, for arguments of a compiled query go in as they are.
    """
    held = Booking.objects.filter(practice_id=practice_id, pending_until__isnull=False)
    due = Series.objects.filter(practice_id=practice_id, ended=False)
    return (
        Q(LessThanOrEqual(_first(held, "pending_until"), _value(now)))
        | Q(LessThanOrEqual(_first(due, "due_at"), _value(now)))
        | Q(GreaterThan(_first(due, "-due_at"), _value(last_due)))
    )


def _first(rows: QuerySet[Any], order: str) -> Subquery:
    return Subquery(rows.order_by(order).values(order.removeprefix("-"))[:1])


def _value(instant: datetime) -> Value:
    return Value(instant, output_field=DateTimeField())


def catch_up(*, practice_id: str, now: datetime) -> None:
    """Write down what the clock has done to a practice since somebody last looked.

    Every read of a list calls it first, so that nothing depends on a background process: holds
    that expired, weeks of a series that came within the horizon.
    Each in a transaction of its own, for several locks at once could wait for each other.
    """
    held = Booking.objects.filter(practice_id=practice_id, pending_until__lte=now)
    for booking_id in list(held.values_list("pk", flat=True)):
        moves.lapse(booking_id, now=now)
    wrong = Q(due_at__gt=series.last_due(now))
    due = Series.objects.filter(Q(due_at__lte=now) | wrong, practice_id=practice_id, ended=False)
    for series_id in list(due.values_list("pk", flat=True)):
        series.extend_due(series_id, now=now)


def _assign(booking: Booking, fields: Fields) -> None:
    """Put the fields on the booking; location, practice and doctor always together."""
    for name in ("length", "recurring", "total_appointments"):
        if name in fields:
            setattr(booking, name, fields[name])
    where = (
        fields.get("location_id", booking.location_id),
        fields.get("doctor_id", booking.doctor_id),
    )
    # As it was, it is not looked at again: the doctor may have left since.
    if where != (booking.location_id, booking.doctor_id):
        _assign_location(booking, *where)
    if "start_datetime" in fields:
        _assign_start(booking, fields["start_datetime"])


def _assign_location(booking: Booking, location_id: str, doctor_id: str) -> None:
    """Set location, practice and doctor, which belong together."""
    location = LOCATION.first(location_id=location_id)
    if location is None:
        raise ValidationError({"location_id": f"There is no location {location_id}."})
    if booking.practice_id not in {None, location.practice_id}:
        raise ValidationError(
            {
                "location_id": "A booking stays in its practice: send a location of the same "
                "practice, or delete the booking and create one there."
            }
        )
    # One sentence for a doctor elsewhere and for none at all: ids of others are not given away.
    if not _works_there(doctor_id, location_id, location.practice_id):
        raise ValidationError({"doctor_id": f"No such doctor works at location {location_id}."})
    booking.location = location
    booking.practice = location.practice
    booking.doctor_id = doctor_id


def _works_there(doctor_id: str, location_id: str, practice_id: str) -> bool:
    found = _WORKS_THERE.first(
        doctor_id=doctor_id, location_id=location_id, practice_id=practice_id
    )
    return found is not None


def _assign_start(booking: Booking, start: datetime | None) -> None:
    if start is None:
        if booking.start_datetime is not None and booking.places_taken:
            raise Refused(
                "places_taken",
                f"Places of booking {booking.pk} are taken: it cannot lose its start_datetime. "
                "Send another time, or give the places back first.",
            )
        booking.start_datetime = None
        return
    try:
        booking.start_datetime = walltime.to_instant(start, booking.location.zone)
    except walltime.WallTimeError as error:
        raise ValidationError({"start_datetime": str(error)}) from None


def _check_total(booking: Booking) -> None:
    taken = booking.places_taken
    if booking.total_appointments < taken:
        raise Refused(
            "places_taken",
            f"{taken} places of booking {booking.pk} are taken: total_appointments can be "
            f"{taken} to {MOST_PLACES}.",
        )
