"""The board's query string: parsed, the bookings that it asks for, and the URL of a day."""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from bookings import walltime
from bookings.desk.desk import Desk
from bookings.models import Appointment, Booking, Status
from bookings.models.booking import local_days
from practices.models import Location

KINDS = ("day", "week", "month")
LOCATION_COOKIE = "location"
LOCATION_COOKIE_AGE = 365 * 24 * 3600


@dataclass(frozen=True)
class View:
    """The board's parsed query string; invalid values are replaced by the defaults."""

    day: date
    kind: str
    location: str
    doctor: str
    status: str

    @property
    def days(self) -> list[date]:
        """Return the days in view; a week begins on Monday, and a month has whole weeks."""
        if self.kind == "day":
            return [self.day]
        first = self.day if self.kind == "week" else self.day.replace(day=1)
        monday = first - timedelta(days=first.weekday())
        days = [monday + timedelta(days=each) for each in range(7)]
        while self.kind == "month" and _next_month(self.day) > days[-1] + timedelta(days=1):
            days += [days[-1] + timedelta(days=each) for each in range(1, 8)]
        return days

    def moved(self, steps: int) -> date:
        """Return the day so many days, weeks or months later; the first of a month."""
        if self.kind != "month":
            return self.day + timedelta(days=steps * (7 if self.kind == "week" else 1))
        if steps > 0:
            return _next_month(self.day)
        return (self.day.replace(day=1) - timedelta(days=1)).replace(day=1)

    def locations(self, desk: Desk) -> list[Location]:
        """Return the locations in view."""
        return [each for each in desk.locations if self.location in {"", each.pk}]

    def matches(self, doctor_id: str, status: str) -> bool:
        """Whether the filters of doctor and status leave this as it is, not dimmed."""
        return self.doctor in {"", doctor_id} and self.status in {"", status}

    def query(self, **other: str) -> str:
        """Return the query string of this view, with `other` changed."""
        values = {
            "day": self.day.isoformat(),
            "view": self.kind,
            "location": self.location,
            "doctor": self.doctor,
            "status": self.status,
            **other,
        }
        return "?" + urlencode({name: value for name, value in values.items() if value})

    @property
    def address(self) -> str:
        """Return the query string of just this view, whatever day it is and is remembered then."""
        return self.query() + ("" if self.location else "&location=")


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def view_of(request: HttpRequest, desk: Desk) -> View:
    """Parse the query string.

    The day defaults to today at the first location, the location to the one that was chosen last on
    this device (see `remember`).
    """
    given = request.GET
    try:
        day = date.fromisoformat(given.get("day", ""))
    except ValueError:
        day = walltime.wall_clock(desk.now, desk.zone).date()
    if not 1971 <= day.year <= 2198:
        day = walltime.wall_clock(desk.now, desk.zone).date()
    locations = {each.pk for each in desk.locations}
    doctors = {each.pk for each in desk.doctors}
    location = given.get("location", request.COOKIES.get(LOCATION_COOKIE, ""))
    doctor, status, kind = (given.get(name, "") for name in ("doctor", "status", "view"))
    return View(
        day=day,
        kind=kind if kind in KINDS else "day",
        location=location if location in locations else "",
        doctor=doctor if doctor in doctors else "",
        status=status if status in Status.values else "",
    )


def remember(request: HttpRequest, response: HttpResponse, desk: Desk, view: View) -> None:
    """Keep the location that the address names in a cookie of this practice's desk, or forget it.

    No location ("All locations") forgets it; an address that names none leaves it as it is.
    """
    path = reverse("admin:desk_board", args=[desk.practice.pk]).removesuffix("board/")
    if view.location and request.COOKIES.get(LOCATION_COOKIE) != view.location:
        response.set_cookie(
            LOCATION_COOKIE,
            view.location,
            max_age=LOCATION_COOKIE_AGE,
            path=path,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    elif not view.location and LOCATION_COOKIE in request.COOKIES:
        response.delete_cookie(LOCATION_COOKIE, path=path, samesite="Lax")


def on_board(desk: Desk, view: View) -> QuerySet[Booking]:
    """Return the bookings of the days in view at all locations, of all doctors.

    Days are those of each location's time zone. Closed bookings only where they are asked for.
    """
    days = view.days[0], view.days[-1]
    when = local_days(desk.locations, *days)
    if desk.practice.range_bookings:  # an exact time may be on another day than the booking
        timed = Appointment.objects.timed_on_local_days(desk.locations, *days)
        when |= Q(pk__in=list(timed.values_list("booking_id", flat=True)))
    rows = Booking.objects.filter(when, practice=desk.practice)
    if view.status != Status.CLOSED:
        rows = rows.not_closed()
    return rows.order_by("start_datetime", "id")


def in_view(desk: Desk, view: View) -> QuerySet[Booking]:
    """Return the bookings that the filters ask for."""
    rows = on_board(desk, view)
    if view.location:
        rows = rows.filter(location=view.location)
    if view.doctor:
        rows = rows.filter(doctor=view.doctor)
    return rows.filter(status=view.status) if view.status else rows


def url_of_day(desk: Desk, booking: Booking) -> str:
    """Return the URL of the board on the day of a booking."""
    board = reverse("admin:desk_board", args=[desk.practice.pk])
    if booking.start_datetime is None:
        return board
    day = walltime.wall_clock(booking.start_datetime, booking.location.zone).date()
    return f"{board}?day={day.isoformat()}"
