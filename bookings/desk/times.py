"""Display times of bookings and appointments: exact times, and parts of the day.

A range booking is for a part of the day. Each booked appointment in it has its own exact time,
which may be on another day; the booking's start is no appointment's time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
"""Prefetch for queries of bookings: sets `timed`, the appointments for `when` and `of_booking`."""


@dataclass(frozen=True)
class Time:
    """An instant and its time zone; with `part`, the part of the day is displayed instead of it."""

    at: datetime
    zone: ZoneInfo
    part: str = ""
    appointment: Appointment | None = None

    @property
    def day(self) -> date:
        return walltime.wall_clock(self.at, self.zone).date()

    @property
    def clock(self) -> str:
        """Format without the day: 1:15 PM, or early afternoon."""
        return self.part or labels.clock(walltime.wall_clock(self.at, self.zone))

    def __str__(self) -> str:
        return f"{labels.day(self.day)}, {self.day.year}, {self.clock}"


def of_booking(
    row: Any, appointments: Iterable[Appointment], zone: ZoneInfo, kind: str
) -> list[Time]:
    """List a booking's times: one for each exact time, then one for the other places, if any.

    row: a booking, or a named row with its start_datetime, total_appointments and whole_booked.
    """
    if row.start_datetime is None:
        return []
    times = [
        Time(each.start_datetime, zone, appointment=each)
        for each in appointments
        if each.status == AppointmentStatus.BOOKED and each.start_datetime is not None
    ]
    times.sort(key=lambda time: time.at)
    if len(times) < row.total_appointments:
        # Booking it as a whole sets the exact time, which is then the booking's start.
        is_exact = kind == Kind.EXACT or row.whole_booked > 0
        part = "" if is_exact else part_at(row.start_datetime, zone)
        times.append(Time(row.start_datetime, zone, part))
    return times


def of_opening(booking: Booking) -> Time | None:
    """Return when an opening begins, in a range practice its part of the day; None without one."""
    if booking.start_datetime is None:
        return None
    zone = booking.location.zone
    is_range = booking.practice.kind == Kind.RANGE
    part = part_at(booking.start_datetime, zone) if is_range else ""
    return Time(booking.start_datetime, zone, part)


def of_appointment(appointment: Appointment) -> Time | None:
    """Return an appointment's time, exact or a part of the day; None if the booking has none."""
    booking = appointment.booking
    if appointment.exact_time is not None:
        return Time(appointment.exact_time, booking.location.zone, appointment=appointment)
    opening = of_opening(booking)
    return opening and replace(opening, appointment=appointment)


def when(booking: Booking, appointments: Iterable[Appointment]) -> str:
    """Format a booking's time; if every place has an exact time, all of those."""
    times = of_booking(booking, appointments, booking.location.zone, booking.practice.kind)
    of_all_else = [time for time in times if time.appointment is None]
    return "; ".join(map(str, of_all_else or times)) or "no time yet"


def part_at(start: datetime, zone: ZoneInfo) -> str:
    """Say in which part of the day an instant is: early afternoon."""
    return part_name(str(time_range(start, zone)))


def part_name(name: str) -> str:
    """Say the name of one of TIME_RANGES."""
    return name.replace("_", " ")
