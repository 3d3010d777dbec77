"""The page of free places: who fits each, or why it is offered to nobody."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.desk import labels
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.forms import DayField
from bookings.desk.paging import query
from bookings.desk.waitlist import fitting, rows, words
from bookings.desk.waitlist.fitting import Place
from bookings.scheduling import availability, holds
from bookings.scheduling.availability import Criteria

_DAYS = 3
"""So many days with free places are shown at a time."""
_MOST_NAMES = 3


class _DayForm(forms.Form):
    first = DayField(required=False)


def asked_day(request: HttpRequest, desk: Desk, otherwise: date | None = None) -> date:
    """Return the day from which free places are asked for: today, or a later one, unless said."""
    form = _DayForm(request.GET)
    said: date | None = form.cleaned_data["first"] if form.is_valid() else None
    today = walltime.wall_clock(desk.now, desk.zone).date()
    return said or max(today, otherwise or today)


@dataclass(frozen=True)
class Row:
    """A free place as the template needs it. fits: who would be offered it, in their turn."""

    place: Place
    clock: str
    where: str
    fits: list[tuple[rows.Who, str]]
    more: int
    nobody: str
    is_near: bool


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Show a few days from the one that is asked for on."""
    first = asked_day(request, desk)
    criteria = fitting.anything_free(desk.practice, desk.now)
    days = availability.days(desk.practice, criteria, first=first, limit=_DAYS + 1)
    before = availability.days_before(desk.practice, criteria, before=first, limit=_DAYS)
    waiting = fitting.families(desk.practice, desk.now)
    context = {
        "title": "Free places",
        "first": first,
        "waiting": len(waiting),
        "days": _days(desk, criteria, days[:_DAYS], waiting),
        "later": query(request, first=days[_DAYS]) if len(days) > _DAYS else "",
        "earlier": query(request, first=before[0]) if before else "",
    }
    return show(request, desk, "waitlist/free.html", context)


def _days(desk: Desk, criteria: Criteria, days: list[date], waiting: Any) -> list[Any]:
    """Return the rows of each of these days with its heading."""
    if not days:
        return []
    read = availability.read(desk.practice, criteria, days[0], days[-1])
    found: dict[date, list[Row]] = {each: [] for each in days}
    for place in fitting.places(desk.practice, read, waiting):
        when = words.when(place.free, desk)
        found[when.day].append(_row(place, desk))
    return [(labels.long_day(day), of_day) for day, of_day in found.items()]


def _row(place: Place, desk: Desk) -> Row:
    return Row(
        place=place,
        clock=words.when(place.free, desk).clock,
        where=words.where(place.free, desk),
        fits=[
            (rows.who(each.who.entry), words.WHY_NOT[each.busy][0] if each.busy else "")
            for each in place.fits[:_MOST_NAMES]
        ],
        more=max(0, len(place.fits) - _MOST_NAMES),
        nobody=words.nobody(place),
        is_near=place.free.start < desk.now + holds.NEAREST,
    )
