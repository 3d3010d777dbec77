"""gunicorn's worker with threads, which answers at once what needs none (docs/performance.md).

A request to the API that has arrived whole is answered by the thread that takes connections in, one
after the other: threads that take turns cost a read a quarter more, and a change twice as much.
What can be held up is left to threads: by a client (requests that come in pieces, answers that are
read slowly), or by its own work (pages). A change that waits for a lock holds up its worker for no
longer than PATIENCE, and who comes meanwhile is taken in by another one.
"""

import re
import socket
import struct
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

AT_A_TIME = 16
"""How many connections are taken in before the worker looks at what else it has to do."""
GLANCE = 0.002
"""Seconds for which a connection just made may have said nothing yet."""
LOOKED_AT = 16_384
"""Bytes: a request that is longer goes to a thread, whole or not."""
_TO_API = re.compile(rb"[A-Z]+ /(?:online)?scheduling/")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,9})(?=\r)", re.IGNORECASE)
# Of whose body it is not said how long it is, or who waits to be told to send it.
_UNCLEAR = re.compile(
    rb"\r\n(?:transfer-encoding|expect|content-length *:(?! *\d{1,9}\r))", re.IGNORECASE
)


class _Waited(threading.local):
    """How many seconds the request that this thread answers has waited for it."""

    seconds = 0.0


waited = _Waited()


class _Unsent:
    """A client's socket that never waits: what it does not take at once is kept."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.kept: list[memoryview] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def sendall(self, data: bytes) -> None:
        """Send what can be sent, and keep the rest."""
        rest = memoryview(data)
        if not self.kept:
            with suppress(BlockingIOError):
                rest = rest[self.client.send(data, socket.MSG_DONTWAIT) :]
        if rest:
            self.kept.append(rest)


class Worker(ThreadWorker):
    """Answers whole requests to the API at once, and knows how long a request has waited."""

    def accept(self, listener: Any) -> None:
        """Take in some connections; what is answered at once makes room for the next."""
        for _ in range(AT_A_TIME):
            self.notify()  # each answer may have taken its time
            taken, answered = self.nr_conns, self.nr
            super().accept(listener)
            if self.nr_conns != taken or self.nr == answered or not self.alive:
                return

    def enqueue_req(self, conn: Any) -> None:
        """Answer a request, or let it wait for a thread."""
        conn.queued_at = time.monotonic()
        if not self._has_come(conn):
            super().enqueue_req(conn)
            return
        conn.data_ready = True
        client = conn.sock
        conn.sock = unsent = _Unsent(client)
        done: Future[Any] = Future()
        try:
            done.set_result(self.handle(conn))
        except Exception as error:  # of one client, who is hung up on; others go on
            done.set_exception(error)
        finally:
            conn.sock = client
        if not unsent.kept:
            self.finish_request(conn, done)
            return
        sending = self.tpool.submit(_send, client, unsent.kept, then=done)
        sending.add_done_callback(
            lambda sent: self.method_queue.defer(self.finish_request, conn, sent)
        )

    def _has_come(self, conn: Any) -> bool:
        """Look at what has come, and leave it where it is."""
        try:
            conn.sock.settimeout(GLANCE)
            return is_whole(conn.sock.recv(LOOKED_AT, socket.MSG_PEEK))
        except OSError:
            return False

    def handle(self, conn: Any) -> Any:
        """Answer a request, in whichever thread this is."""
        waited.seconds = max(time.monotonic() - conn.queued_at, _since_last_byte(conn.sock))
        return super().handle(conn)


def is_whole(said: bytes) -> bool:
    """Say whether this is a request to the API, with nothing of it still to come."""
    head, end, body = said.partition(b"\r\n\r\n")
    head += b"\r\n"
    if not end or not _TO_API.match(head) or _UNCLEAR.search(head):
        return False
    lengths = _LENGTH.findall(head)
    return len(lengths) < 2 and len(body) == int(*lengths)


def _send(client: socket.socket, kept: list[memoryview], *, then: "Future[Any]") -> Any:
    """Send the rest of an answer, however long its reader takes."""
    client.setblocking(True)
    for rest in kept:
        client.sendall(rest)
    return then.result()


def _since_last_byte(client: Any) -> float:
    """Ask Linux for how many seconds all that was sent has been here; 0.0 where it cannot tell.

    It may have lain in the queue of those that nobody has taken in yet.
    """
    if sys.platform != "linux" or client.family == socket.AF_UNIX:
        return 0.0
    # tcpi_last_data_recv of struct tcp_info, in milliseconds.
    (milliseconds,) = struct.unpack_from(
        "@I", client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 56), 52
    )
    return float(milliseconds) / 1000
