"""Shared parts of the manage pages: the visit behind a link, what may be done with it, headers.

A patient who reads their own visit is no access by somebody else: it is not logged as one, and a
mail scanner that opens every link changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import walltime
from bookings.booking_page import calendar, earlier, words
from bookings.booking_page.page import Page, View, languages, phones, public
from bookings.booking_page.state import State
from bookings.booking_page.summary import is_past, mailed_to, name_of
from bookings.booking_page.visit import proposed
from bookings.booking_page.visit.proposed import Proposed
from bookings.calendars import files
from bookings.models import BOOKED, ActorKind, Appointment, AppointmentStatus, Attendance
from bookings.patients import links
from bookings.scheduling import bookings, proposals
from bookings.scheduling.appointments import Check
from bookings.scheduling.families import to_come
from openchair.errors import LimitReached, Refused
from practices.models import Kind, Location

GONE = {"place_taken", "time_taken", "closed", "in_the_past", "no_time"}
"""Why a visit cannot have a place or a time any more (Refused.reason)."""


@dataclass(frozen=True)
class Visit:
    """Context of a request to the pages of one visit.

    offered: the practice's booking page, with its rules and what it shows.
    """

    appointment: Appointment
    token: str
    offered: Page

    @property
    def now(self) -> datetime:
        return self.offered.now

    @property
    def location(self) -> Location:
        return self.appointment.booking.location

    @property
    def locations(self) -> list[Location]:
        """Whose phone is at the foot of the page: the office that the patient goes to."""
        return [self.location]

    @property
    def name(self) -> str:
        return name_of(self.appointment)

    @property
    def when(self) -> str:
        return when(self.appointment)

    @property
    def zone(self) -> str:
        return words.zone_name(self.location.zone)

    @property
    def address(self) -> str:
        return files.address(self.location)

    @property
    def is_range(self) -> bool:
        return self.offered.practice.kind == Kind.RANGE

    @property
    def has_calendar(self) -> bool:
        return calendar.has_file(self.appointment)

    @property
    def is_mailed(self) -> bool:
        """Whether the family is told of a change by mail, too."""
        return bool(mailed_to(self.appointment))

    @property
    def may_book_another(self) -> bool:
        if self.is_to_come or self.state == AppointmentStatus.PENDING:
            return False
        return self.offered.settings.active and bool(self.offered.locations)

    @property
    def kept_until(self) -> str:
        """Until when the place is held, of one that is."""
        until = self.appointment.pending_until
        return "" if until is None else words.clock(until, self.location.zone)

    @property
    def is_past(self) -> bool:
        return is_past(self.appointment, self.now)

    @property
    def state(self) -> str:
        """Which of its forms the page has: the status, or `past`."""
        is_booked = self.appointment.status in BOOKED
        return "past" if is_booked and self.is_past else self.appointment.status

    @property
    def is_to_come(self) -> bool:
        return self.state in BOOKED

    @property
    def ends_early(self) -> bool:
        """Whether the practice's limit for moving and cancelling has passed."""
        limit = timedelta(hours=self.offered.settings.cancel_hours)
        begins = self.appointment.starts_at
        return begins is not None and begins - limit <= self.now

    @property
    def may_cancel(self) -> bool:
        is_said = self.appointment.attendance != Attendance.UNKNOWN
        return self.is_to_come and not self.ends_early and not is_said

    @property
    def may_move(self) -> bool:
        return self.may_cancel and self.offered.settings.active

    @cached_property
    def is_waiting(self) -> bool:
        """Whether the family is told of an earlier time, once one becomes free."""
        return self.is_to_come and earlier.entry_of(self.appointment, self.now) is not None

    @cached_property
    def may_wait(self) -> bool:
        """Whether it can ask for that: there is a way to tell it, and something to wait for."""
        if self.is_waiting or not self.may_move or not earlier.can_be_told(self.appointment):
            return False
        visits = to_come(self.appointment, self.now)
        return earlier.can_become_free(earlier.at_office(self.offered, self.appointment), visits)

    @property
    def may_confirm(self) -> bool:
        is_booked = self.state == AppointmentStatus.BOOKED
        return is_booked and self.appointment.confirmed_at is None

    @property
    def seen(self) -> str:
        """The visit as the page shows it, sent back with each button."""
        return self._seen(self.appointment)

    def _seen(self, appointment: Appointment) -> str:
        """Return what a page shows of the visit, and which times are proposed to it."""
        proposed = self.proposed
        return f"{as_it_is(appointment)} {proposed.proposal.pk if proposed else ''}".rstrip()

    @cached_property
    def family(self) -> list[tuple[str, str]]:
        """Names and times of the family's other visits that are to come."""
        group_id = self.appointment.group_id
        if group_id is None:
            return []
        rows = Appointment.objects.select_related("booking__location", "booking__practice")
        others = rows.filter(group_id=group_id, status__in=BOOKED).exclude(pk=self.appointment.pk)
        return [(name_of(each), when(each)) for each in others.order_by("created_at", "id")]

    @cached_property
    def changes_by_office(self) -> list[str]:
        """What the office has changed of time and place, where nobody has changed it since."""
        events = self.appointment.events.filter(
            changes__has_any_keys=["start_datetime", "location_id"]
        )
        last = events.order_by("number").last()
        if last is None or last.actor not in {ActorKind.STAFF, ActorKind.PARTNER}:
            return []
        status = self.appointment.status
        if not last.from_status == last.to_status == status:
            return []
        changes, sentences = last.changes, []
        if (was := changes.get("start_datetime", [None])[0]) is not None:
            begins, kind = datetime.fromisoformat(was), self.offered.practice.kind
            kind = Kind.EXACT if status == AppointmentStatus.BOOKED else kind
            time = words.opening_time(begins, self.location, kind)
            said = _("The office changed the time of this visit. It was %(when)s.")
            sentences.append(said % {"when": time})
        before = changes.get("location_id", [None])[0]
        place = None if before is None else Location.objects.filter(pk=before).first()
        if place is not None:
            said = _("The office changed the location of this visit. It was at %(place)s.")
            sentences.append(said % {"place": place.name})
        return sentences

    @cached_property
    def proposed(self) -> Proposed | None:
        """What the office last proposed, of a request that waits for its time."""
        waits = self.is_range and self.appointment.status == AppointmentStatus.RESERVED
        return proposed.of(self.appointment, self.now) if waits else None

    def url(self, name: str, **query: str) -> str:
        """Return the address of one of its pages."""
        address = reverse(name, args=[self.token])
        return f"{address}?{urlencode(query)}" if query else address

    def go(self, name: str, **query: str) -> HttpResponse:
        """Redirect to one of its pages."""
        return HttpResponseRedirect(self.url(name, **query), status=303)

    def check_seen(self, seen: str) -> Check:
        """Return the check of a verb: that it is what the patient saw. It raises Refused."""

        def check(appointment: Appointment) -> None:
            if self._seen(appointment) != seen:
                raise Refused("changed", "The visit is not what it was when this page was made.")

        return check

    def check_may_change(self, seen: str) -> Check:
        """Return the check of a verb: as `check_seen`, and that the practice's limit allows it."""
        is_as_seen = self.check_seen(seen)

        def check(appointment: Appointment) -> None:
            is_as_seen(appointment)
            if not self.may_cancel:
                raise Refused("too_late", "It is too late to move or cancel this visit here.")

        return check


