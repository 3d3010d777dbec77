"""Connections that are done with, and whose clients have not closed them yet."""

import socket
import threading
import time
from collections import deque
from queue import SimpleQueue

SECONDS = 2.0
LOOKED_AT_EVERY = 0.05
MOST = 512


class Lingering:
    """Waits for clients to close, in a thread of its own, so that nobody else has to.

    A server that closes first, while its client still sends, may destroy the answer under way; so
    gunicorn waits up to two seconds. It does so in the thread that hands out the worker's requests:
    a few clients who do not close would stop everybody.
    """

    def __init__(self) -> None:
        self._arrived: SimpleQueue[socket.socket] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def close(self, connection: socket.socket) -> None:
        """Say that all is said, and close once the client has, or when its time is over."""
        try:
            connection.setblocking(False)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            connection.close()
            return
        if self._thread is None:
            # Not before: a thread does not survive the fork of a worker.
            self._thread = threading.Thread(target=self._wait, name="lingering", daemon=True)
            self._thread.start()
        self._arrived.put(connection)

    def _wait(self) -> None:
        waiting: deque[tuple[float, socket.socket]] = deque()
        while True:
            while not waiting or not self._arrived.empty():
                waiting.append((time.monotonic() + SECONDS, self._arrived.get()))
            time.sleep(LOOKED_AT_EVERY)
            for _ in range(len(waiting)):
                deadline, connection = waiting.popleft()
                if (
                    time.monotonic() > deadline
                    or len(waiting) >= MOST
                    or _closed_by_client(connection)
                ):
                    connection.close()
                else:
                    waiting.append((deadline, connection))


def _closed_by_client(connection: socket.socket) -> bool:
    """Read away what still comes, and say whether nothing more can."""
    try:
        return not connection.recv(65_536)
    except BlockingIOError:
        return False
    except OSError:
        return True
