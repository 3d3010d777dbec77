"""Free times in the openings of a range practice: what could be given to a patient there."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q

from bookings import walltime
from bookings.models import LONGEST, Appointment, Booking
from bookings.representation import time_range
from bookings.scheduling import exact_times
from bookings.scheduling.exact_times import Busy

_STEP = timedelta(minutes=15)


def of_doctors(doctor_ids: Collection[str], now: datetime) -> dict[str, list[Busy]]:
    """Return exact times given or proposed, from a visit's length ago on, by the doctor's id."""
    near = Q(start_datetime__gt=now - timedelta(minutes=LONGEST))
    found: dict[str, list[Busy]] = defaultdict(list)
    for busy in exact_times.of_doctors(doctor_ids, near):
        found[busy.booking.doctor_id].append(busy)
    return found


def of_part(booking: Booking, now: datetime) -> list[datetime]:
    """List the times still to come from the opening's start to the end of its part of the day."""
    zone, found = booking.location.zone, []
    if booking.start_datetime is None:
        return []
    at, part = booking.start_datetime, time_range(booking.start_datetime, zone)
    day = walltime.wall_clock(at, zone).date()
    while time_range(at, zone) == part and walltime.wall_clock(at, zone).date() == day:
        if at > now:
            found.append(at)
        at += _STEP
    return found


def free(
    booking: Booking, busy: Collection[Busy], now: datetime, *, visit: Appointment
) -> list[datetime]:
    """List those of them at which the doctor has nobody else than this visit's patient."""
    others = [each for each in busy if each.appointment != visit]
    return [
        at
        for at in of_part(booking, now)
        if not exact_times.overlapping(others, at, booking.length)
    ]
