"""Pages on which a patient moves a visit: the day, the time, a check; then it moves in one act.

What is chosen travels in the address, without a name: a day, an opening. Nothing is held meanwhile:
whoever is quicker has the place, and the visit stays where it is.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import islice

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from bookings import walltime
from bookings.booking_page import words
from bookings.booking_page.visit.page import (
    Visit,
    opening_time,
    show,
    show_refused,
    visit_page,
)
from bookings.models import AppointmentStatus, Booking
from bookings.scheduling import availability, bookings, moving
from bookings.scheduling.actors import PATIENT
from openchair.errors import Refused
from practices.ids import is_id
from practices.models import Kind

A_PAGE = 10
"""Days on one page."""
NEAREST = 6
_GONE = {"place_taken", "closed", "in_the_past", "no_time"}
"""Why an opening takes the visit no more (Refused.reason)."""


@dataclass(frozen=True)
class Choice:
    """A time that can be chosen. to: the opening's id. where: empty where there is one office."""

    to: str
    day: date
    when: str
    time: str
    where: str


@dataclass(frozen=True)
class Choices:
    """What a visit can be moved to. is_everywhere: at all offices, not the visit's alone."""

    visit: Visit
    is_everywhere: bool

    @property
    def has_other_offices(self) -> bool:
        return len(self.visit.offered.locations) > 1

    @cached_property
    def asked(self) -> availability.Asked:
        offered, settings = self.visit.offered, self.visit.offered.settings
        shown = [each.pk for each in offered.locations]
        here = [each for each in shown if each == self.visit.location.pk]
        return availability.Asked(
            people=1,
            location_ids=here if here and not self.is_everywhere else shown,
            doctor_ids=[each.pk for each in offered.doctors],
            earliest=self.visit.now + timedelta(hours=settings.notice_hours),
            latest=self.visit.now + timedelta(days=settings.horizon_days),
        )

    def days(self, first: date, limit: int) -> list[date]:
        return availability.days(self.visit.offered.practice, self.asked, first=first, limit=limit)

    def of_day(self, day: date) -> list[Choice]:
        """Return a day's times, without the opening that the visit is in."""
        options = availability.of_day(self.visit.offered.practice, self.asked, day)
        openings = [option.places[0] for option in options]
        here = self.visit.appointment.booking_id
        return [self.choice(each, day) for each in openings if each.pk != here]

    def choice(self, opening: Booking, day: date) -> Choice:
        begins, location, now = opening.start_datetime, opening.location, self.visit.now
        assert begins is not None
        is_range = self.visit.offered.practice.kind == Kind.RANGE
        zone = location.zone
        return Choice(
            to=opening.pk,
            day=day,
            when=opening_time(begins, now, location, self.visit.offered.practice.kind),
            time=words.part(begins, zone) if is_range else words.clock(begins, zone),
            where=location.name if self.has_other_offices else "",
        )

    def find(self, to: str) -> Booking | None:
        """Return an opening that is offered, free or not."""
        asked = self.asked
        here = self.visit.appointment.booking_id
        rows = Booking.objects.select_related("location", "doctor").filter(
            practice=self.visit.offered.practice,
            location__in=[each.pk for each in self.visit.offered.locations],
            doctor__in=asked.doctor_ids or [],
            start_datetime__gte=asked.earliest,
            start_datetime__lte=asked.latest,
        )
        return rows.filter(pk=to).exclude(pk=here).first() if is_id(to) else None

    def nearest(self, to: datetime) -> list[Choice]:
        """Return the times nearest to an instant, in order of time."""
        around = walltime.wall_clock(to, self.visit.location.zone).date()
        days = self.days(around, 3) or self.days(date.min, 3)
        return [*islice((each for day in days for each in self.of_day(day)), NEAREST)]


def _choices(visit: Visit, request: HttpRequest) -> Choices:
    return Choices(visit, is_everywhere=request.GET.get("offices") == "all")


