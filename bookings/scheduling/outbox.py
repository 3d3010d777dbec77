"""Outbox: which mail a change of visits calls for, as tasks that are saved with the change.

What a mail says is made when it is sent, from what is true then (bookings/messages/).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bookings.models import BOOKED, AppointmentStatus, Event, Queue, Task, TaskKind

_WHERE_AND_WHEN = {"start_datetime", "location_id"}


@dataclass(frozen=True)
class Notice:
    """What whoever makes a change has decided about the mail: whether, and with which words."""

    by_mail: bool = True
    words: str = ""


BY_MAIL = Notice()


def tasks(events: Iterable[Event], notice: Notice, now: datetime) -> list[Task]:
    """Return the mail that the events of one change call for: at most one for each visit.

    None where nobody could read it, and none of a visit whose exact time has passed.
    """
    of_visit: dict[str, list[Event]] = {}
    for event in events:
        if event.appointment_id is not None:
            of_visit.setdefault(event.appointment_id, []).append(event)
    found = [_task(each, notice, now) for each in of_visit.values() if notice.by_mail]
    return [task for task in found if task is not None]


def is_in_time(exact: datetime | None, now: datetime) -> bool:
    """Whether a mail about a visit with this exact time does not come too late."""
    return exact is None or exact > now


def _task(events: list[Event], notice: Notice, now: datetime) -> Task | None:
    visit, kind = events[-1].appointment, _kind(events)
    if kind is None or visit is None or visit.email_digest is None:
        return None
    if not is_in_time(visit.exact_time, now):
        return None
    return Task(
        queue_name=Queue.MAIL,
        kind=kind,
        appointment=visit,
        with_words=bool(notice.words),
        run_after=now,
        enqueued_at=now,
    )


def _kind(events: list[Event]) -> TaskKind | None:
    """Return what a mail would tell of these changes of one visit; None where nothing."""
    was, status = events[0].from_status, events[-1].to_status
    changed: set[str] = set()
    for event in events:
        changed.update(event.changes, event.changes.get("patient_fields", ()))
    if status == AppointmentStatus.CANCELLED:
        return TaskKind.CANCELLED if was in BOOKED else None
    if status not in BOOKED:
        return None
    if (was, status) == (AppointmentStatus.RESERVED, AppointmentStatus.BOOKED):
        return TaskKind.TIME_GIVEN
    if was in BOOKED and (was != status or changed & _WHERE_AND_WHEN):
        return TaskKind.MOVED
    # A family with another address than before gets there what it would have got.
    return TaskKind(status) if was not in BOOKED or "email" in changed else None
