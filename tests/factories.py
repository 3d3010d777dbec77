"""Factories of test data: each takes what a test is about, and fills in the rest."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from bookings.models import Booking
from bookings.scheduling import bookings
from bookings.scheduling.actors import Actor
from practices.models import ApiKey, Doctor, Kind, Location, Partner, Practice

NOON = datetime(2026, 6, 1, 16, tzinfo=UTC)
"""The instant at which tests begin: Monday noon in New York."""


def practice(kind: Kind = Kind.EXACT, **values: Any) -> Practice:
    return Practice.objects.create(**{"name": "Acme Orthodontic Group", "kind": kind, **values})


def location(of: Practice, timezone: str = "America/New_York", **values: Any) -> Location:
    made = {"name": "Chesterfield", "timezone": timezone, **values}
    return Location.objects.create(practice=of, **made)


def doctor(at: Location, **values: Any) -> Doctor:
    """Make a doctor who works at a location."""
    made = Doctor.objects.create(practice=at.practice, **{"name": "Dr. Reyes", **values})
    made.locations.add(at)
    return made


def partner(*, granted: Iterable[Practice] = (), authorized: bool = True, **values: Any) -> Partner:
    """Make a partner that is granted these practices."""
    values.setdefault("name", f"Partner {Partner.objects.count() + 1}")
    made = Partner.objects.create(special_authorization=authorized, **values)
    made.practices.set(granted)
    return made


def key(of: Partner, **values: Any) -> tuple[ApiKey, str]:
    """Issue a key; return its row and its text."""
    return ApiKey.objects.issue(of, **values)


class Scene:
    """A practice with a location and a doctor, and a partner with a key that may write there."""

    def __init__(self, kind: Kind = Kind.EXACT, timezone: str = "America/New_York") -> None:
        self.practice = practice(kind)
        self.location = location(self.practice, timezone)
        self.doctor = doctor(self.location)
        self.partner = partner(granted=[self.practice])
        self.key_row, self.key = key(self.partner)
        self.actor = Actor.of_key(self.key_row)

    def fields(self, **values: Any) -> dict[str, Any]:
        """Return the body that creates a booking tomorrow at nine."""
        return {
            "location_id": self.location.pk,
            "doctor_id": self.doctor.pk,
            "start_datetime": datetime(2026, 6, 2, 9),  # noqa: DTZ001  # wall time is the point
            **values,
        }

    def booking(self, *, now: datetime = NOON, by: Actor | None = None, **values: Any) -> Booking:
        """Create a booking, tomorrow at nine by default."""
        fields: Any = self.fields(**values)
        booking_id = fields.pop("id", None)
        return bookings.publish(fields=fields, by=by or self.actor, now=now, booking_id=booking_id)
