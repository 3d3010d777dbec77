"""Shared parts of the desk's views: access, current practice, messages, optimistic locking."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, wraps
from operator import attrgetter
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet, Sum
from django.forms import BaseForm, Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from bookings import walltime
from bookings.desk import answer_clock, calls, entering, history, labels
from bookings.desk.clashes import Clashing
from bookings.desk.waitlist import fitting
from bookings.models import Appointment, Booking, Status
from bookings.scheduling import bookings, proposals
from bookings.scheduling.actors import Actor
from openchair.errors import LimitReached, Refused
from practices.ids import is_id
from practices.models import Doctor, Location, Partner, Practice
from practices.scoping import practices_of

Result = TypeVar("Result")
Row = TypeVar("Row", Appointment, Booking)


@dataclass(frozen=True)
class Desk:
    """Context of a request to the desk. Its `now` is the one instant for the whole request."""

    practice: Practice
    user: Any
    now: datetime

    @property
    def by(self) -> Actor:
        return Actor.of_staff(self.user)

    def booking(self, booking_id: str) -> Booking:
        """Return a booking of this practice. Raises Http404, also for another practice's."""
        rows = Booking.objects.filter(practice=self.practice)
        return _found(
            rows.select_related("location", "doctor", "practice", "partner", "whole_partner"),
            booking_id,
        )

    def appointment(self, appointment_id: str) -> Appointment:
        """Return an appointment in this practice. Raises Http404, also for another practice's."""
        rows = Appointment.objects.filter(booking__practice=self.practice)
        return _found(rows.select_related("booking__location", "booking__practice"), appointment_id)

    @cached_property
    def locations(self) -> list[Location]:
        """Return the practice's locations, by name."""
        return list(self.practice.locations.all())

    @property
    def zone(self) -> ZoneInfo:
        """Return the first location's time zone, for what is of the practice as a whole."""
        return self.locations[0].zone if self.locations else ZoneInfo("UTC")

    @cached_property
    def doctors(self) -> list[Doctor]:
        """Return the practice's doctors, by name, with their locations prefetched."""
        return list(self.practice.doctors.prefetch_related("locations"))

    @cached_property
    def system(self) -> Partner | None:
        """Return the partner that is the practice's own system, if there is one."""
        return entering.systems([self.practice.pk]).get(self.practice.pk)


def _found(rows: QuerySet[Row], row_id: str) -> Row:
    """Return a row by its id, which may be any text. Raises Http404."""
    if not is_id(row_id):  # PostgreSQL fails at a NUL
        raise Http404
    return get_object_or_404(rows, pk=row_id)


def desk_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view of the desk: admin login, a `Desk` as argument, lapsed holds expired.

    Where the view raises Clashing, a page asks, and sends the same form again if the person agrees.

    Raises Http404 for a practice that is not the user's, as for one that does not exist.
    """

    @wraps(view)
    def entered(request: HttpRequest, practice_id: str, **kwargs: Any) -> HttpResponse:
        mine = {practice.pk: practice for practice in practices_of(request.user)}
        if practice_id not in mine:
            raise Http404
        now = walltime.now()
        bookings.catch_up(practice_id=practice_id, now=now)
        if mine[practice_id].range_bookings:
            proposals.settle(practice_id=practice_id, now=now)
        desk = Desk(mine[practice_id], request.user, now)
        try:
            return view(request, desk, **kwargs)
        except Clashing as clashing:
            return _ask(request, desk, clashing)

    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        # admin.site is looked up at the call: it is created after this module is imported.
        return admin.site.admin_view(entered)(request, **kwargs)

    return guarded


def show(
    request: HttpRequest, desk: Desk, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render a template of the desk with the admin's context, and the number of places waiting.

    Also how many requests are overdue.
    """
    waiting = overdue = 0
    if desk.practice.range_bookings:
        # With the statuses that it can have, for the index of a location's openings.
        reserved = Booking.objects.filter(
            location__in=desk.locations,
            status__in=(Status.OPEN, Status.PENDING, Status.RESERVED),
            places_reserved__gt=0,
        )
        waiting = reserved.aggregate(places=Sum("places_reserved"))["places"] or 0
        if waiting:
            overdue = answer_clock.overdue(desk.locations, desk.now).total()
    everywhere = {
        **admin.site.each_context(request),
        "practice": desk.practice,
        "waiting": waiting,
        "overdue": overdue,
        "system": desk.system,
        "not_entered": _not_entered(desk),
        "families_to_call": fitting.to_call(desk.practice, desk.now),
        "calls_left": calls.to_do(desk.practice, now=desk.now).count(),
        "now": desk.now,
        "has_mistakes": status == 400,
    }
    return render(request, f"admin/desk/{template}", {**everywhere, **context}, status=status)


