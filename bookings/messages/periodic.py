"""Periodic work: tasks that are put off to their next time as soon as they are done.

A worker that comes back after a while does each once, not once for every time it missed.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError

from bookings import walltime
from bookings.messages import pruning, queue, reminders
from bookings.models import Queue, Task, TaskKind

logger = logging.getLogger(__name__)
WORK: dict[str, tuple[timedelta, Callable[[datetime], None]]] = {
    TaskKind.REMIND: (timedelta(minutes=5), reminders.enqueue),
    TaskKind.PRUNE: (timedelta(days=1), pruning.prune),
}
"""How often, and what to call with the time now."""


def ensure() -> None:
    """Save the tasks of periodic work that are not there yet."""
    now = walltime.now()
    Task.objects.bulk_create(
        [
            Task(queue_name=Queue.PERIODIC, kind=kind, key=kind, run_after=now, enqueued_at=now)
            for kind in WORK
        ],
        ignore_conflicts=True,
    )


class PeriodicHandler:
    """Handler of the queue of periodic work."""

    def run(self, task: Task) -> None:
        every, act = WORK[task.kind]
        try:
            act(walltime.now())
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # it is tried again at its next time
            logger.warning("Periodic work failed: %s", task.kind, exc_info=error)
        queue.put_off(task, walltime.now() + every)

    def rest(self) -> None:
        pass
