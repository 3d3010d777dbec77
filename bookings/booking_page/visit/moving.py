"""Pages on which a patient moves a visit: the day, the time, a check; then it moves in one act.

What is chosen travels in the address, without a name: a day, an opening. Nothing is held meanwhile:
whoever is quicker has the place, and the visit stays where it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from bookings import walltime
from bookings.booking_page import limits, words
from bookings.booking_page.criteria import criteria_of
from bookings.booking_page.day import AT_ONCE, day_in
from bookings.booking_page.gone import NEAREST
from bookings.booking_page.page import Page
from bookings.booking_page.time import Choice, choice, groups
from bookings.booking_page.visit.page import GONE, Visit, show, visit_page
from bookings.calendars import files
from bookings.models import AppointmentStatus, Booking
from bookings.scheduling import availability, bookings, moving
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.availability import Criteria, Option
from openchair.errors import Refused
from practices.ids import is_id


@dataclass(frozen=True)
class Search:
    """What a visit can be moved to. page: the booking page, for one person.

    is_everywhere: at all offices; else at the visit's, if it is shown.
    """

    visit: Visit
    page: Page
    is_everywhere: bool

    @property
    def has_other_offices(self) -> bool:
        return len(self.page.locations) > 1

    @property
    def today(self) -> date:
        return self.page.today(None if self.is_everywhere else self.visit.location)

    @property
    def zone(self) -> str:
        """The name of the time zone; empty where there are several: each time has its own then."""
        at = [each for each in self.page.locations if each.pk in self.criteria.location_ids]
        names = {words.zone_name(each.zone) for each in at}
        return names.pop() if len(names) == 1 else ""

    @cached_property
    def criteria(self) -> Criteria:
        return criteria_of(self.page)

    def days(self, first: date) -> list[date]:
        """Return the days of a page, and one more if there are more."""
        practice, limit = self.page.practice, AT_ONCE + 1
        return availability.days(practice, self.criteria, first=first, limit=limit)

    def of_day(self, day: date) -> list[Option]:
        return self._elsewhere(availability.of_day(self.page.practice, self.criteria, day))

    def nearest(self, to: datetime) -> list[tuple[str, str, Choice]]:
        """Return the times nearest to an instant, each with its value and its day."""
        practice, zone = self.page.practice, self.visit.location.zone
        found = availability.nearest(practice, self.criteria, to, zone=zone, limit=NEAREST)
        return [self._offer(each) for each in self._elsewhere(found)]

    def _offer(self, option: Option) -> tuple[str, str, Choice]:
        said = choice(self.page, option)
        return said.value, words.day(_local_day(option.places[0])), said

    def _elsewhere(self, options: list[Option]) -> list[Option]:
        """Return those that are not the opening that the visit is in."""
        here = self.visit.appointment.booking_id
        return [each for each in options if each.places[0].pk != here]

    def find(self, to: str) -> Booking | None:
        """Return an opening that is offered, at any office, free or not."""
        if not is_id(to):
            return None
        rows = Booking.objects.select_related("location", "doctor").exclude(
            pk=self.visit.appointment.booking_id
        )
        return rows.filter(
            pk=to,
            practice=self.page.practice,
            location__in=[each.pk for each in self.page.locations],
            doctor__in=[each.pk for each in self.page.doctors],
            start_datetime__gte=self.criteria.earliest,
            start_datetime__lte=self.criteria.latest,
        ).first()


def _search(request: HttpRequest, visit: Visit) -> Search:
    offered = visit.offered
    prefetch_related_objects([offered.practice], "locations")
    bookings.catch_up(practice_id=offered.practice.pk, now=visit.now)
    is_everywhere = request.GET.get("offices") == "all"
    here = None if is_everywhere else visit.location.pk
    state = offered.state.but(people=((visit.name, ""),), location_id=here)
    return Search(visit, replace(offered, state=state), is_everywhere)


@visit_page("GET", "HEAD")
def day(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask for the day; ?first= is the first one to show."""
    if not visit.may_move:
        return visit.go("visit")
    return _ask_day(request, _search(request, visit))


