"""What became free is for the family whose turn it is, until the list has been asked.

Whoever reads a practice has it offered first (settling.py). Between that and a claim something may
become free: then the claim is refused where somebody fits, as it would be a moment later.
"""

from datetime import datetime, timedelta

from bookings import walltime
from bookings.models import Status, Waitlist
from bookings.scheduling.actors import CLOCK
from bookings.scheduling.locked_booking import LockedBooking
from bookings.scheduling.waitlist import matching, rows

_A_DAY = timedelta(days=1)


def goes_before(locked: LockedBooking) -> bool:
    """Whether the last free place of a locked booking is for somebody who waits, not for `by`."""
    booking, practice = locked.booking, locked.booking.practice
    known: Waitlist | None = getattr(practice, "waitlist", None)
    if known is None or not (known.is_waiting and practice.active) or locked.by == CLOCK:
        return False
    # A place that was given up in the same change is for whoever gave it up.
    if booking.free_places > locked.was_free + locked.lapsed:
        return False
    begins = booking.start_datetime
    assert begins is not None  # it has a free place
    if not (locked.lapsed or _may_be_due(practice.pk, begins)):
        return False
    day = walltime.wall_clock(begins, booking.location.zone).date()
    own = {booking.pk: booking.free_places - locked.was_free}
    days = matching.free_days(practice, locked.now, first=day, last=day, own=own)
    openings = matching.Openings(practice, days)
    if not openings.has(booking.pk):
        return False  # too near to be offered
    for who in matching.in_turn(practice, locked.now):
        option = next(openings.options(who), None)
        if option is not None:
            openings.take(option)
    return not openings.has(booking.pk)


def _may_be_due(practice_id: str, begins: datetime) -> bool:
    """Whether the list has not been asked since something changed near this time, or of a visit.

    Near it, since for a family a place that became free beside it counts as well.
    """
    waitlist = Waitlist.objects.get(practice=practice_id)
    if waitlist.is_due:
        return True
    around = (begins - _A_DAY, begins + _A_DAY)
    news = rows.news(waitlist)
    # What was only taken is no news: else each claim after another would read the whole list.
    freed = news.filter(booking__start_datetime__range=around, booking__status=Status.OPEN)
    return freed.exists() or rows.of_visits(news).exists()
