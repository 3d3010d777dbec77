"""gunicorn's worker with threads, with a clock on its queue (openchair/overload.py)."""

import threading
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class _Waited(threading.local):
    """How many seconds the request that this thread answers has waited for it."""

    seconds = 0.0


waited = _Waited()


class Worker(ThreadWorker):
    """Knows how long a request has waited for a thread."""

    def enqueue_req(self, conn: Any) -> None:
        """Queue what a connection has to say, and note when."""
        conn.queued_at = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer it, in a thread that has become free."""
        waited.seconds = time.monotonic() - conn.queued_at
        return super().handle(conn)
