"""Shared parts of the desk's views: access, current practice, messages, optimistic locking."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, wraps
from operator import attrgetter
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from bookings import walltime
from bookings.desk import labels
from bookings.models import Appointment, Booking, Event, Status
from bookings.scheduling import bookings
from bookings.scheduling.actors import Actor
from openchair.errors import LimitReached, Refused
from practices.models import Doctor, Location, Practice
from practices.scoping import practices_of

Result = TypeVar("Result")


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
        return get_object_or_404(
            rows.select_related("location", "doctor", "practice", "partner", "whole_partner"),
            pk=booking_id,
        )

    def appointment(self, appointment_id: str) -> Appointment:
        """Return an appointment in this practice. Raises Http404, also for another practice's."""
        rows = Appointment.objects.filter(booking__practice=self.practice)
        return get_object_or_404(
            rows.select_related("booking__location", "booking__practice"), pk=appointment_id
        )

    @cached_property
    def locations(self) -> list[Location]:
        """Return the practice's locations, by name."""
        return list(self.practice.locations.all())

    @cached_property
    def doctors(self) -> list[Doctor]:
        """Return the practice's doctors, by name, with their locations prefetched."""
        return list(self.practice.doctors.prefetch_related("locations"))


def desk_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view of the desk: admin login, a `Desk` as argument, lapsed holds expired.

    Raises Http404 for a practice that is not the user's, as for one that does not exist.
    """

    @wraps(view)
    def entered(request: HttpRequest, practice_id: str, **kwargs: Any) -> HttpResponse:
        mine = {practice.pk: practice for practice in practices_of(request.user)}
        if practice_id not in mine:
            raise Http404
        now = walltime.now()
        bookings.catch_up(practice_id=practice_id, now=now)
        return view(request, Desk(mine[practice_id], request.user, now), **kwargs)

    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        # admin.site is looked up at the call: it is created after this module is imported.
        return admin.site.admin_view(entered)(request, **kwargs)

    return guarded


def show(
    request: HttpRequest, desk: Desk, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render a template of the desk with the admin's context, and the number of places waiting."""
    waiting = 0
    if desk.practice.range_bookings:
        # With the statuses that it can have, for the index of a location's openings.
        reserved = Booking.objects.filter(
            location__in=desk.locations,
            status__in=(Status.OPEN, Status.PENDING, Status.RESERVED),
            places_reserved__gt=0,
        )
        waiting = reserved.aggregate(places=Sum("places_reserved"))["places"] or 0
    everywhere = {
        **admin.site.each_context(request),
        "practice": desk.practice,
        "waiting": waiting,
        "now": desk.now,
    }
    return render(request, f"admin/desk/{template}", {**everywhere, **context}, status=status)


_REFUSALS = (Refused, LimitReached, ValidationError)


def attempt(request: HttpRequest, act: Callable[[], Any], done: str) -> None:
    """Call `act` and add messages: `done`, or why it was refused."""
    try:
        act()
    except _REFUSALS as error:
        for text in labels.reasons(error):
            messages.error(request, text)
    else:
        messages.success(request, done)


def try_form(form: Form, act: Callable[[], Result]) -> Result | None:
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


def version(booking: Booking) -> str:
    """Return the id of a booking's last event (or an empty string), which every change replaces."""
    last = booking.events.order_by("-id").values_list("pk", flat=True).first()
    return str(last or "")


def as_seen(
    seen: str, state_of: Callable[[Any], str] = attrgetter("status")
) -> Callable[[Booking | Appointment], None]:
    """Return a `check` for a verb: that the row is still in the state the page was rendered with.

    When two people act on the same page, the second gets a message about the first one's change,
    and nothing is changed.

    state_of: its status, or the `version` of a booking. The check raises Refused (changed).
    """

    def check(row: Booking | Appointment) -> None:
        if state_of(row) != seen:
            events = row.events.select_related(
                "user", "api_key__partner", "booking__location", "appointment"
            )
            raise _changed(events.order_by("id").last())

    return check


def _changed(last: Event | None) -> Refused:
    """Return the refusal, with what was changed meanwhile, when, and the name of the person."""
    if last is None:
        return Refused("changed", "The time of this hold has run out. Nothing was changed.")
    zone = last.booking.location.zone
    if last.appointment is None:
        became = labels.STATUS[last.to_status].lower()
        subject = "This opening"
    else:
        became = labels.APPOINTMENT_STATUS[last.to_status].lower()
        subject = f"The place of {labels.patient(last.appointment)}"
        if last.appointment.start_datetime is not None:
            became += f" for {labels.moment_at(last.appointment.start_datetime, zone)}"
    when = labels.moment_at(last.at, zone)
    return Refused(
        "changed",
        f"{subject} was changed while you looked: {labels.who(last)} made it “{became}” ({when}). "
        "Nothing of yours was changed; look again below.",
    )
