"""A link to the page that names an opening, `/book/<practice>?opening=<id>`, as search sites have.

Whoever follows it says who is coming and then holds that very time, or, where that is gone, chooses
one of the nearest.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from bookings import walltime
from bookings.booking_page import holding, words
from bookings.booking_page.criteria import criteria_of
from bookings.booking_page.page import Page
from bookings.models import Booking
from bookings.scheduling import availability
from practices.ids import is_id

PARAMETER = "opening"


def url(practice_id: str, opening_id: str) -> str:
    """Return the link's absolute URL."""
    query = urlencode({PARAMETER: opening_id})
    return f"{settings.PUBLIC_URL}{reverse('book', args=[practice_id])}?{query}"


@dataclass(frozen=True)
class Named:
    """What the first page says of the opening."""

    when: str
    zone: str
    where: str
    """With whom, too, where there are several."""
    is_free: bool


def named(page: Page) -> Named | None:
    """Return what is said of the opening in the state; None if none is, or if it has no time."""
    opening = of(page)
    if opening is None or opening.start_datetime is None:
        return None
    location = opening.location
    where = [location.name, *([opening.doctor.name] if len(page.doctors) > 1 else [])]
    return Named(
        words.opening_time(opening.start_datetime, location, page.practice.kind),
        words.zone_name(location.zone),
        " · ".join(where),
        availability.beginning_with(page.practice, criteria_of(page), opening) is not None,
    )


def of(page: Page) -> Booking | None:
    """Return the opening in the state, if there is one and it is this practice's."""
    if not is_id(page.state.opening):
        return None
    rows = Booking.objects.select_related("location", "doctor")
    return rows.filter(pk=page.state.opening, practice=page.practice).first()


def hold(page: Page, opening: Booking) -> HttpResponse:
    """Hold places for everybody, the first in this opening. Raises what `holding.hold` does."""
    option = availability.beginning_with(page.practice, criteria_of(page), opening)
    if option is None:
        raise holding.Gone
    held = holding.hold(page, option)
    day = walltime.wall_clock(option.begins, opening.location.zone).date()
    said: dict[str, Any] = {"held": tuple(held), "day": day, "opening": None}
    return page.go("book_details", page.state.but(**said))
