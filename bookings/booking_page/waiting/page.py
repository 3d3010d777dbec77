"""Shared parts of the waiting list's pages: the decorator of their views, and what they show.

Opening a link changes nothing, as with a visit's: a button pressed by a person does.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import walltime
from bookings.booking_page import summary, words
from bookings.booking_page.page import Page, View, languages, phones, public
from bookings.booking_page.state import State
from bookings.booking_page.visit.page import when
from bookings.booking_page.waiting import wishes_in_words
from bookings.booking_page.waiting.entry import Waiting
from bookings.booking_page.waiting.names import NamesForm
from bookings.calendars import files
from bookings.models import Appointment, AppointmentStatus
from bookings.patients import links
from bookings.scheduling import bookings
from openchair.errors import Refused


def waiting_page(*methods: str) -> Callable[[View], View]:
    """Decorate a view of an entry's page: a `Waiting` as argument, offers settled, headers.

    Where a verb raises Refused, the page shows the entry as it is now, and why nothing changed.
    A link that is nobody's gets a page that says what to do, and so does one of a practice that is
    no longer active: both are a 404.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def entered(request: HttpRequest, token: str) -> HttpResponse:
            entry, now = links.find_entry(token), walltime.now()
            if entry is None:
                context = {"language": get_language() or "en"}
                return render(request, "book/waiting/unknown.html", context, status=404)
            practice = entry.practice
            offered = Page.of(request, practice, State.begin(practice.pk, now), now)
            if practice.active:
                bookings.catch_up(practice_id=practice.pk, now=now)
            waiting = Waiting.of(entry.pk, token, offered)
            if not practice.active:
                return show(request, waiting, "inactive.html", status=404)
            try:
                return view(request, waiting)
            except Refused as refused:
                return _show_refused(request, waiting.again(), refused)

        return public(require_http_methods([*methods])(entered))

    return decorate


def show(
    request: HttpRequest,
    waiting: Waiting,
    template: str,
    context: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a template of templates/book/waiting/ with `waiting` and the other language's link."""
    here = request.get_full_path()
    everywhere = {
        **languages(waiting.url("waiting") if request.method == "POST" else here),
        "waiting": waiting,
        "people": waiting.names,
        "page": waiting,
        "phones": phones(waiting.locations),
        "practice": waiting.offered.practice,
        "has_mistakes": status == 400,
    }
    said = {**everywhere, **(context or {})}
    return render(request, f"book/waiting/{template}", said, status=status)


def show_entry(
    request: HttpRequest,
    waiting: Waiting,
    *,
    form: NamesForm | None = None,
    mistakes: Sequence[tuple[str, str]] = (),
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Show the page. form: with what was typed of names."""
    said: dict[str, Any] = {"mistakes": mistakes, **context}
    if waiting.state == "offered" or (waiting.is_missed and waiting.is_free):
        said |= _offer(waiting)
        said["form"] = form or NamesForm(waiting.to_name)
    elif waiting.booked:
        said["booked"] = [_booked(each) for each in waiting.booked]
        said["is_reserved"] = waiting.booked[0].status == AppointmentStatus.RESERVED
        said["mailed_to"] = summary.mailed_to(waiting.booked[0])
    if waiting.is_on_list and waiting.state != "offered":
        said |= _entry(waiting)
    return show(request, waiting, "show.html", said, status)


def _offer(waiting: Waiting) -> dict[str, Any]:
    return {
        "offer": summary.of(waiting.places, waiting.offered),
        "address": files.address(waiting.places[0].booking.location),
    }


def _entry(waiting: Waiting) -> dict[str, Any]:
    entry = waiting.entry
    return {
        "wishes": wishes_in_words.of(entry),
        "doctors": wishes_in_words.doctors(entry),
        "since": wishes_in_words.day(entry.created_at, entry),
        "until": wishes_in_words.day(entry.ends_at, entry),
    }


def _booked(visit: Appointment) -> dict[str, str]:
    token = links.give(visit)
    location = visit.booking.location
    return {
        "name": summary.name_of(visit),
        "when": when(visit),
        "zone": words.zone_name(location.zone),
        "address": files.address(location),
        "doctor": visit.booking.doctor.name,
        "url": reverse("visit", args=[token]),
        "calendar_url": reverse("visit_calendar", args=[token]),
    }


def _show_refused(request: HttpRequest, waiting: Waiting, refused: Refused) -> HttpResponse:
    if not waiting.is_on_list:
        said = ""  # what the page says explains it
    elif refused.reason == "changed":
        said = _("What you are offered changed while you had this page open. Nothing was booked.")
    else:
        said = _("This time can no longer be booked. You are still on the waiting list.")
    return show_entry(request, waiting, mistakes=[("", said)] if said else [], status=409)
