"""Leases that are short, and renewed while their tasks run: a worker that died holds none for long.

Nothing is written while nothing runs.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from bookings.messages import queue
from bookings.messages.worker import note
from bookings.models import Task

_EVERY = 1.0
"""Seconds after which a lease is renewed."""
_TRUSTED = queue.SHORT_LEASE.total_seconds() - 1.0
"""Seconds after a renewal in which a lease is surely still ours."""


class Lease:
    """The lease of a task that runs in this process."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.renewed = time.monotonic()

    @property
    def is_ours(self) -> bool:
        """Whether no other worker can have the task."""
        return time.monotonic() - self.renewed < _TRUSTED


class Keeper:
    """Renews the leases of this process, in a thread of its own."""

    def __init__(self) -> None:
        self._held: set[Lease] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, task: Task) -> Iterator[Lease]:
        """Renew the lease of a claimed task until its run ends."""
        lease = Lease(task)
        with self._changed:
            self._held.add(lease)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="leases", daemon=True)
                self._thread.start()
        try:
            yield lease
        finally:
            with self._changed:
                self._held.discard(lease)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._held)
            time.sleep(_EVERY / 4)
            with self._changed:
                held = [*self._held]
            now = time.monotonic()
            old = [each for each in held if now - each.renewed > _EVERY]
            try:
                if old:
                    self._renew(old, now)
                elif not held:
                    connection.close()
            except Exception as error:  # the database is away, say: the thread does not end of it
                note(error)

    def _renew(self, held: list[Lease], now: float) -> None:
        ours = queue.renew({each.task.pk: each.task.lease for each in held})
        for each in held:
            if each.task.pk in ours:
                each.renewed = now


KEEPER = Keeper()
