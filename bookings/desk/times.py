"""When patients come, as every page and export shows it: exact times, and parts of the day.

A range booking is offered for a part of the day. Who is booked in it has an exact time of their
own, which may be on another day; the booking's start is nobody's time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Prefetch

from bookings import walltime
from bookings.desk import labels
from bookings.models import Appointment, AppointmentStatus, Booking
from bookings.representation import time_range
from practices.models import Kind

WITH_TIMED = Prefetch("appointments", Appointment.objects.timed(), to_attr="timed")
"""What a query of bookings for `when` and `of_opening` reads along."""


@dataclass(frozen=True)
class Time:
    """A time on an office's clock: the exact one, or a part of the day."""

    at: datetime
    zone: ZoneInfo
    part: str = ""
    patient: Appointment | None = None

    @property
    def day(self) -> date:
        """Give the day on the office's calendar."""
        return walltime.wall_clock(self.at, self.zone).date()

    @property
    def clock(self) -> str:
        """Write it without the day: 1:15 PM, or early afternoon."""
        return self.part or labels.clock(walltime.wall_clock(self.at, self.zone))

    def __str__(self) -> str:
        return f"{labels.day(self.day)}, {self.clock}"


def of_opening(row: Any, places: Iterable[Appointment], zone: ZoneInfo, kind: str) -> list[Time]:
    """List the times in an opening: of each patient who has one, then of all else in it.

    row: a booking, or a named row with its start_datetime, total_appointments and whole_booked.
    """
    if row.start_datetime is None:
        return []
    times = [
        Time(place.start_datetime, zone, patient=place)
        for place in places
        if place.status == AppointmentStatus.BOOKED and place.start_datetime is not None
    ]
    times.sort(key=lambda time: time.at)
    if len(times) < row.total_appointments:
        # What is booked as a whole is booked with its exact time, which is the booking's then.
        is_exact = kind == Kind.EXACT or row.whole_booked > 0
        part = "" if is_exact else _part(row.start_datetime, zone)
        times.append(Time(row.start_datetime, zone, part))
    return times


def of_patient(place: Appointment) -> Time | None:
    """Give when a patient comes, where that is known."""
    booking, zone = place.booking, place.booking.location.zone
    if place.exact_time is not None:
        return Time(place.exact_time, zone, patient=place)
    if booking.start_datetime is None:
        return None
    return Time(booking.start_datetime, zone, _part(booking.start_datetime, zone), place)


def when(booking: Booking, places: Iterable[Appointment]) -> str:
    """Write when an opening is: where all in it have exact times, those."""
    times = of_opening(booking, places, booking.location.zone, booking.practice.kind)
    of_all_else = [time for time in times if time.patient is None]
    return "; ".join(map(str, of_all_else or times)) or "no time yet"


def _part(start: datetime, zone: ZoneInfo) -> str:
    return str(time_range(start, zone)).replace("_", " ")
