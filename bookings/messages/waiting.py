"""Offers of the waiting lists that nobody's look at a practice has made yet."""

from datetime import datetime

from bookings.models import Waitlist
from bookings.scheduling import bookings


def make_offers(now: datetime) -> None:
    """Make what is due in each practice where somebody waits."""
    for waitlist in Waitlist.objects.filter(is_waiting=True, practice__active=True):
        bookings.catch_up(practice_id=waitlist.practice_id, now=now)