def visit_page(*methods: str) -> Callable[[View], View]:
    """Decorate a view of a visit's page: a `Visit` as argument, lapsed holds expired, headers.

    Where a verb raises Refused, the page shows the visit as it is now, and why nothing changed;
    where a limit is reached, whom to call.
    A link that is nobody's gets a page that says what to do, and so does one of a practice that is
    no longer active: both are a 404.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def entered(request: HttpRequest, token: str) -> HttpResponse:
            now = walltime.now()
            visit = _find(request, token, now)
            if visit is None:
                language = get_language() or "en"
                return render(
                    request, "book/visit/unknown.html", {"language": language}, status=404
                )
            if not visit.offered.practice.active:
                return show(request, visit, "inactive.html", {"people": []}, status=404)
            try:
                return view(request, visit)
            except Refused as refused:
                return _show_refused(request, visit, refused)
            except LimitReached as limit:
                response = show(request, visit, "too_often.html", status=429)
                response["Retry-After"] = str(limit.retry_after)
                return response

        return public(require_http_methods([*methods])(entered))

    return decorate


def show(
    request: HttpRequest,
    visit: Visit,
    template: str,
    context: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a template of templates/book/visit/ with `visit` and the other language's link."""
    everywhere = {
        **languages(request.path if request.method == "POST" else request.get_full_path()),
        "visit": visit,
        "people": [visit.name] if visit.name else [],
        "page": visit,
        "phones": phones(visit.locations),
        "practice": visit.offered.practice,
        "has_mistakes": status == 400,
    }
    return render(
        request, f"book/visit/{template}", {**everywhere, **(context or {})}, status=status
    )


def _show_refused(request: HttpRequest, visit: Visit, refused: Refused) -> HttpResponse:
    if refused.reason == "too_late":
        words = _("This visit can no longer be changed here. Nothing was changed.")
    elif refused.reason in GONE:
        words = _("This time is no longer free. Nothing was changed.")
    else:
        words = _(
            "This visit changed while you had this page open. "
            "Your change was not made: check the visit again."
        )
    now = _find(request, visit.token, visit.now) or visit
    return show(request, now, "show.html", {"mistakes": [("", words)]}, status=409)


def as_it_is(appointment: Appointment) -> str:
    """Return what a patient sees of a visit, to tell whether it has changed."""
    begins = appointment.starts_at
    time = "" if begins is None else begins.isoformat()
    return f"{appointment.status} {appointment.booking_id} {time}"


def when(appointment: Appointment) -> str:
    """Format the time of a visit: Tuesday, March 5, 2030, 3:45 PM, or its part of the day."""
    booking, exact = appointment.booking, appointment.exact_time
    if exact is not None:
        return words.opening_time(exact, booking.location, Kind.EXACT)
    if booking.start_datetime is None:
        return _("The office has not set a time yet")
    return words.opening_time(booking.start_datetime, booking.location, Kind.RANGE)


def _find(request: HttpRequest, token: str, now: datetime) -> Visit | None:
    appointment = links.find(token)
    if appointment is None:
        return None
    until = appointment.pending_until
    if until is not None and until <= now:
        bookings.catch_up(practice_id=appointment.booking.practice_id, now=now)
        appointment.refresh_from_db(fields=["status", "pending_until"])
    practice = appointment.booking.practice
    if practice.range_bookings:
        proposals.settle(practice_id=practice.pk, now=now)
    return Visit(appointment, token, Page.of(request, practice, State.begin(practice.pk, now), now))
