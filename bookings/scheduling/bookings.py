"""Booking services: publish, edit and close, and expire holds and extend series on reads.

API, admin and commands call them. A change of an existing booking begins with `moves.lock`, and
every change is written through `LockedBooking`.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.lookups import GreaterThan, LessThanOrEqual

from bookings import walltime
from bookings.models import MOST_PLACES, Booking, Series, Status
from bookings.scheduling import moves, series
from bookings.scheduling.actors import Actor
from bookings.scheduling.locked_booking import LockedBooking
from bookings.scheduling.moves import TransitionRefused
from bookings.scheduling.outbox import BY_MAIL, Notice
from bookings.scheduling.waitlist import settling
from openchair.database.compiled import CompiledQuery
from openchair.errors import Refused
from practices.models import Kind, Location, Practice


class Fields(TypedDict, total=False):
    """A request's fields of a booking; missing ones are left alone.

    length: minutes. start_datetime: aware, or naive for the location's wall time.
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
"""Compiled query of a location with its practice; none where the practice is not active."""
_LOCATION_OF_DOCTOR = CompiledQuery(
    lambda location_id, doctor_id: Location.objects.filter(
        pk=location_id,
        practice__active=True,
        doctors=doctor_id,
        doctors__practice_id=F("practice_id"),
    ).select_related("practice"),
    location_id=str,
    doctor_id=str,
)
"""The same, and none where the doctor does not work there."""


def publish(*, fields: Fields, by: Actor, now: datetime, booking_id: str | None = None) -> Booking:
    """Create a booking, and with `recurring` its series and the later occurrences.

    Raises ValidationError (400), Refused (409: the id is taken), LimitReached (429).
    """
    if booking_id is not None and Booking.objects.filter(pk=booking_id).exists():
        raise _id_taken(booking_id)
    try:
        return _publish(fields, booking_id, by=by, now=now)
    except IntegrityError:
        # A race: another request has inserted this id since the check above.
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
"""Called with the booking as it is under the lock; raises where a change must not be made."""


class _SeriesBegan(Exception):
    """A race: the booking got a series after we read it. Retry, as a series is locked first."""


def edit(
    *,
    booking_id: str,
    fields: Fields,
    by: Actor,
    now: datetime,
    check: Check | None = None,
    notice: Notice = BY_MAIL,
) -> Booking:
    """Change a booking's fields, and start, resume or end its series with `recurring`.

    Raises ValidationError (400), Refused (409), LimitReached (429), Booking.DoesNotExist, and what
    `check` raises.
    """
    try:
        return _edit(booking_id, fields, check, by=by, now=now, notice=notice)
    except _SeriesBegan:
        return _edit(booking_id, fields, check, by=by, now=now, notice=notice)


@transaction.atomic
def _edit(
    booking_id: str,
    fields: Fields,
    check: Check | None,
    *,
    by: Actor,
    now: datetime,
    notice: Notice,
) -> Booking:
    repeated = _lock_series_of(booking_id) if "recurring" in fields else None
    ends = repeated if repeated is not None and not fields["recurring"] else None
    later_ids = [] if ends is None else series.later_ids(ends, booking_id)
    later = moves.lock_all([booking_id, *later_ids], by=by, now=now, notice=notice)
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
    # After the status, which may free places.
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
    """Start or resume the series that repeats this booking, and return it; None where none is."""
    begins = booking.series_id is None and booking.start_datetime is not None
    goes_on = not was_recurring and repeated is not None and repeated.ended
    if not booking.recurring or not (begins or goes_on):
        return None
    if booking.start_datetime is None:
        raise ValidationError(
            {"recurring": "A series goes on from a time: send start_datetime with it."}
        )
    if LOCATION.first(location_id=booking.location_id) is None:
        raise ValidationError(
            {"recurring": "The practice is not active: no weeks are added to its openings."}
        )
    where = {"location_id": booking.location_id, "doctor_id": booking.doctor_id}
    if _LOCATION_OF_DOCTOR.first(**where) is None:
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
    """Close a booking; closing it again changes nothing.

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
    """Close those of the bookings in which no place is taken, and return their ids.

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
    """Build the query expression of whether `catch_up` has something to do in a practice.

    It compares the first row in index order, where EXISTS would be simpler: with many holds, and
    no statistics of when they end, PostgreSQL plans EXISTS as a sequential scan that it expects to
    stop early, and reads the whole table.
    last_due: `series.last_due(now)`; an argument, since a compiled query cannot compute with `now`.
    """
    held = Booking.objects.filter(practice_id=practice_id, pending_until__isnull=False)
    due = Series.objects.filter(practice_id=practice_id, ended=False)
    return (
        Q(LessThanOrEqual(_first(held, "pending_until"), _value(now)))
        | Q(LessThanOrEqual(_first(due, "due_at"), _value(now)))
        | Q(GreaterThan(_first(due, "-due_at"), _value(last_due)))
        | Q(Exists(settling.due(practice_id)))
        | Q(Exists(settling.over(practice_id, _value(now))))
    )


