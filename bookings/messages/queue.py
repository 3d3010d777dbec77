"""Queue of tasks: claim, finish, put off, retry (contract, section 7).

A claim is one conditional UPDATE, which raises the task's lease number: of several workers that
read the same row one gets it. Whatever is written about a task later carries that number, so a
worker that was given up for dead changes nothing. An expired lease is claimed like any other row:
nothing depends on a heartbeat. Of an endpoint the lease is short, and renewed (leases.py).

An endpoint of a partner has one task that is never done; it is due while there is work for it.
"""

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    Min,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce, Now

from bookings import walltime
from bookings.messages.webhooks import work
from bookings.models import Delivery, Outcome, Queue, Task, TaskStatus

LEASE = timedelta(minutes=5)
"""Longer than any task takes; a task whose worker died is done by another after it."""
SHORT_LEASE = timedelta(seconds=4)
"""Of an endpoint: it is not told of anything until the lease of a worker that died is over."""
LATE = timedelta(minutes=10)
"""Longer than any task that is due waits where a worker runs."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
OF_A_PARTNER = 2
"""Its endpoints that are called at once from a queue: were all that hang one partner's, and each
kept a thread for a call, nobody else would be told anything."""
_AT_ONCE = 10
_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_OF_MAIL = (
    *(_MINUTE, 5 * _MINUTE, 30 * _MINUTE),
    *(2 * _HOUR, 6 * _HOUR, 12 * _HOUR, 24 * _HOUR),
)
RETRIES: dict[str, tuple[timedelta, ...]] = {
    # A person looks at the page and waits, while the place is held.
    Queue.CODE: (5 * _SECOND, 10 * _SECOND, 20 * _SECOND, 40 * _SECOND, _MINUTE, _MINUTE),
    Queue.MAIL: _OF_MAIL,
    Queue.REMINDER: _OF_MAIL,
    Queue.PERIODIC: (_MINUTE, 5 * _MINUTE, 30 * _MINUTE),
    # What a receiver does is no failure of the task (webhooks/deliveries.py).
    Queue.WEBHOOK: (5 * _SECOND, _MINUTE),
    Queue.SLOW: (5 * _SECOND, _MINUTE),
}
"""How long after each failed attempt the next one follows; after the last the task has failed."""
OF_WEBHOOKS = frozenset({Queue.WEBHOOK, Queue.SLOW})
ENDLESS = frozenset({Queue.PERIODIC, *OF_WEBHOOKS})
"""Tasks that are never done, and tried for ever."""
_JITTER = 0.1


def due(queue_name: str, now: datetime) -> QuerySet[Task]:
    """Return the tasks that have come due, those that a worker is at included."""
    tasks = _come(queue_name, now)
    return tasks.filter(work.is_there(now)) if queue_name in OF_WEBHOOKS else tasks


def _come(queue_name: str, now: datetime) -> QuerySet[Task]:
    """Return the tasks whose time has come, be there work for them or not."""
    return Task.objects.filter(queue_name=queue_name, finished_at__isnull=True, run_after__lte=now)


def waiting_since(queue_name: str = Queue.MAIL) -> datetime | None:
    """Return since when the task that has been due longest waits, in UTC; None where none does."""
    now = walltime.now()
    waiting = due(queue_name, now)
    if queue_name in OF_WEBHOOKS:
        return work.waiting_since(waiting, now)
    return waiting.order_by("run_after").values_list("run_after", flat=True).first()


def stuck_since(now: datetime) -> datetime | None:
    """Return since when all mail has been waiting, due or tried in vain, in UTC; None if it is not.

    It is not as long as some is sent: one address that is refused for now holds up no other.
    """
    ours = Task.objects.filter(queue_name__in=(Queue.MAIL, Queue.REMINDER, Queue.CODE))
    sent = Delivery.objects.filter(
        appointment=OuterRef("appointment"), kind=OuterRef("kind"), outcome=Outcome.SENT
    )
    last = ours.filter(Exists(sent), finished_at__isnull=False).order_by("-finished_at")
    last_sent = Coalesce(Subquery(last.values("finished_at")[:1]), _LONG_AGO)
    since = Case(When(attempts=0, then=F("run_after")), default=F("enqueued_at"))
    waiting = ours.filter(finished_at__isnull=True).annotate(since=since)
    stuck = waiting.filter(since__gt=last_sent, since__lte=now - LATE)
    found: datetime | None = stuck.aggregate(least=Min("since"))["least"]
    return found


def claim(queue_name: str) -> Task | None:
    """Claim the task that has been due longest; None where there is none to claim.

    Of one appointment only one task is claimed at a time. Nothing is written where nothing is due.
    """
    now, is_free = walltime.now(), _free(queue_name)
    lease_until = Now() + (SHORT_LEASE if queue_name in OF_WEBHOOKS else LEASE)
    rows = due(queue_name, now).filter(is_free).order_by("run_after", "id")
    if queue_name in OF_WEBHOOKS:
        # Not asked again below, where there can be no join: a third one for a moment does no harm.
        rows = _with_a_turn(rows, queue_name)
    free = _come(queue_name, now).filter(is_free)
    for pk, lease in list(rows.values_list("pk", "lease")[:_AT_ONCE]):
        claimed = free.filter(pk=pk, lease=lease).update(
            lease=lease + 1, lease_until=lease_until, attempts=F("attempts") + 1
        )
        if claimed:
            return Task.objects.filter(pk=pk, lease=lease + 1).first()
    return None


def _with_a_turn(tasks: QuerySet[Task], queue_name: str) -> QuerySet[Task]:
    """Filter tasks to those of partners of which fewer than OF_A_PARTNER are being done."""
    at_work = Task.objects.filter(queue_name=queue_name, lease_until__gt=Now())
    by_partner = at_work.values("webhook__partner").annotate(count=Count("pk"))
    busy = by_partner.filter(count__gte=OF_A_PARTNER).values("webhook__partner")
    return tasks.exclude(webhook__partner__in=busy)


def take_over(pk: int) -> Task | None:
    """Claim a task for an operator, whoever is at it, also one that failed; None if it is done."""
    not_done = Task.objects.filter(pk=pk).exclude(status=TaskStatus.SUCCESSFUL)
    with transaction.atomic():
        taken = not_done.update(
            status=TaskStatus.READY,
            finished_at=None,
            lease=F("lease") + 1,
            lease_until=Now() + LEASE,
        )
        return Task.objects.get(pk=pk) if taken else None


def _free(queue_name: str) -> Q:
    """Filter tasks to those that no worker is at, nor at another one of their appointment.

    Two workers may each claim a task of one appointment in the same instant, as neither sees the
    other's claim before it is committed. Then whoever has the older one sees, when it looks again,
    that there is a newer one (mail/sending.py).
    """
    is_free = Q(lease_until__isnull=True) | Q(lease_until__lte=Now())
    if queue_name in OF_WEBHOOKS:
        return is_free
    others = Task.objects.filter(appointment=OuterRef("appointment"), lease_until__gt=Now())
    return Q(~Exists(others.exclude(pk=OuterRef("pk")))) & is_free


def finish(
    task: Task,
    status: str = TaskStatus.SUCCESSFUL,
    *,
    records: Iterable[Model] = (),
    error: str = "",
) -> bool:
    """End a claimed task, and save new rows in the same act; return False where it is another's."""
    with transaction.atomic():
        is_ours = _change(
            task, status=status, finished_at=walltime.now(), lease_until=None, error=error
        )
        if is_ours:
            for each in records:
                each.save(force_insert=True)
    return is_ours