def _not_entered(desk: Desk) -> str:
    """Return how many visits are not yet in the practice's own software; empty if none is."""
    if desk.system is None:
        return ""
    found = entering.left([desk.practice], now=desk.now)[: _MOST + 1].count()
    return f"{_MOST}+" if found > _MOST else str(found or "")


_MOST = 99
"""So far they are counted for a page's menu, which is on every page."""


def _ask(request: HttpRequest, desk: Desk, clashing: Clashing) -> HttpResponse:
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name not in {"csrfmiddlewaretoken", "anyway", *_TIMES}
    ]
    typed = f"{request.POST.get('first_name', '')} {request.POST.get('last_name', '')}".strip()
    context = {
        "title": "Two patients at once",
        "who": labels.listed([labels.patient(each) for each in clashing.visits] or [typed]),
        "clashing": clashing,
        "kept": kept,
        "times": [(name, request.POST[name]) for name in _TIMES if name in request.POST],
    }
    return show(request, desk, "clash.html", context, 409)


_TIMES = ("start", "exact")
"""The fields of the desk's forms that say an exact time."""
_REFUSALS = (Refused, LimitReached, ValidationError)


def attempt(request: HttpRequest, act: Callable[[], Any], done: str) -> bool:
    """Call `act` and add messages: `done`, or why it was refused. Return whether it was done."""
    try:
        act()
    except _REFUSALS as error:
        for text in labels.reasons(error):
            messages.error(request, text)
        return False
    messages.success(request, done)
    return True


def try_form(form: BaseForm, act: Callable[[], Result]) -> Result | None:
    """Call `act`, if the form is valid, and return its result; add refusals to the form."""
    if not form.is_valid():
        return None
    try:
        return act()
    except _REFUSALS as error:
        form.add_error(None, labels.reasons(error))
    return None


def say_mistakes(request: HttpRequest, form: Form) -> None:
    """Add a form's errors as messages, for a form that is not rendered again."""
    for errors in form.errors.values():
        for error in errors:
            messages.error(request, str(error))


def within_desk(desk: Desk, url: str) -> str:
    """Return the URL if it is a path of this practice's desk, else an empty string."""
    root = reverse("admin:desk_board", args=[desk.practice.pk]).removesuffix("board/")
    is_ours = url.startswith(root) and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return url if is_ours else ""


def version(row: Booking | Appointment) -> str:
    """Return the id of its last event (or an empty string), which every change replaces."""
    last = row.events.order_by("-id").values_list("pk", flat=True).first()
    return str(last or "")


def as_seen(
    seen: str, state_of: Callable[[Any], str] = attrgetter("status")
) -> Callable[[Booking | Appointment], None]:
    """Return a `check` for a verb: that the row is still in the state the page was rendered with.

    When two people act on the same page, the second gets a message about the first one's change,
    and nothing is changed.

    state_of: its status, or its `version`. The check raises Refused (changed).
    """

    def check(row: Booking | Appointment) -> None:
        if state_of(row) != seen:
            raise _changed(row)

    return check


def _changed(row: Booking | Appointment) -> Refused:
    """Return the refusal, with what was changed meanwhile, when, and who did it.

    Without the patient's name: messages are in a cookie.
    """
    last, deed = history.last_deed(row)
    subject = "This opening"
    if last.appointment is not None:
        subject = "This visit"
    when = labels.dated(last.at, last.booking.location.zone)
    return Refused(
        "changed",
        f"{subject} was changed while you had it open: {labels.who(last)} {deed} ({when}). "
        "Your change was not made: check it again below.",
    )