def _first(rows: QuerySet[Any], order: str) -> Subquery:
    return Subquery(rows.order_by(order).values(order.removeprefix("-"))[:1])


def _value(instant: datetime) -> Value:
    return Value(instant, output_field=DateTimeField())


_BEHIND: CompiledQuery[tuple[str]] = CompiledQuery(
    lambda practice_id, **times: Practice.objects.filter(
        is_behind(practice_id, **times), pk=practice_id
    ).values_list("pk"),
    practice_id=str,
    now=datetime,
    last_due=datetime,
)


def catch_up(*, practice_id: str, now: datetime) -> None:
    """Expire holds that have ended, extend series and make offers that are due, in one practice.

    Every read of a list calls it first, so that nothing depends on a background process.
    Each booking and series has a transaction of its own, as several locks in one could deadlock.
    """
    if _BEHIND.first(practice_id=practice_id, now=now, last_due=series.last_due(now)) is None:
        return
    held = Booking.objects.filter(practice_id=practice_id, pending_until__lte=now)
    for booking_id in list(held.values_list("pk", flat=True)):
        moves.lapse(booking_id, now=now)
    wrong = Q(due_at__gt=series.last_due(now))
    due = Series.objects.filter(Q(due_at__lte=now) | wrong, practice_id=practice_id, ended=False)
    for series_id in list(due.values_list("pk", flat=True)):
        series.extend_due(series_id, now=now)
    settling.settle(practice_id=practice_id, now=now)


def _assign(booking: Booking, fields: Fields) -> None:
    """Set fields on the booking. Raises ValidationError or Refused."""
    for name in ("length", "recurring", "total_appointments"):
        if name in fields:
            setattr(booking, name, fields[name])
    where = (
        fields.get("location_id", booking.location_id),
        fields.get("doctor_id", booking.doctor_id),
    )
    # An unchanged pair is not checked again: the doctor may have left the location since.
    if where != (booking.location_id, booking.doctor_id):
        _assign_location(booking, *where)
    if "start_datetime" in fields:
        _assign_start(booking, fields["start_datetime"])


def _assign_location(booking: Booking, location_id: str, doctor_id: str) -> None:
    """Set location, practice and doctor, which have to agree. Raises ValidationError."""
    of_doctor = _LOCATION_OF_DOCTOR.first(location_id=location_id, doctor_id=doctor_id)
    location = of_doctor or LOCATION.first(location_id=location_id)
    if location is None:
        raise ValidationError({"location_id": f"There is no location {location_id}."})
    if booking.practice_id not in {None, location.practice_id}:
        raise ValidationError(
            {
                "location_id": "A booking stays in its practice: send a location of the same "
                "practice, or delete the booking and create one there."
            }
        )
    # The same error for a doctor elsewhere and for none: ids of other practices do not leak.
    if of_doctor is None:
        raise ValidationError({"doctor_id": f"No such doctor works at location {location_id}."})
    booking.location = location
    booking.practice = location.practice
    booking.doctor_id = doctor_id


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
