"""The rows of a waiting list: its lock, and the record of what happened to an entry."""

from datetime import datetime

from bookings.models import EntryAct, Waitlist, WaitlistEntry, WaitlistEvent
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


def changed(waitlist: Waitlist) -> None:
    """Save that a locked list changed: whoever fits may be another now, for all that is free."""
    waitlist.version += 1
    waitlist.is_waiting = waitlist.is_due = True
    waitlist.save()


def note(entry: WaitlistEntry, act: EntryAct, by: Actor, now: datetime) -> None:
    """Save who did what to an entry."""
    WaitlistEvent.objects.create(
        entry=entry, act=act, at=now, actor=by.kind, api_key_id=by.api_key_id, user_id=by.user_id
    )
