"""Change feed: a practice's audit events, numbered without gaps in the order of commits.

A transaction takes its events' numbers from the practice's row in Feed, and that row stays locked
until the transaction ends. So a number is taken only after the one before it is committed, and a
rollback leaves no gap: a reader that sees number n can see every number below it, and one that
queries what came after n misses nothing, however transactions overlap.

Lock order: a change has locked its booking and, for a hold, its partner, before the statement that
locks the feed's row and writes everything. So the row is locked only until the commit.
"""

from collections.abc import Callable, Sequence
from functools import partial

from django.core import signing
from django.db import connection
from django.db.models import Exists, Q, QuerySet

from bookings.models import Event
from openchair.database import writes
from practices.models import OwnSystem, Partner

_SALT = "openchair.feed"
_ADVANCE = """
    INSERT INTO bookings_feed (practice_id, newest) VALUES (%s, %s)
    ON CONFLICT (practice_id) DO UPDATE SET newest = bookings_feed.newest + excluded.newest
    RETURNING practice_id, newest
"""
_NUMBER = {
    "postgresql": "(SELECT newest - %s FROM feed WHERE practice_id = %s)",  # what _ADVANCE returns
    "sqlite": "(SELECT newest - %s FROM bookings_feed WHERE practice_id = %s)",
}


def write(events: Sequence[Event], **changes: writes.Statement) -> Callable[[], None]:
    """Run the statements of a change, number its events of one practice, and save these.

    Call what it returns to set the events' numbers and keys, after the pipeline (see writes.run).
    """
    practice_id, count = events[0].practice_id, len(events)
    behind = [(count - nth, practice_id) for nth in range(1, count + 1)]
    cursor = writes.run(
        **changes,
        feed=writes.Statement(_ADVANCE, [practice_id, count]),
        events=writes.insert(events, number=writes.Made(_NUMBER[connection.vendor], behind)),
    )
    return partial(writes.read_back, cursor, events, "number")


def cursor(practice_id: str, number: int) -> str:
    """Return the feed's position behind this event, as a signed text, which grants nothing."""
    return signing.Signer(salt=_SALT).sign_object([practice_id, number])


def position(text: str) -> tuple[str, int]:
    """Return the practice and the number in a cursor. Raises signing.BadSignature."""
    practice_id, number = signing.Signer(salt=_SALT).unsign_object(text)
    return practice_id, number


def shown_to(
    partner_id: str, *, practice_id: str, after: int, until: int | None = None
) -> QuerySet[Event]:
    """Return a practice's events that a partner may read: `after` < number <= `until`, in order.

    until: the newest of all if there is none.

    Events of bookings are for every partner, events of an appointment for its own, and if the
    practice is granted for the practice's own system, and for the one that is its source: anybody
    can name a source. The others have no patient data, so they need no check of a grant: one that
    was revoked and granted again leaves no gap in a partner's sync.
    """
    ours = Q(appointment__isnull=True)
    ours |= Q(appointment__partner_id=partner_id)
    grants = Q(all_practices=True) | Q(practices=practice_id)
    is_granted = Exists(Partner.objects.filter(grants, pk=partner_id))
    is_its_system = Exists(OwnSystem.objects.filter(practice=practice_id, partner=partner_id))
    ours |= Q(is_granted, Q(appointment__source=partner_id) | Q(is_its_system))
    numbers = Q(number__gt=after)
    if until is not None:
        numbers &= Q(number__lte=until)
    return Event.objects.filter(ours, numbers, practice_id=practice_id).order_by("number")
