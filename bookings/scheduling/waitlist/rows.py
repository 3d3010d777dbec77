"""The rows of a waiting list: its lock, and the record of what happened to an entry."""

from datetime import datetime

from django.db.models import QuerySet

from bookings.models import ON_LIST, EntryAct, Event, Feed, Waitlist, WaitlistEntry, WaitlistEvent
from bookings.scheduling.actors import Actor


def lock(practice_id: str) -> Waitlist:
    """Lock a practice's list, which is made if there is none yet.

    After bookings are locked, and before the first of them is saved, which locks the feed.
    """
    rows = Waitlist.objects.select_for_update().filter(practice=practice_id)
    found = rows.first()
    if found is None:
        made = Waitlist(practice_id=practice_id)
        Waitlist.objects.bulk_create([made], ignore_conflicts=True)
        found = rows.get()
    return found


def changed(waitlist: Waitlist, *, is_due: bool = True) -> None:
    """Save that a locked list changed: whose turn it is may be another now.

    is_due: whether somebody fits now who did not, for all that is free; False where somebody left,
    or the order is another, which leaves nobody who fits what is free.
    """
    if not waitlist.is_waiting:  # what happened before the first one joined is no news
        waitlist.seen = newest(waitlist.practice_id)
    waitlist.version += 1
    waitlist.is_waiting = True
    waitlist.is_due = waitlist.is_due or is_due
    waitlist.save()


def newest(practice_id: str) -> int:
    """Return the number of a practice's newest event."""
    return Feed.objects.filter(pk=practice_id).values_list("newest", flat=True).first() or 0


def news(waitlist: Waitlist) -> QuerySet[Event]:
    """Query the events of a practice for which its list was not asked yet."""
    return Event.objects.filter(practice=waitlist.practice_id, number__gt=waitlist.seen)


def of_visits(events: QuerySet[Event]) -> QuerySet[Event]:
    """Keep those of visits that somebody on the list wants earlier: now other times may be."""
    return events.filter(appointment__waitlist_entries__status__in=ON_LIST)


def note(entry: WaitlistEntry, act: EntryAct, by: Actor, now: datetime) -> None:
    """Save who did what to an entry."""
    WaitlistEvent.objects.create(
        entry=entry, act=act, at=now, actor=by.kind, api_key_id=by.api_key_id, user_id=by.user_id
    )
