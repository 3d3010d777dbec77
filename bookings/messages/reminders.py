"""Reminders: who is told once more of a visit, 3 days and 1 day before it, at a civil hour.

Nothing is planned ahead: what is due is found every few minutes among the visits as they are, so
whoever moves or cancels one has nothing to undo. A kind is due from its day before the visit, at
the visit's time of day, until the next kind is or the visit begins. So no two are due at once, and
after a while without a worker only the one nearest the visit goes out.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bookings import walltime
from bookings.models import (
    Appointment,
    AppointmentStatus,
    DropReason,
    Event,
    Queue,
    Task,
    TaskKind,
)
from bookings.patients import reminder_opt_outs
from bookings.scheduling import daylight, outbox
from practices.models import Kind, Location, MailSettings, Practice

DAYS = {TaskKind.REMINDER_3_DAYS: 3, TaskKind.REMINDER_1_DAY: 1}
"""How many days before the visit each kind is due, by the location's clock."""
QUIET = timedelta(hours=24)
"""For how long before a kind is due the visit must have been as it is: else it was just told of."""
_AHEAD = timedelta(days=max(DAYS.values()), hours=3)
"""How far ahead to look: clocks may go forward meanwhile."""
_AT_ONCE = 500


class Due(NamedTuple):
    """A reminder that is due. as_it_is_since: when the visit must have been as it is, at latest."""

    visit_id: str
    kind: TaskKind
    key: str
    as_it_is_since: datetime


def due_at(start: datetime, kind: TaskKind, zone: ZoneInfo) -> datetime:
    """Return when a kind is due, in UTC: days before, at the same time of the location's day."""
    wall = walltime.wall_clock(start, zone)
    return walltime.occurrence(wall.date() - timedelta(days=DAYS[kind]), wall.time(), zone)


def kind_due(start: datetime, now: datetime, zone: ZoneInfo) -> TaskKind | None:
    """Return the kind that is due now of a visit at this time: the nearest one to the visit."""
    if start <= now:
        return None
    return next((kind for kind in reversed(DAYS) if due_at(start, kind, zone) <= now), None)


def wanted(practice: Practice, *, is_confirmed: bool) -> list[TaskKind]:
    """Return the kinds that a practice has on; of them the last for who has confirmed."""
    settings = MailSettings.of(practice)
    on = [kind for kind in DAYS if getattr(settings, kind)]
    return on[-1:] if is_confirmed else on


def key(visit_id: str, start: datetime, kind: TaskKind) -> str:
    """Return the task's key: of one visit at one time a kind is sent once."""
    return f"reminder:{visit_id}:{start.astimezone(UTC).isoformat()}:{DAYS[kind]}"


def why_not(task: Task, visit: Appointment, now: datetime) -> DropReason | None:
    """Return why a reminder is not sent any more, of a visit that is booked and to come."""
    start, kind = visit.exact_time, TaskKind(task.kind)
    if start is None or task.key != key(visit.pk, start, kind):
        return DropReason.OVERTAKEN
    practice, zone = visit.booking.practice, visit.booking.location.zone
    if kind not in wanted(practice, is_confirmed=False):
        return DropReason.TURNED_OFF
    if reminder_opt_outs.of(visit).exists():
        return DropReason.UNSUBSCRIBED
    if kind not in wanted(practice, is_confirmed=visit.confirmed_at is not None):
        return DropReason.OVERTAKEN
    due = Due(visit.pk, kind, task.key, due_at(start, kind, zone) - QUIET)
    if kind_due(start, now, zone) != kind or _just_told([due]):
        return DropReason.OVERTAKEN
    return DropReason.TOO_LATE if daylight.first(now, zone) >= start else None


def enqueue(now: datetime) -> None:
    """Save a task for each reminder that is due and that has none yet."""
    rows = Location.objects.filter(practice__active=True).select_related("practice__mail_settings")
    offices = {
        each.pk: each
        for each in rows
        if daylight.first(now, each.zone) == now and wanted(each.practice, is_confirmed=False)
    }
    for batch in _batches([*_due(offices, now)]):
        known = {*Task.objects.filter(key__in=[each.key for each in batch]).values_list("key")}
        _save([each for each in batch if (each.key,) not in known], now)


def _due(offices: dict[str, Location], now: datetime) -> Iterator[Due]:
    """Find the reminders that are due by the visits' times, saved or not."""
    for visit_id, location_id, start, created_at, confirmed_at in _to_come(offices, now):
        office = offices.get(location_id)
        kind = None if office is None else kind_due(start, now, office.zone)
        if office is None or kind is None:
            continue
        since = due_at(start, kind, office.zone) - QUIET
        is_wanted = kind in wanted(office.practice, is_confirmed=confirmed_at is not None)
        if is_wanted and created_at <= since:
            yield Due(visit_id, kind, key(visit_id, start, kind), since)


def _to_come(offices: dict[str, Location], now: datetime) -> Iterator[tuple[Any, ...]]:
    """Read the booked visits of the next days that have an exact time and an e-mail address."""
    rows = Appointment.objects.filter(
        status=AppointmentStatus.BOOKED, email_digest__isnull=False
    ).order_by()
    soon = (now, now + _AHEAD)
    exact = [each.pk for each in offices.values() if each.practice.kind == Kind.EXACT]
    for batch in _batches(exact):
        of_exact = rows.filter(booking__location__in=batch, booking__start_datetime__range=soon)
        yield from _columns(of_exact, "booking__start_datetime")
    if len(exact) < len(offices):
        # By time alone, as exact times of a visit's own have an index by time alone.
        yield from _columns(rows.filter(start_datetime__range=soon), "start_datetime")


def _columns(rows: Any, start: str) -> list[tuple[Any, ...]]:
    return list(rows.values_list("pk", "booking__location_id", start, "created_at", "confirmed_at"))


def _batches(every: Sequence[Any]) -> Iterator[Any]:
    return (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE))


def _save(found: list[Due], now: datetime) -> None:
    just_told = _just_told(found)
    found = [each for each in found if each.visit_id not in just_told]
    visits = Appointment.objects.filter(pk__in=[each.visit_id for each in found])
    opted_out = reminder_opt_outs.among(visits)
    Task.objects.bulk_create(
        [
            Task(
                queue_name=Queue.REMINDER,
                kind=each.kind,
                key=each.key,
                appointment_id=each.visit_id,
                run_after=now,
                enqueued_at=now,
            )
            for each in found
            if each.visit_id not in opted_out
        ],
        ignore_conflicts=True,
    )


def _just_told(found: Iterable[Due]) -> set[str]:
    """Return the ids of visits that were booked, or given their time or place, too short before.

    These are the changes that a mail tells of, whether or not the office had one sent.
    """
    since = {each.visit_id: each.as_it_is_since for each in found}
    if not since:
        return set()
    events = Event.objects.filter(appointment__in=since, at__gt=min(since.values()))
    return {
        event.appointment_id
        for event in events.select_related(
            "appointment__booking__practice", "appointment__booking__location"
        )
        if event.appointment_id is not None
        and event.at > since[event.appointment_id]
        and outbox.kind_of([event]) not in {None, TaskKind.CANCELLED}
    }
