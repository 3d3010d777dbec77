"""Appointment services for a family: take places side by side, and edit them, all or none.

`moving.move` moves them. A family's appointments share a group_id (contract, section 10).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Required, cast

from django.core.exceptions import ValidationError
from django.db.models import Q

from bookings.models import BOOKED, Appointment, AppointmentStatus
from bookings.scheduling import appointments, moves, moving
from bookings.scheduling.actors import Actor
from practices.ids import new_id
from practices.models import Practice

MOST = 4
"""Most people of one family."""


def to_come(visit: Appointment, now: datetime) -> list[Appointment]:
    """Return a visit and those taken with it that are booked and to come; it is the first.

    None where it is not to come itself.
    """
    is_theirs = Q(pk=visit.pk)
    if visit.group_id is not None:
        is_theirs |= Q(group_id=visit.group_id, booking__practice=visit.booking.practice_id)
    rows = Appointment.objects.filter(is_theirs, status__in=BOOKED)
    related = rows.select_related("booking__location", "booking__practice", "booking__doctor")
    begins = {each: each.starts_at for each in related.order_by("created_at", "id")}
    found = [each for each, at in begins.items() if at is not None and at > now]
    found.sort(key=lambda each: each != visit)
    return found[:MOST] if visit in found else []


class Wanted(appointments.Fields, total=False):
    """A place to take, with its booking."""

    booking_id: Required[str]


@moves.atomic_wherever_it_is
def take(
    *,
    wanted: Sequence[Wanted],
    by: Actor,
    now: datetime,
    gives_back: Sequence[str] = (),
    source: str | None = None,
    attribution: Mapping[str, str] | None = None,
) -> list[Appointment]:
    """Take a place for each, or none at all; return the appointments in this order, as one group.

    The bookings are of one practice. gives_back: ids of held appointments that are cancelled in the
    same act, before the first place is taken; others of them stay as they are.
    Raises as `appointments.take`; a ValidationError names fields as appointments.0.start_datetime.
    """
    was = moving.bookings_of(gives_back)
    of = [each["booking_id"] for each in wanted]
    locked = moves.lock_all({*was.values(), *of}, by=by, now=now)
    moving.give_back(locked, was)
    group_id = new_id()
    made = []
    for nth, fields in enumerate(wanted):
        try:
            taken = appointments.take_in(
                locked[fields["booking_id"]],
                fields,
                group_id=group_id,
                source=source,
                attribution=attribution,
            )
        except ValidationError as error:
            raise ValidationError(
                {f"appointments.{nth}.{name}": said for name, said in error.message_dict.items()}
            ) from None
        made.append(taken)
    # In the feed, what became free comes before what was taken.
    moves.save_all(locked[booking_id] for booking_id in dict.fromkeys([*was.values(), *of]))
    return made


def edit(
    *,
    changes: Mapping[str, appointments.Fields],
    by: Actor,
    now: datetime,
    check: appointments.Check | None = None,
) -> list[Appointment]:
    """Change appointments (by id) where they are, as `appointments.edit` does: all or none.

    With status pending it renews holds, and takes those that have expired again if places are free;
    with booked or reserved it confirms them.
    """
    to = cast("Mapping[str, moving.Destination]", changes)
    return moving.move(to=to, by=by, now=now, check=check)


def booked_as(practice: Practice) -> AppointmentStatus:
    """Return the status of a visit that a patient has booked."""
    is_range = practice.range_bookings
    return AppointmentStatus.RESERVED if is_range else AppointmentStatus.BOOKED
