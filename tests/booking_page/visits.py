"""What tests of the manage pages share: a practice with a booking page, a visit, its link."""

from datetime import datetime
from typing import Any

from django.test import Client

from bookings.models import Appointment, Booking
from bookings.patients import links
from bookings.scheduling import families
from bookings.scheduling.actors import PATIENT
from practices.models import BookingPage, Kind, Location
from tests.desk.world import said
from tests.factories import NOON, Scene


class House(Scene):
    """A practice whose patients book by themselves."""

    def __init__(self, kind: Kind = Kind.EXACT, timezone: str = "America/New_York") -> None:
        super().__init__(kind, timezone)
        Location.objects.filter(pk=self.location.pk).update(office_phone="(212) 555-0100")
        self.location.refresh_from_db()
        self.rules = BookingPage.objects.create(practice=self.practice, active=True)

    def rule(self, **values: Any) -> None:
        BookingPage.objects.filter(practice=self.practice).update(**values)

    def opening(self, day: int = 3, hour: int = 9, **values: Any) -> Booking:
        """Publish an opening in June 2026."""
        start = datetime(2026, 6, day, hour)  # noqa: DTZ001  # wall time
        return self.booking(start_datetime=start, **values)

    def family(self, *first_names: str, status: str = "", **values: Any) -> list[Appointment]:
        """Take a place of one opening for each."""
        usual = "reserved" if self.practice.kind == Kind.RANGE else "booked"
        opening = self.opening(total_appointments=len(first_names), **values)
        wanted: Any = [
            {"booking_id": opening.pk, "status": status or usual, "first_name": name}
            for name in first_names
        ]
        return families.take(wanted=wanted, by=PATIENT, now=NOON)

    def visit(self, **values: Any) -> Appointment:
        return self.family("Ada", **values)[0]


class Phone:
    """A browser without cookies, on which the link of a visit is opened."""

    def __init__(self, visit: Appointment, language: str = "") -> None:
        self.client = Client()
        self.visit = visit
        self.address = f"{language}/visit/{links.give(visit)}"

    def get(self, page: str = "", **query: str) -> Any:
        return self.client.get(self.address + page, query)

    def press(self, page: str, seen_on: str | None = None, query: str = "", **fields: str) -> Any:
        """Send the form of a page (seen_on: of another one) as it was rendered now."""
        shown = self.client.get(f"{self.address}{page if seen_on is None else seen_on}{query}").text
        return self.send(page, seen(shown), query, **fields)

    def send(self, page: str, seen: str, query: str = "", **fields: str) -> Any:
        return self.client.post(f"{self.address}{page}{query}", {"seen": seen, **fields})

    def reads(self, page: str = "", **query: str) -> str:
        """Return the text of a page."""
        return said(self.get(page, **query))

    def now(self) -> Appointment:
        return Appointment.objects.select_related("booking").get(pk=self.visit.pk)


def seen(shown: str) -> str:
    """Return what a page's form sends back of what was seen."""
    return shown.partition('name="seen" value="')[2].partition('"')[0]
