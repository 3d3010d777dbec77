"""The change feed: a practice's events, numbered in the order in which they were committed.

Whoever writes events takes the next numbers from the practice's row in Feed, and that row stays
locked until the transaction ends. So the next number is given only after the one before it is
committed, and a change that was rolled back leaves no gap: who sees number n can see every number
below it, and a reader that asks for what came after n misses nothing, however transactions overlap.

The feed's row is the last lock a change takes. It is held while the commit is written, no longer.
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
# The database counts back from the newest: to read that here would be a trip with the row locked.
_NUMBER = "(SELECT newest - %s FROM bookings_feed WHERE practice_id = %s)"


def write(events: Sequence[Event]) -> Callable[[], None]:
    """Number events of one practice, and save them; in the transaction of the change they tell.

    They know their numbers and keys once what it gives is called, as writes.insert says.
    """
    practice_id, count = events[0].practice_id, len(events)
    with connection.cursor() as cursor:
        cursor.execute(_ADVANCE, [practice_id, count])
    behind = [(count - nth, practice_id) for nth in range(1, count + 1)]
    return writes.insert(events, number=writes.Made(_NUMBER, behind))


def shown_to(partner_id: str, *, practice_id: str, after: int, until: int) -> QuerySet[Event]:
    """Select a practice's events after one number and up to another, in order.

    Events of bookings are everybody's; those of an appointment only its partner's. They say nothing
    of the patient, so a grant that was lost and came back leaves no hole in what a partner follows.
    """
    ours = Q(appointment__isnull=True)
    ours |= Q(appointment__partner_id=partner_id)
    numbers = Q(number__gt=after, number__lte=until)
    return Event.objects.filter(ours, numbers, practice_id=practice_id).order_by("number")
