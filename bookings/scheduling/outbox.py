"""Outbox: which mail a change of visits calls for, as tasks that are saved with the change.

What a mail says is made when it is sent, from what is true then (bookings/messages/).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

from bookings import walltime
from bookings.models import BOOKED, Appointment, AppointmentStatus, Event, Queue, Task, TaskKind
from bookings.representation import time_range


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


def latest(visit: Appointment) -> TaskKind | None:
    """Return what a mail would tell of the visit's last change that is told; None where none is."""
    for _, events in groupby(visit.events.order_by("-id"), key=attrgetter("at")):
        of_one_change = [*events][::-1]
        for event in of_one_change:
            event.appointment = visit
        if (kind := kind_of(of_one_change)) is not None:
            return kind
    return None


def _task(events: list[Event], notice: Notice, now: datetime) -> Task | None:
    visit, kind = events[-1].appointment, kind_of(events)
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


def kind_of(events: list[Event]) -> TaskKind | None:
    """Return what a mail would tell of these changes of one visit; None where nothing."""
    was, status = events[0].from_status, events[-1].to_status
    if status == AppointmentStatus.CANCELLED:
        return TaskKind.CANCELLED if was in BOOKED else None
    if status not in BOOKED:
        return None
    if (was, status) == (AppointmentStatus.RESERVED, AppointmentStatus.BOOKED):
        return TaskKind.TIME_GIVEN
    if was in BOOKED and (was != status or any(_moves(each) for each in events)):
        return TaskKind.MOVED
    # A family with another address than before gets there what it would have got.
    is_new = any("email" in each.changes.get("patient_fields", ()) for each in events)
    return TaskKind(status) if was not in BOOKED or is_new else None


def _moves(event: Event) -> bool:
    """Whether an event takes a visit to another place, or time; with whom does not matter."""
    visit = event.appointment
    if visit is None or "location_id" in event.changes:
        return visit is not None
    if "start_datetime" not in event.changes:
        return False
    was, becomes = (
        each and datetime.fromisoformat(each) for each in event.changes["start_datetime"]
    )
    zone = visit.booking.location.zone
    return visit.exact_time is not None or is_another_part(was, becomes, zone)


def is_another_part(was: datetime | None, becomes: datetime | None, zone: ZoneInfo) -> bool:
    """Whether it is another day or part of the day: all that is said without an exact time."""
    if was is None or becomes is None:
        return was != becomes
    days = {walltime.wall_clock(each, zone).date() for each in (was, becomes)}
    return len(days) > 1 or time_range(was, zone) != time_range(becomes, zone)
