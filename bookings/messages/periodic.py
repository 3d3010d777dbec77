"""Periodic work: tasks that are put off to their next time as soon as they are done.

A worker that comes back after a while does each once, not once for every time it missed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from bookings import walltime
from bookings.messages import pruning, queue, reminders, waiting
from bookings.messages.webhooks import watch
from bookings.models import Queue, Task, TaskKind

WORK: dict[str, tuple[timedelta, Callable[[datetime], None]]] = {
    TaskKind.REMIND: (timedelta(minutes=5), reminders.enqueue),
    TaskKind.PRUNE: (timedelta(days=1), pruning.prune),
    TaskKind.MAKE_OFFERS: (timedelta(seconds=10), waiting.make_offers),
    TaskKind.WATCH_WEBHOOKS: (timedelta(minutes=1), watch.watch),
}
"""How often, and what to call with the time now."""


def ensure() -> None:
    """Save the tasks of periodic work that are not there yet."""
    now = walltime.now()
    there = Task.objects.filter(key__in=WORK).values_list("key", flat=True)
    missing = [
        Task(queue_name=Queue.PERIODIC, kind=kind, key=kind, run_after=now, enqueued_at=now)
        for kind in WORK.keys() - set(there)
    ]
    if missing:
        Task.objects.bulk_create(missing, ignore_conflicts=True)


class PeriodicHandler:
    """Handler of the queue of periodic work."""

    def __init__(self) -> None:
        self._looked = False

    def run(self, task: Task) -> None:
        every, act = WORK[task.kind]
        act(walltime.now())
        queue.put_off(task, walltime.now() + every)

    def rest(self) -> None:
        # Not at the start, when the database may be away.
        if not self._looked:
            ensure()
            self._looked = True
