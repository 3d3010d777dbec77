"""The page that says that a time is gone: it offers the nearest others, with everything kept."""

import json
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from bookings import walltime
from bookings.booking_page import holding, opening, words
from bookings.booking_page.contact import ContactForm
from bookings.booking_page.criteria import criteria_of
from bookings.booking_page.day import day_in
from bookings.booking_page.outcomes import answer_refusals
from bookings.booking_page.page import Page, show, step
from bookings.booking_page.time import Choice, choice, value_of
from bookings.models import Appointment, AppointmentStatus
from bookings.scheduling import availability
from bookings.scheduling.availability import Option
from openchair import encryption

NEAREST = 6
"""Times offered in place of one that has gone."""


def go(request: HttpRequest, page: Page, typed: dict[str, str]) -> HttpResponse:
    """Redirect to this page; or show it, where what was typed has no row that keeps it."""
    return _show(request, page, typed, 409) if typed else page.go("book_gone")


@step
@answer_refusals
def gone(request: HttpRequest, page: Page) -> HttpResponse:
    """Show the nearest times, and hold the one that is chosen."""
    if request.method != "POST":
        return _show(request, page, {})
    typed, key = _read(request.POST.get("typed", "")), request.POST.get("time", "")
    option = _chosen(page, key)
    if not key:
        return _show(request, page, typed, 400)
    try:
        if option is None:
            raise holding.Gone
        held = holding.hold(page, option, typed)
    except holding.Gone:
        return go(request, page, typed)
    day = date.fromisoformat(key.partition(".")[0])
    is_known = ContactForm.of(page, holding.visits(page)[0].unread_person).is_valid()
    state = page.state.but(held=tuple(held), day=day, opening=None)
    return page.go("book_check" if is_known else "book_details", state)


def _show(
    request: HttpRequest, page: Page, typed: dict[str, str], status: int = 200
) -> HttpResponse:
    visit = holding.visits(page)
    is_held = bool(visit) and all(each.status == AppointmentStatus.PENDING for each in visit)
    context = {
        "offers": _nearest(page, visit),
        # Where another time was taken by somebody else, the first one is still held.
        "kept": page.url("book_check") if is_held else "",
        "typed": encryption.seal(json.dumps({"is": "typed", **typed})) if typed else "",
        "mistakes": [("time_0", _("Choose a time"))] if status == 400 else [],
        "all_days": page.url("book_day"),
    }
    return show(request, page, "gone.html", context, status)


def _read(sealed: str) -> dict[str, str]:
    """Return what was typed, as it was sealed here; nothing where it was not."""
    try:
        said = json.loads(encryption.unseal(sealed)) if sealed.isascii() else {}
    except (encryption.UnreadableError, ValueError):
        return {}
    return said if said.pop("is", None) == "typed" else {}


def _nearest(page: Page, visit: Sequence[Appointment]) -> list[tuple[str, str, Choice]]:
    """Return what is offered nearest to the time that has gone, in order of time."""
    was, zone = _instant(page, visit), page.locations[0].zone
    found = availability.nearest(page.practice, criteria_of(page), was, zone=zone, limit=NEAREST)
    return [_offer(page, each) for each in found]


def _instant(page: Page, visit: Sequence[Appointment]) -> datetime:
    """Return when the time was: the visit's, or that of the opening that a link named.

    Noon of the chosen day where the visit's is still held.
    """
    for each in visit:
        if each.status != AppointmentStatus.PENDING and each.booking.start_datetime:
            return each.booking.start_datetime
    named = opening.of(page)
    if named is not None and named.start_datetime is not None:
        return named.start_datetime
    zone = page.locations[0].zone
    noon = datetime.combine(page.state.day or page.today(), time(12))
    return walltime.to_instant(noon, zone)


def _offer(page: Page, option: Option) -> tuple[str, str, Choice]:
    location = option.places[0].location
    day = walltime.wall_clock(option.begins, location.zone).date()
    return _key(day, option), words.day(day), choice(page, option)


def _key(day: date, option: Option) -> str:
    return f"{day.isoformat()}.{value_of(option)}"


def _chosen(page: Page, key: str) -> Option | None:
    """Return the option of a key, if it is offered now."""
    day = day_in(key.partition(".")[0])
    if day is None or abs(day - page.today()) > timedelta(days=400):
        return None
    options = availability.of_day(page.practice, criteria_of(page), day)
    return next((each for each in options if _key(day, each) == key), None)
