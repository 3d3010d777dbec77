"""Pages on which a patient moves a visit: the day, the time, a check; then it moves in one act.

What is chosen travels in the address, without a name: a day, an opening. Nothing is held meanwhile:
whoever is quicker has the place, and the visit stays where it is.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from bookings import walltime
from bookings.booking_page import asking, calendar, words
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

A_PAGE = 10
"""Days on one page."""
NEAREST = 6
"""Times offered in place of one that has gone."""
_GONE = {"place_taken", "closed", "in_the_past", "no_time"}
"""Why an opening takes the visit no more (Refused.reason)."""


@dataclass(frozen=True)
class Choice:
    """A time that can be chosen."""

    opening: Booking
    begins: datetime
    visit: Visit

    @property
    def to(self) -> str:
        return self.opening.pk

    @property
    def day(self) -> str:
        return walltime.wall_clock(self.begins, self.opening.location.zone).date().isoformat()

    @property
    def when(self) -> str:
        kind = self.visit.offered.practice.kind
        return opening_time(self.begins, self.visit.now, self.opening.location, kind)

    @property
    def time(self) -> str:
        """The time without the day; in a range practice the part of the day."""
        say = words.part if self.visit.is_range else words.clock
        return say(self.begins, self.opening.location.zone)

    @property
    def zone(self) -> str:
        return words.zone_name(self.opening.location.zone)

    @property
    def where(self) -> str:
        """The office, where there are several."""
        return self.opening.location.name if len(self.visit.offered.locations) > 1 else ""

    @property
    def address(self) -> str:
        return calendar.address(self.opening.location)

    @property
    def doctor(self) -> str:
        return self.opening.doctor.name


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
        """What is looked for: by the practice's rules, at the visit's office if it is shown."""
        sought, here = asking.asked(self.visit.offered), self.visit.location.pk
        at_one = here in sought.location_ids and not self.is_everywhere
        return replace(sought, people=1, location_ids=[here] if at_one else sought.location_ids)

    def days(self, first: date, limit: int) -> list[date]:
        return availability.days(self.visit.offered.practice, self.asked, first=first, limit=limit)

    def of_day(self, day: date) -> list[Choice]:
        """Return a day's times, without the opening that the visit is in."""
        options = availability.of_day(self.visit.offered.practice, self.asked, day)
        openings = [option.places[0] for option in options]
        here = self.visit.appointment.booking_id
        return [self.choice(each) for each in openings if each.pk != here]

    def choice(self, opening: Booking) -> Choice:
        assert opening.start_datetime is not None
        return Choice(opening, opening.start_datetime, self.visit)

    def find(self, to: str) -> Choice | None:
        """Return an opening that is offered, at any office, free or not."""
        asked = asking.asked(self.visit.offered)
        rows = Booking.objects.select_related("location", "doctor").exclude(
            pk=self.visit.appointment.booking_id
        )
        found = rows.filter(
            pk=to,
            practice=self.visit.offered.practice,
            location__in=asked.location_ids,
            doctor__in=asked.doctor_ids or [],
            start_datetime__gte=asked.earliest,
            start_datetime__lte=asked.latest,
        )
        opening = found.first() if is_id(to) else None
        return None if opening is None else self.choice(opening)

    def nearest(self, to: datetime) -> list[Choice]:
        """Return the times nearest to an instant, in order of time."""
        practice, asked = self.visit.offered.practice, self.asked
        around = walltime.wall_clock(to, self.visit.location.zone).date()
        days = availability.days_before(practice, asked, before=around, limit=1)
        days += self.days(around, limit=3)
        times = [each for day in days for each in self.of_day(day)]
        nearest = sorted(times, key=lambda each: abs(each.begins - to))[:NEAREST]
        return sorted(nearest, key=lambda each: each.begins)


def _choices(visit: Visit, request: HttpRequest) -> Choices:
    prefetch_related_objects([visit.offered.practice], "locations")
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
    day = _date(request.GET.get("day", ""))
    if not to and day is not None:
        return _ask_time(request, visit, day, mistake=_("Choose a time"))
    choice = choices.find(to)
    if choice is None:
        return _show_gone(request, visit, choices, visit.now)
    if request.method == "POST":
        try:
            _move(visit, choice.opening, request.POST.get("seen", ""))
        except Refused as refused:
            if refused.reason in _GONE:
                return _show_gone(request, visit, choices, choice.begins)
            return show_refused(request, visit, refused)
        return visit.go("visit", moved="1")
    if choice.opening.free_places < 1:
        return _show_gone(request, visit, choices, choice.begins)
    return show(request, visit, "move_check.html", {"choice": choice, "choices": choices})


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