def put_off(task: Task, until: datetime, *, queue_name: str = "") -> bool:
    """Give a claimed task back, to be done at that time (UTC) as if for the first time.

    queue_name: the queue that it goes to; empty for its own.
    """
    moved = {"queue_name": queue_name} if queue_name else {}
    return _change(task, run_after=until, lease_until=None, attempts=0, error="", **moved)


def renew(held: Mapping[int, int]) -> set[int]:
    """Renew the short leases with these numbers; return the ids of the tasks still ours."""
    ours = Q()
    for pk, lease in held.items():
        ours |= Q(pk=pk, lease=lease)
    # Not one that was given back meanwhile: nobody could claim it for as long as the lease.
    rows = Task.objects.filter(ours, lease_until__isnull=False)
    if rows.update(lease_until=Now() + SHORT_LEASE) == len(held):
        return {*held}
    return {*rows.values_list("pk", flat=True)}


def retry(task: Task, error: str) -> bool:
    """Give a claimed task back for another attempt; return False where that was the last one.

    What is endless is tried for ever. error: the class of what was raised.
    """
    waits, nth = RETRIES[task.queue_name], task.attempts
    if nth > len(waits) and task.queue_name not in ENDLESS:
        return False
    wait = waits[min(nth, len(waits)) - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # no secret
    anew = {"attempts": 0} if nth > len(waits) else {}
    _change(task, run_after=walltime.now() + wait, lease_until=None, error=error, **anew)
    return True


def is_spent(task: Task) -> bool:
    """Whether a claimed task has been claimed once more than it is tried."""
    if task.queue_name in OF_WEBHOOKS:
        return False
    return task.attempts > len(RETRIES[task.queue_name]) + 1


def _change(task: Task, **values: object) -> bool:
    """Write to a claimed task; return False where its lease is another's by now."""
    ours = Task.objects.filter(pk=task.pk, lease=task.lease, finished_at=None)
    return bool(ours.update(**values))
