"""The feed of a doctor's calendar, at an address that is secret: no login and no cookie.

Nobody may store it on its way (no-store); the calendar that keeps it as its own asks with the ETag
whether there is anything new. Last-Modified only tells: a change of the same second, or of a
setting, would be missed by it.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.booking_page.page import public
from bookings.calendars import entries, files, links
from bookings.messages.mail.facts import one_line
from bookings.models import Appointment, CalendarLink, Feed
from bookings.patients import access
from bookings.scheduling import bookings
from bookings.scheduling.actors import Actor
from openchair import rate_limits
from openchair.api.conditional import strong_tag
from practices.models import CalendarSettings

EDITION = 1
"""Of what is made of the same rows: count it up with a change of entries.py."""
PER_LINK = (60, 60 * 60)
"""A calendar looks four times an hour; several devices may have the same link."""
REFRESH = timedelta(minutes=15)
LINKS, WRONG_LINKS, NAMES = "calendar", "wrong-calendars", "calendar names"
_A_DAY = 24 * 60 * 60
_LATE = timedelta(minutes=5)
"""So late, at most, a change is committed after the instant that its row has."""


@cache_control(private=True, no_store=True)
@public
@require_safe
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """Return the calendar of a link, or a 304; one that is wrong, revoked or over is a 404."""
    now, link = walltime.now(), links.find(token)
    if link is None:
        return _unknown(request)
    budget = rate_limits.spend_of_any(LINKS, link.digest, PER_LINK)
    if budget.is_overdrawn:
        return _too_often(budget)
    doctor, practice = link.doctor, link.doctor.practice
    bookings.catch_up(practice_id=practice.pk, now=now)
    newest = Feed.objects.filter(practice=practice).values_list("newest", flat=True).first()
    locations = list(practice.locations.all())
    names, day = CalendarSettings.of(practice).names, now.date()
    places = [(each.pk, files.address(each), each.timezone) for each in locations]
    # icalendar escapes nothing in properties that it does not know, and fails on a line feed.
    title = one_line(f"{doctor.name} – {practice.name}")
    tag = strong_tag(EDITION, doctor.pk, newest, day, names, title, places)
    unmodified = get_conditional_response(request, etag=tag)
    if unmodified is not None:
        links.note_use(link, now)
        unmodified["ETag"] = tag
        return unmodified
    found = entries.read(doctor, locations, day=day, names=names)
    with transaction.atomic():
        if found.named:
            _record(request, link, found.named, now)
        links.note_use(link, now)
    return _answer(found, title, tag, link.created_at)


def _answer(found: entries.Calendar, title: str, tag: str, made_at: datetime) -> HttpResponse:
    file = files.file(
        found.entries,
        method="PUBLISH",
        product="Calendar",
        years=range(found.first.year, found.last.year + 1),
        headers={
            "x-wr-calname": (title, {}),
            "refresh-interval": (REFRESH, {"VALUE": "DURATION"}),
            "x-published-ttl": ("PT15M", {}),
        },
    )
    headers = {
        "Content-Type": files.CONTENT_TYPE,
        "Content-Disposition": 'inline; filename="calendar.ics"',
        "ETag": tag,
        "Last-Modified": http_date((found.changed_at or made_at).timestamp()),
    }
    return HttpResponse(file, headers=headers)


def _record(
    request: HttpRequest, link: CalendarLink, named: list[Appointment], now: datetime
) -> None:
    """Record the names that the person reads: all once a day, then those that are new or changed.

    A calendar looks every few minutes: recording all each time would bury who looked at whom.
    """
    is_first = rate_limits.spend_of_any(NAMES, link.digest, (1, _A_DAY)).used == 1
    if not is_first and link.last_used_at is not None:
        since = link.last_used_at - _LATE
        named = [each for each in named if max(each.updated_at, each.booking.updated_at) >= since]
    access.record(request, {each.pk for each in named}, Actor.of_staff(link.user), now)


def record_anew(link: CalendarLink) -> None:
    """Let the next look at the names of a link be recorded whole."""
    rate_limits.forget(NAMES, link.digest)


def _unknown(request: HttpRequest) -> HttpResponse:
    """Answer a wrong link, in the same way whether or not there ever was one."""
    budget = rate_limits.spend_of_any(
        WRONG_LINKS, request.META.get("REMOTE_ADDR", ""), settings.WRONG_KEY_LIMIT
    )
    if budget.is_overdrawn:
        return _too_often(budget)
    said = "This calendar link does not work. Make a new one in OpenChair, under More, Calendars.\n"
    return HttpResponse(said, status=404, content_type="text/plain; charset=utf-8")


def _too_often(budget: rate_limits.Budget) -> HttpResponse:
    said = f"Too many requests. Wait {budget.reset} seconds.\n"
    headers = {"Retry-After": str(budget.reset)}
    return HttpResponse(said, status=429, content_type="text/plain; charset=utf-8", headers=headers)
