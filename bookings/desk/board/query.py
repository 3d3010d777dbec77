"""The board's query string: parsed, the bookings that it asks for, and the URL of a day."""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from bookings import walltime
from bookings.desk.desk import Desk
from bookings.models import Appointment, Booking, Status
from bookings.models.booking import local_days
from practices.models import Location


@dataclass(frozen=True)
class View:
    """The board's parsed query string; invalid values are replaced by the defaults."""

    day: date
    is_week: bool
    location: str
    doctor: str
    status: str

    @property
    def days(self) -> list[date]:
        """Return the days in view; a week begins on Monday."""
        if not self.is_week:
            return [self.day]
        monday = self.day - timedelta(days=self.day.weekday())
        return [monday + timedelta(days=each) for each in range(7)]

    def locations(self, desk: Desk) -> list[Location]:
        """Return the locations in view."""
        return [each for each in desk.locations if self.location in {"", each.pk}]

    def query(self, **other: str) -> str:
        """Return the query string of this view, with `other` changed."""
        values = {
            "day": self.day.isoformat(),
            "view": "week" if self.is_week else "day",
            "location": self.location,
            "doctor": self.doctor,
            "status": self.status,
            **other,
        }
        return "?" + urlencode({name: value for name, value in values.items() if value})


def view_of(request: HttpRequest, desk: Desk) -> View:
    """Parse the query string; the day defaults to today at the first location."""
    given = request.GET
    zone = desk.locations[0].zone if desk.locations else ZoneInfo("UTC")
    try:
        day = date.fromisoformat(given.get("day", ""))
    except ValueError:
        day = walltime.wall_clock(desk.now, zone).date()
    if not 1971 <= day.year <= 2198:
        day = walltime.wall_clock(desk.now, zone).date()
    locations = {each.pk for each in desk.locations}
    doctors = {each.pk for each in desk.doctors}
    location, doctor, status = (given.get(name, "") for name in ("location", "doctor", "status"))
    return View(
        day=day,
        is_week=given.get("view") == "week",
        location=location if location in locations else "",
        doctor=doctor if doctor in doctors else "",
        status=status if status in Status.values else "",
    )


def in_view(desk: Desk, view: View) -> QuerySet[Booking]:
    """Return the bookings in view, days in each location's time zone; closed ones if selected."""
    shown = view.locations(desk)
    days = view.days[0], view.days[-1]
    when = local_days(shown, *days)
    if desk.practice.range_bookings:  # an exact time may be on another day than the booking
        timed = Appointment.objects.timed_on_local_days(shown, *days)
        when |= Q(pk__in=list(timed.values_list("booking_id", flat=True)))
    rows = Booking.objects.filter(when, practice=desk.practice)
    if view.doctor:
        rows = rows.filter(doctor=view.doctor)
    rows = rows.filter(status=view.status) if view.status else rows.not_closed()
    return rows.order_by("start_datetime", "id")


def url_of_day(desk: Desk, booking: Booking) -> str:
    """Return the URL of the board on the day of a booking."""
    board = reverse("admin:desk_board", args=[desk.practice.pk])
    if booking.start_datetime is None:
        return board
    day = walltime.wall_clock(booking.start_datetime, booking.location.zone).date()
    return f"{board}?day={day.isoformat()}"
