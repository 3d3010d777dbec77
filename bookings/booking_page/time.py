"""Step 4, time: the times of a day, or its parts in a range practice; sending it holds places."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from bookings import walltime
from bookings.booking_page import holding, words
from bookings.booking_page.criteria import criteria_of
from bookings.booking_page.outcomes import answer_refusals
from bookings.booking_page.page import Page, show, step
from bookings.models import Booking
from bookings.scheduling import availability
from bookings.scheduling.availability import Option


@dataclass(frozen=True)
class Choice:
    """A time to choose, in a patient's words."""

    value: str
    label: str
    hints: list[str]
    """Where, with whom, and who comes when, as far as that is not said already."""


@step
@answer_refusals
def time(request: HttpRequest, page: Page) -> HttpResponse:
    day = page.state.day
    if day is None:
        return page.go("book_day")
    options = availability.of_day(page.practice, criteria_of(page), day)
    mistakes = []
    if request.method == "POST":
        wanted = request.POST.get("time")
        if wanted:
            chosen = [each for each in options if value_of(each) == wanted]
            if not chosen:
                raise holding.Gone
            held = holding.hold(page, chosen[0])
            return page.go("book_details", page.state.but(held=tuple(held)))
        mistakes.append(("time_0", _("Choose a time")))
    context = {
        "day": words.day(day),
        "groups": groups(page, options),
        "zones": _zones(options),
        "mistakes": mistakes,
        "back": page.url("book_day"),
    }
    return show(request, page, "time.html", context, 400 if mistakes else 200)


def value_of(option: Option) -> str:
    """Return what names an option in a form."""
    return ".".join(each.pk for each in option.places)


def groups(page: Page, options: Iterable[Option]) -> list[tuple[str, list[Choice]]]:
    """Return choices under the name of the part of the day, in order."""
    found: dict[str, list[Choice]] = defaultdict(list)
    for each in options:
        found[_group(page, each)].append(choice(page, each))
    return [*found.items()]


def choice(page: Page, option: Option) -> Choice:
    """Say when, and as hints where, with whom, and who comes when."""
    first, is_range = option.places[0], page.practice.range_bookings
    doctors = [*dict.fromkeys(each.doctor.name for each in option.places)]
    where = []
    if len(page.doctors) > 1 and not is_range and len(doctors) == 1:
        where += doctors
    if len(page.locations) > 1 and page.state.location_id not in {at.pk for at in page.locations}:
        where.append(first.location.name)
        if len({words.zone_name(each.zone) for each in page.locations}) > 1:
            where.append(words.zone_name(first.location.zone))
    hints = [" · ".join(where)] if where else []
    if is_range:
        return Choice(value_of(option), words.part(_start(first), first.location.zone), hints)
    clocks = [*dict.fromkeys(_clock(each) for each in option.places)]
    if len(clocks) > 1 or len(doctors) > 1:
        for name, place in zip(page.state.names, option.places, strict=True):
            whom = [place.doctor.name] if len(doctors) > 1 else []
            hints.append(" · ".join([name, _clock(place), *whom]))
    elif len(option.places) > 1:
        hints.append(_("All at the same time"))
    return Choice(value_of(option), ", ".join(clocks), hints)


def _group(page: Page, option: Option) -> str:
    if page.practice.range_bookings:
        return ""
    hour = walltime.wall_clock(_start(option.places[0]), option.places[0].location.zone).hour
    return _("Morning") if hour < 12 else _("Afternoon")


def _zones(options: Iterable[Option]) -> list[str]:
    return [*dict.fromkeys(words.zone_name(each.places[0].location.zone) for each in options)]


def _clock(place: Booking) -> str:
    return words.clock(_start(place), place.location.zone)


def _start(place: Booking) -> datetime:
    assert place.start_datetime is not None  # what is free has a time
    return place.start_datetime
