"""What every page of a desk shares: whose practice it is, what time it is, how it is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, wraps
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from bookings import walltime
from bookings.desk import labels
from bookings.models import Booking
from bookings.scheduling import bookings
from bookings.scheduling.actors import Actor
from openchair.errors import LimitReached, Refused
from practices.models import Doctor, Location, Practice
from practices.scoping import practices_of


@dataclass(frozen=True)
class Desk:
    """A person at work in a practice, at one instant."""

    practice: Practice
    user: Any
    now: datetime

    @property
    def by(self) -> Actor:
        """Name the person to transitions and events."""
        return Actor.of_staff(self.user)

    @cached_property
    def locations(self) -> list[Location]:
        """Give the practice's locations, by name."""
        return list(self.practice.locations.all())

    @cached_property
    def doctors(self) -> list[Doctor]:
        """Give the practice's doctors, by name, with the locations they work at."""
        return list(self.practice.doctors.prefetch_related("locations"))


def desk_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let in who works for the practice of the address; of others it does not say they exist."""

    @wraps(view)
    def entered(request: HttpRequest, practice_id: str, **kwargs: Any) -> HttpResponse:
        mine = {practice.pk: practice for practice in practices_of(request.user)}
        if practice_id not in mine:
            raise Http404
        now = walltime.now()
        bookings.catch_up(practice_id=practice_id, now=now)
        return view(request, Desk(mine[practice_id], request.user, now), **kwargs)

    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        # The site is looked up late: it is made after this module is read.
        return admin.site.admin_view(entered)(request, **kwargs)

    return guarded


def show(
    request: HttpRequest, desk: Desk, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render a page of the desk within the admin."""
    waiting = 0
    if desk.practice.range_bookings:
        reserved = Booking.objects.filter(practice=desk.practice, places_reserved__gt=0)
        waiting = reserved.aggregate(places=Sum("places_reserved"))["places"] or 0
    everywhere = {
        **admin.site.each_context(request),
        "practice": desk.practice,
        "waiting": waiting,
        "now": desk.now,
    }
    return render(request, f"admin/desk/{template}", {**everywhere, **context}, status=status)


def attempt(request: HttpRequest, act: Callable[[], Any], done: str) -> bool:
    """Do something, and say that it was done, or why it was not and that nothing changed."""
    try:
        act()
    except (Refused, LimitReached) as error:
        messages.error(request, labels.refusal(error))
        return False
    except ValidationError as error:
        for text in error.messages:
            messages.error(request, text)
        return False
    messages.success(request, done)
    return True


def say_mistakes(request: HttpRequest, form: Form) -> None:
    """Say what is wrong with a form that is a button and a field, and is not shown again."""
    for errors in form.errors.values():
        for error in errors:
            messages.error(request, str(error))
