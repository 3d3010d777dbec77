"""A practice's rules for what patients are offered: where, with whom, how soon, how far ahead.

The booking page follows them, and so does the public list (bookings/smart).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from practices.models import BookingPage, Doctor, Location, Practice


def locations(practice: Practice, settings: BookingPage) -> list[Location]:
    """Return the locations that are shown, by name."""
    every = list(practice.locations.all())
    shown = {each.pk for each in settings.locations.all()}
    return [each for each in every if not shown or each.pk in shown]


def doctors(
    practice: Practice, settings: BookingPage, shown_locations: Iterable[Location]
) -> list[Doctor]:
    """Return the doctors that are shown, by name, who work at a location that is."""
    every = list(practice.doctors.prefetch_related("locations"))
    shown = {each.pk for each in settings.doctors.all()}
    here = {each.pk for each in shown_locations}
    return [
        each
        for each in every
        if (not shown or each.pk in shown) and here & {at.pk for at in each.locations.all()}
    ]


def lead(settings: BookingPage) -> timedelta:
    """Return how long before it begins an opening is no longer shown."""
    return max(timedelta(hours=settings.notice_hours), timedelta(milliseconds=1))


def horizon(settings: BookingPage) -> timedelta:
    """Return how long before it begins an opening is shown first."""
    return timedelta(days=settings.horizon_days)


def window(settings: BookingPage, now: datetime) -> tuple[datetime, datetime]:
    """Return when openings that are shown begin at the earliest, and at the latest."""
    return now + lead(settings), now + horizon(settings)
