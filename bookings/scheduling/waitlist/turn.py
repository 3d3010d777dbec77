"""What became free is for the family whose turn it is, until the list has been asked.

Whoever reads a practice has it offered first (settling.py). Between that and a claim something may
become free: then the claim is refused where somebody fits, as it would be a moment later.
"""

from bookings import walltime
from bookings.models import Event, Waitlist
from bookings.scheduling.actors import CLOCK
from bookings.scheduling.locked_booking import LockedBooking
from bookings.scheduling.waitlist import matching


def goes_before(locked: LockedBooking) -> bool:
    """Whether the last free place of a locked booking is for somebody who waits, not for `by`."""
    booking, practice = locked.booking, locked.booking.practice
    known: Waitlist | None = getattr(practice, "waitlist", None)
    if known is None or not known.is_waiting or locked.by == CLOCK:
        return False
    # A place that was given up in the same change is for whoever gave it up.
    if booking.free_places > locked.was_free + locked.lapsed:
        return False
    if not (locked.lapsed or _may_be_due(booking.pk, practice.pk)):
        return False
    begins = booking.start_datetime
    assert begins is not None  # it has a free place
    day = walltime.wall_clock(begins, booking.location.zone).date()
    own = {booking.pk: booking.free_places - locked.was_free}
    days = matching.free_days(practice, locked.now, first=day, last=day, own=own)
    wanted = 0
    for who in matching.in_turn(practice, locked.now):
        options = matching.options(who, practice, days)
        wanted += max((sum(each.pk == booking.pk for each in one) for one in options), default=0)
    return wanted >= booking.free_places


def _may_be_due(booking_id: str, practice_id: str) -> bool:
    """Whether the list has not been asked since the booking's last change."""
    waitlist = Waitlist.objects.get(practice=practice_id)
    news = Event.objects.filter(booking=booking_id, number__gt=waitlist.seen)
    return waitlist.is_due or news.exists()
