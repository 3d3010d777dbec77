"""What a person at a desk does: the verbs, where things are still as the page showed them.

Two people look at one page. The second to act is told what the first did, and nothing changes.
"""

from datetime import datetime

from django.db import transaction

from bookings.desk import labels
from bookings.models import Appointment, Booking, Event, PlaceStatus, Status
from bookings.scheduling import appointments, bookings, moves, series
from bookings.scheduling.actors import Actor
from openchair.errors import Refused


@transaction.atomic
def move(
    *, booking: Booking, seen: str, wanted: str, start: datetime | None, by: Actor, now: datetime
) -> Booking:
    """Hold, release, reserve or book a whole opening that is still `seen`.

    Raises as openings.edit, and Refused (changed).
    """
    _check_status(booking, seen, by=by, now=now)
    fields: bookings.Fields = {"status": wanted}
    if start is not None:
        fields["start_datetime"] = start
    return bookings.edit(booking_id=booking.pk, fields=fields, by=by, now=now)


@transaction.atomic
def close(*, booking: Booking, seen: str, by: Actor, now: datetime) -> Booking:
    """Close an opening that is still `seen`."""
    _check_status(booking, seen, by=by, now=now)
    return bookings.close(booking_id=booking.pk, by=by, now=now)


@transaction.atomic
def edit(
    *, booking: Booking, seen: str, fields: bookings.Fields, by: Actor, now: datetime
) -> Booking:
    """Change an opening that nobody has changed since `seen`, its version then."""
    if booking.series_id is not None:
        series.lock(booking.series_id)  # before its bookings: no deadlock with openings.edit
    moves.lock(booking.pk, by=by, now=now)
    if version(booking) != seen:
        raise _changed(_last_of_booking(booking))
    return bookings.edit(booking_id=booking.pk, fields=fields, by=by, now=now)


def version(booking: Booking) -> str:
    """Tell a state of an opening from every other: the last thing that happened to it."""
    last = booking.events.order_by("-id").values_list("pk", flat=True).first()
    return str(last or "")


@transaction.atomic
def move_place(
    *,
    place: Appointment,
    seen: str,
    wanted: str,
    start: datetime | None = None,
    by: Actor,
    now: datetime,
) -> Appointment:
    """Reserve or book a patient's place that is still `seen`; a range booking's with its time.

    Raises as appointments.edit, and Refused (changed).
    """
    _check_place(place, seen, by=by, now=now)
    fields: appointments.Fields = {"status": wanted}
    if start is not None:
        fields["start_datetime"] = start
    return appointments.edit(appointment_id=place.pk, fields=fields, by=by, now=now)


@transaction.atomic
def give_back(*, place: Appointment, seen: str, by: Actor, now: datetime) -> Appointment:
    """Give a place back that is still `seen`."""
    _check_place(place, seen, by=by, now=now)
    return appointments.cancel(appointment_id=place.pk, by=by, now=now)


def _check_status(booking: Booking, seen: str, *, by: Actor, now: datetime) -> None:
    current = moves.lock(booking.pk, by=by, now=now).booking
    if current.status != seen:
        raise _changed(_last_of_booking(booking))


def _check_place(place: Appointment, seen: str, *, by: Actor, now: datetime) -> None:
    opening = moves.lock(place.booking_id, by=by, now=now)
    if opening.place(place.pk).status != seen:
        last = Event.objects.filter(appointment=place).select_related(
            "user", "api_key__partner", "booking__location", "appointment"
        )
        raise _changed(last.order_by("-id").first())


def _last_of_booking(booking: Booking) -> Event | None:
    events = Event.objects.filter(booking=booking)
    return events.select_related("user", "api_key__partner", "booking__location").last()


def _changed(last: Event | None) -> Refused:
    """Say what happened meanwhile, by whom and when."""
    if last is None:
        return Refused("changed", "The time of this hold has run out. Nothing was changed.")
    zone = last.booking.location.zone
    if last.appointment is None:
        became = labels.STATUS[Status(last.to_status)].lower()
        subject = "This opening"
    else:
        became = labels.PLACE[PlaceStatus(last.to_status)].lower()
        subject = f"The place of {labels.patient(last.appointment)}"
        if last.appointment.start_datetime is not None:
            became += f" for {labels.moment_at(last.appointment.start_datetime, zone)}"
    when = labels.moment_at(last.at, zone)
    return Refused(
        "changed",
        f"{subject} was changed while you looked: {labels.who(last)} made it “{became}” ({when}). "
        "Nothing of yours was changed; look again below.",
    )
