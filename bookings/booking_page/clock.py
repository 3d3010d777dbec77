"""Until when places are kept: told on steps 5 and 6, and counted down by book.js."""

from collections.abc import Sequence
from math import ceil
from typing import Any

from bookings.booking_page import words
from bookings.booking_page.page import Page
from bookings.models import Appointment


def of(visit: Sequence[Appointment], page: Page) -> dict[str, Any]:
    """Return the context of templates/book/kept.html.

    seconds: that are left, 0 once the hold has ended; until: the time of its end at the location.
    """
    ends = [each.pending_until for each in visit if each.pending_until is not None]
    if len(ends) < len(visit) or min(ends) <= page.now:
        return {"seconds": 0, "until": ""}
    until = min(ends)
    return {
        "seconds": ceil((until - page.now).total_seconds()),
        "until": words.clock(until, visit[0].booking.location.zone),
    }
