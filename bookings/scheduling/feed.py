"""Change feed: a practice's audit events, numbered without gaps in the order of commits.

A transaction takes its events' numbers from the practice's row in Feed, and that row stays locked
until the transaction ends. So a number is taken only after the one before it is committed, and a
rollback leaves no gap: a reader that sees number n can see every number below it, and one that
queries what came after n misses nothing, however transactions overlap.

Lock order: the feed's row is the last lock a change takes, so it is locked only until the commit.
"""

from collections.abc import Callable, Sequence

from django.db import connection
from django.db.models import Q, QuerySet

from bookings.models import Event
from openchair.database import writes

_ADVANCE = """
    INSERT INTO bookings_feed (practice_id, newest) VALUES (%s, %s)
    ON CONFLICT (practice_id) DO UPDATE SET newest = bookings_feed.newest + excluded.newest
"""
# A subquery of the newest number: reading it here would be a round trip with the row locked.
_NUMBER = "(SELECT newest - %s FROM bookings_feed WHERE practice_id = %s)"


def write(events: Sequence[Event]) -> Callable[[], None]:
    """Number and save events of one practice, in the transaction of the change they record.

    Call what it returns to set their numbers and keys, after the pipeline (see writes.insert).
    """
    practice_id, count = events[0].practice_id, len(events)
    with connection.cursor() as cursor:
        cursor.execute(_ADVANCE, [practice_id, count])
    behind = [(count - nth, practice_id) for nth in range(1, count + 1)]
    return writes.insert(events, number=writes.Made(_NUMBER, behind))


def shown_to(partner_id: str, *, practice_id: str, after: int, until: int) -> QuerySet[Event]:
    """Return a practice's events that a partner may read: `after` < number <= `until`, in order.

    Events of bookings are for every partner, events of an appointment only for its own. They have
    no patient data, so they need no check of a grant: one that was revoked and granted again leaves
    no gap in a partner's sync.
    """
    ours = Q(appointment__isnull=True)
    ours |= Q(appointment__partner_id=partner_id)
    numbers = Q(number__gt=after, number__lte=until)
    return Event.objects.filter(ours, numbers, practice_id=practice_id).order_by("number")