@visit_page("GET", "HEAD")
def time(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask for the time of ?day=."""
    if not visit.may_move:
        return visit.go("visit")
    search, chosen = _search(request, visit), day_in(request.GET.get("day", ""))
    if chosen is None:
        return _ask_day(request, search, [("day_0", _("Choose a day"))])
    return _ask_time(request, search, chosen)


@visit_page("GET", "HEAD", "POST")
def check(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show where the visit would move to (?time=), and move it."""
    if not visit.may_move:
        return visit.go("visit")
    to = request.GET.get("time", "")
    if to == visit.appointment.booking_id:  # the button was pressed twice
        return visit.go("visit", moved="1")
    search = _search(request, visit)
    chosen = day_in(request.GET.get("day", ""))
    if not to and chosen is not None:
        return _ask_time(request, search, chosen, [("time_0", _("Choose a time"))])
    opening = search.find(to)
    if opening is None or opening.start_datetime is None:
        return _show_gone(request, search, visit.now)
    if request.method == "POST":
        try:
            _move(visit, opening, request.POST.get("seen", ""))
        except Refused as refused:
            if refused.reason in GONE:
                return _show_gone(request, search, opening.start_datetime)
            raise
        return visit.go("visit", moved="1")
    if opening.free_places < 1:
        return _show_gone(request, search, opening.start_datetime)
    kind = search.page.practice.kind
    context = {
        "back": visit.url(
            "visit_move_time", day=_local_day(opening).isoformat(), **_offices(search)
        ),
        "when": words.opening_time(opening.start_datetime, opening.location, kind),
        "zone": words.zone_name(opening.location.zone),
        "address": files.address(opening.location),
        "doctor": opening.doctor.name,
    }
    return show(request, visit, "move_check.html", context)


def _move(visit: Visit, opening: Booking, seen: str) -> None:
    to: moving.Destination = {"booking_id": opening.pk}
    is_timed = visit.appointment.start_datetime is not None
    if is_timed and visit.appointment.status == AppointmentStatus.BOOKED:
        to["status"] = AppointmentStatus.RESERVED  # the office has to give it a time again
    check = visit.check_may_change(seen)
    limits.spend_move(visit.appointment.unread_person)
    moving.move(to={visit.appointment.pk: to}, by=PATIENT, now=visit.now, check=check)


Mistakes = Sequence[tuple[str, str]]


def _ask_day(request: HttpRequest, search: Search, mistakes: Mistakes = ()) -> HttpResponse:
    visit, today = search.visit, search.today
    found = search.days(day_in(request.GET.get("first", "")) or today)
    shown, later = found[:AT_ONCE], found[AT_ONCE:]
    context: dict[str, Any] = {
        "back": visit.url("visit"),
        "days": [(each.isoformat(), words.day(each)) for each in shown],
        "later": later and visit.url("visit_move", first=str(later[0]), **_offices(search)),
    }
    return _ask(request, search, "move_day.html", context, mistakes)


def _ask_time(
    request: HttpRequest, search: Search, day: date, mistakes: Mistakes = ()
) -> HttpResponse:
    options = search.of_day(day)
    context = {
        "back": search.visit.url("visit_move", **_offices(search)),
        "day": day.isoformat(),
        "day_name": words.day(day),
        "groups": groups(search.page, options),
    }
    return _ask(request, search, "move_time.html", context, mistakes)


def _ask(
    request: HttpRequest,
    search: Search,
    template: str,
    context: Mapping[str, Any],
    mistakes: Mistakes,
) -> HttpResponse:
    said = {"search": search, "mistakes": mistakes, **context}
    return show(request, search.visit, template, said, status=400 if mistakes else 200)


def _show_gone(request: HttpRequest, search: Search, wanted: datetime) -> HttpResponse:
    """Say that the time has gone and the visit is where it was, and offer the nearest others."""
    context = {
        "search": search,
        "offers": search.nearest(wanted),
        "all_days": search.visit.url("visit_move", **_offices(search)),
    }
    return show(request, search.visit, "move_gone.html", context, status=409)


def _offices(search: Search) -> dict[str, str]:
    return {"offices": "all"} if search.is_everywhere else {}


def _local_day(opening: Booking) -> date:
    assert opening.start_datetime is not None
    return walltime.wall_clock(opening.start_datetime, opening.location.zone).date()
