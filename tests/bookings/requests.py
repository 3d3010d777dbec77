"""What tests of proposals share: a range practice with requests, and times proposed for one."""

from datetime import datetime
from typing import Any

from bookings.models import Appointment, Booking, Proposal
from bookings.scheduling import appointments, proposals
from bookings.scheduling.actors import PATIENT, Actor
from bookings.scheduling.proposals import Choice
from practices.models import Kind
from tests.desk.world import person
from tests.factories import NOON, Scene


class Office(Scene):
    """A range practice in Chicago, where it is Monday, 11 AM; somebody of its staff."""

    def __init__(self) -> None:
        super().__init__(Kind.RANGE, "America/Chicago")
        self.staff = Actor.of_staff(person(f"desk-{self.practice.pk}", self.practice))
        self.morning = self.opening(2, 9)

    def opening(self, day: int, hour: int, **values: Any) -> Booking:
        return self.booking(start_datetime=wall(day, hour), **{"length": 30, **values})

    def request(self, opening: Booking | None = None, **values: Any) -> Appointment:
        """Take a place for a part of the day, by default tomorrow morning."""
        fields: Any = {
            "status": "reserved",
            "first_name": "Ada",
            "email": "ada@example.org",
            **values,
        }
        at = opening or self.morning
        return appointments.take(booking_id=at.pk, fields=fields, by=PATIENT, now=NOON)

    def propose(self, request: Appointment, *choices: Choice) -> Proposal:
        return proposals.propose(
            appointment_id=request.pk, choices=choices, by=self.staff, now=NOON
        )

    def give(self, request: Appointment, exact: datetime) -> Appointment:
        """Book a request at an exact time, as staff do."""
        fields: Any = {"status": "booked", "start_datetime": exact}
        return appointments.edit(appointment_id=request.pk, fields=fields, by=self.staff, now=NOON)


def wall(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a wall time in June 2026."""
    return datetime(2026, 6, day, hour, minute)  # noqa: DTZ001  # wall time


def at(opening: Booking, minutes: int = 0) -> Choice:
    """Return a time in an opening, so long after it begins."""
    assert opening.start_datetime is not None
    begins = opening.start_datetime
    return Choice(opening.pk, begins.replace(minute=begins.minute + minutes))


def free(opening: Booking) -> int:
    opening.refresh_from_db()
    return opening.free_places
