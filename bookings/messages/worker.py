"""Worker: threads that claim tasks and run them, until the process is told to stop."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from bookings.messages import deliveries, queue
from bookings.models import Outcome, Queue, Task, TaskStatus
from openchair.database import failures

logger = logging.getLogger(__name__)
POLL = 1.0
"""Seconds between two looks at an empty queue."""
_POLLS = {Queue.WEBHOOK: 0.25}
LONGEST_PAUSE = 30.0
"""Seconds between two looks while the database is away."""
GRACE = 20.0
"""Seconds in which what runs is finished after a SIGTERM; what is not is left to its lease."""


class Handler(Protocol):
    """Runs the tasks of one queue in one thread."""

    def run(self, task: Task) -> None:
        """Do a claimed task, and finish it or put it off; what it raises is retried."""

    def rest(self) -> None:
        """Called when nothing is due: give back what is open."""


class WorkersDiedError(Exception):
    """A task was claimed more often than it is tried: its workers died of it."""


class Worker:
    """A process's threads. handlers: of each queue, how to make one for each of its threads."""

    def __init__(self, handlers: Mapping[Queue, tuple[int, Callable[[], Handler]]]) -> None:
        self._stop_requests = SimpleQueue[None]()
        self._stopping = threading.Event()
        # Daemons: a thread that hangs does not keep the process alive.
        self._threads = [
            threading.Thread(
                target=self._work, args=(name, make, turn), name=f"{name} {nth}", daemon=True
            )
            for name, (count, make) in handlers.items()
            for turn in [threading.Lock()]
            for nth in range(count)
        ]

    def run(self) -> None:
        """Work until `stop`, and finish what runs, but for no longer than GRACE."""
        for each in self._threads:
            each.start()
        self._stop_requests.get()
        self._stopping.set()
        end = time.monotonic() + GRACE
        for each in self._threads:
            each.join(max(0.0, end - time.monotonic()))

    def stop(self, *args: object) -> None:
        """Claim no more. It is a signal handler, during which another signal may come."""
        # `put` is reentrant. An Event's `set` is not: the second waits for the lock of the first.
        self._stop_requests.put(None)

    def _work(self, queue_name: Queue, make: Callable[[], Handler], turn: threading.Lock) -> None:
        handler, pause = make(), 0.0
        while (task := self._next(queue_name, handler, turn, pause)) is not None:
            try:
                run_task(handler, task)
            except Exception as error:
                pause = POLL
                note(error)
            else:
                pause = 0.0
        with suppress(Exception):  # whatever is away, this is the end
            handler.rest()
        connection.close()

    def _next(
        self, queue_name: Queue, handler: Handler, turn: threading.Lock, pause: float
    ) -> Task | None:
        """Wait for a task, and claim it; None when the worker is stopped.

        turn: of a queue's threads one looks at a time, and the others rest.
        """
        if not turn.acquire(timeout=POLL):
            with suppress(Exception):
                _rest(handler)
            turn.acquire()
        poll = _POLLS.get(queue_name, POLL)
        try:
            while not self._stopping.wait(pause):
                try:
                    if (task := queue.claim(queue_name)) is not None:
                        return task
                    _rest(handler)
                except Exception as error:  # the database is away, say: no thread ends of it
                    note(error)
                    pause = min(LONGEST_PAUSE, max(POLL, 2 * pause))
                else:
                    pause = poll
            return None
        finally:
            turn.release()


def _rest(handler: Handler) -> None:
    handler.rest()
    close_old_connections()


def note(error: Exception) -> None:
    """Log what a thread goes on after, and close its connection, which may have broken."""
    if isinstance(error, failures.ERRORS):
        failures.note(error)
    else:
        logger.error("The queue cannot be worked off.", exc_info=error)
    connection.close()


def run_task(handler: Handler, task: Task) -> None:
    """Run one task; whatever it raises concerns this one alone."""
    try:
        if queue.is_spent(task):
            raise WorkersDiedError
        handler.run(task)
    except (OperationalError, InterfaceError):
        raise  # of the database, not of the task
    except Exception as error:  # a task of any kind may fail in any way
        # What a server says, or that it is away, is no bug of ours.
        is_outside = isinstance(error, OSError)
        name = type(error).__name__
        trace = None if is_outside else error
        logger.warning("A task failed: %s, %s", task.kind, name, exc_info=trace)
        if not queue.retry(task, name):
            told = deliveries.of(task, Outcome.FAILED)
            queue.finish(task, TaskStatus.FAILED, error=name, records=told)