@visit_page("GET", "HEAD")
def day(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask for the day; ?first= is the first one to show."""
    if not visit.may_move:
        return visit.go("visit")
    return _ask_day(request, visit)


@visit_page("GET", "HEAD")
def time(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask for the time of ?day=."""
    if not visit.may_move:
        return visit.go("visit")
    chosen = _date(request.GET.get("day", ""))
    if chosen is None:
        return _ask_day(request, visit, mistake=_("Choose a day"))
    return _ask_time(request, visit, chosen)


@visit_page("GET", "HEAD", "POST")
def check(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show where the visit would move to (?to=), and move it."""
    if not visit.may_move:
        return visit.go("visit")
    choices, to = _choices(visit, request), request.GET.get("to", "")
    opening = choices.find(to)
    chosen = _date(request.GET.get("day", ""))
    if not to and chosen is not None:
        return _ask_time(request, visit, chosen, mistake=_("Choose a time"))
    if opening is None or opening.start_datetime is None:
        return _show_gone(request, visit, choices, visit.now)
    if request.method == "POST":
        try:
            _move(visit, opening, request.POST.get("seen", ""))
        except Refused as refused:
            if refused.reason in _GONE:
                return _show_gone(request, visit, choices, opening.start_datetime)
            return show_refused(request, visit, refused)
        return visit.go("visit", moved="1")
    if opening.free_places < 1:
        return _show_gone(request, visit, choices, opening.start_datetime)
    local = walltime.wall_clock(opening.start_datetime, opening.location.zone).date()
    context = {"choice": choices.choice(opening, local), "opening": opening, "choices": choices}
    return show(request, visit, "move_check.html", context)


def _move(visit: Visit, opening: Booking, seen: str) -> None:
    to: moving.Destination = {"booking_id": opening.pk}
    is_timed = visit.appointment.start_datetime is not None
    if is_timed and visit.appointment.status == AppointmentStatus.BOOKED:
        to["status"] = AppointmentStatus.RESERVED  # the office has to give it a time again
    check = visit.check_may_change(seen)
    moving.move(to={visit.appointment.pk: to}, by=PATIENT, now=visit.now, check=check)


def _ask_day(request: HttpRequest, visit: Visit, mistake: str = "") -> HttpResponse:
    choices = _choices(visit, request)
    bookings.catch_up(practice_id=visit.offered.practice.pk, now=visit.now)
    days = choices.days(_date(request.GET.get("first", "")) or date.min, A_PAGE + 1)
    today = visit.offered.today(visit.location)
    context = {
        "choices": choices,
        "days": [(each.isoformat(), words.day(each, today)) for each in days[:A_PAGE]],
        "later": days[A_PAGE].isoformat() if len(days) > A_PAGE else "",
        "mistakes": [("days", mistake)] if mistake else [],
    }
    return show(request, visit, "move_day.html", context, status=400 if mistake else 200)


def _ask_time(request: HttpRequest, visit: Visit, day: date, mistake: str = "") -> HttpResponse:
    choices = _choices(visit, request)
    bookings.catch_up(practice_id=visit.offered.practice.pk, now=visit.now)
    context = {
        "choices": choices,
        "day": day.isoformat(),
        "day_name": words.day(day, visit.offered.today(visit.location)),
        "times": choices.of_day(day),
        "mistakes": [("times", mistake)] if mistake else [],
    }
    return show(request, visit, "move_time.html", context, status=400 if mistake else 200)


def _show_gone(
    request: HttpRequest, visit: Visit, choices: Choices, wanted: datetime
) -> HttpResponse:
    """Say that the time has gone and the visit is where it was, and offer the nearest others."""
    bookings.catch_up(practice_id=visit.offered.practice.pk, now=visit.now)
    context = {"choices": choices, "times": choices.nearest(wanted)}
    return show(request, visit, "move_gone.html", context, status=409)


def _date(text: str) -> date | None:
    try:
        said = date.fromisoformat(text)
    except ValueError:
        return None
    return said if walltime.EARLIEST.year < said.year < walltime.LATEST.year else None
