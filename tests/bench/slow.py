"""Slow-client benchmark: whether they stop others, with nginx and at gunicorn alone.

    python -m tests.bench.slow CONNECTIONS [SECONDS]

keeps CONNECTIONS (500) open for SECONDS (20): a third send their headers a byte at a time, a third
their body, a third read a long list a little at a time. Meanwhile healthy clients ask through
nginx; afterwards the same is tried at gunicorn alone, to see what nginx is there for.
"""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tests.nginx import running_nginx
from tests.server import Server, free_port, running_server

HEALTHY = 4
READS = 2
SETTLING = 30.0
"""Seconds at most until all slow readers have begun to read."""
PATIENCE = 5.0
"""Seconds after which a healthy request counts as unanswered."""


@dataclass
class Figures:
    """Answers to healthy clients."""

    slow: int
    seconds: list[float] = field(default_factory=list)
    unanswered: int = 0

    def __str__(self) -> str:
        return (
            f"beside {self.slow} slow connections: {len(self.seconds)} healthy requests answered, "
            f"{self.unanswered} not within {PATIENCE:.0f} s; "
            f"p50 {self.at(0.5) * 1000:.0f} ms, p99 {self.at(0.99) * 1000:.0f} ms"
        )

    def at(self, share: float) -> float:
        """Return the seconds within which this share of all was answered."""
        took = sorted(self.seconds) + [PATIENCE] * self.unanswered
        return took[min(len(took) - 1, int(share * len(took)))] if took else PATIENCE


class Slow:
    """A slow client, which connects again when it is disconnected."""

    def __init__(self, server: Server, kind: int) -> None:
        self.server = server
        self.kind = kind % 3
        self.has_begun = self.kind != READS
        self.connect()

    def connect(self) -> None:
        """Begin a request."""
        practice = self.server.demo["practices"]["exact"]["id"]
        head = f"Host: localhost\r\nAuthorization: {self.server.key}\r\n"
        requests = [
            f"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: {'x' * 4000}\r\n\r\n",
            f"POST /onlinescheduling/booking HTTP/1.1\r\n{head}Content-Length: 4000\r\n\r\n"
            + " " * 4000,
            f"GET /onlinescheduling/practice/{practice}/bookings HTTP/1.1\r\n{head}\r\n",
        ]
        at_once = [20, len(requests[1]) - 4000, len(requests[2])][self.kind]
        self.left = requests[self.kind].encode()
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.sock.settimeout(2)
        try:
            self.sock.connect(("127.0.0.1", self.server.port))
            self.sock.setblocking(False)
            self._send(at_once)
        except OSError:
            self.sock.close()

    def _send(self, count: int) -> None:
        sent = self.sock.send(self.left[:count])
        self.left = self.left[sent:]

    def step(self) -> None:
        """Send one byte, or read a little."""
        try:
            if self.left:
                self._send(1)
            elif self.sock.recv(512):
                self.has_begun = True
            else:
                self.connect()
        except BlockingIOError:
            pass
        except OSError:
            self.sock.close()
            self.connect()


@contextmanager
def slow_clients(server: Server, count: int) -> Iterator[None]:
    """Keep so many slow connections open."""
    clients = [Slow(server, number) for number in range(count)]
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.5):
            for client in clients:
                client.step()

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        # Their first requests, all at once, are load and not slow: wait until they are answered.
        deadline = time.monotonic() + SETTLING
        while time.monotonic() < deadline and not all(client.has_begun for client in clients):
            time.sleep(0.1)
        yield
    finally:
        stop.set()
        thread.join()
        for client in clients:
            client.sock.close()


def healthy(server: Server, slow: int, seconds: float) -> Figures:
    """Send requests from a few healthy clients, beside so many slow ones."""
    practice = server.demo["practices"]["exact"]
    paths = [
        f"/scheduling/location/{practice['locations'][0]}",
        f"/onlinescheduling/location/{practice['locations'][0]}/bookings?limit=30",
    ]
    figures = Figures(slow)

    def ask(client: int) -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                answer = server.call("GET", paths[client % 2], timeout=PATIENCE)
                assert answer.status == 200, answer.body
                figures.seconds.append(time.monotonic() - began)
            except OSError:
                figures.unanswered += 1

    with slow_clients(server, slow), ThreadPoolExecutor(HEALTHY) as pool:
        until = time.monotonic() + seconds
        list(pool.map(ask, range(HEALTHY)))
    return figures


@contextmanager
def behind_nginx(server: Server) -> Iterator[Server]:
    """Put nginx in front of a server; return the server as reached through it."""
    http = free_port()
    with running_nginx([f"127.0.0.1:{server.port}"], http=http, https=free_port()):
        yield replace(server, port=http)


def lengthen_the_list(server: Server) -> None:
    """Make a list long enough to be read slowly."""
    practice = server.demo["practices"]["exact"]
    weekly = {
        "location_id": practice["locations"][0],
        "doctor_id": practice["doctors"][0],
        "start_datetime": "2031-06-02T09:00",
        "recurring": True,
    }
    for _ in range(40):
        assert server.call("POST", "/onlinescheduling/booking", weekly).status == 201


def main(arguments: list[str]) -> int:
    """Run it from the command line; exits 1 where nginx let slow clients stop the others."""
    if len(arguments) > 2 or not all(text.isdigit() for text in arguments):
        sys.stderr.write(__doc__ or "")
        return 2
    count = int(arguments[0]) if arguments else 500
    seconds = float(arguments[1]) if arguments[1:] else 20.0
    with running_server(TRUSTED_PROXIES="127.0.0.1") as server, behind_nginx(server) as edge:
        lengthen_the_list(server)
        calm = healthy(edge, 0, seconds / 2)
        figures = healthy(edge, count, seconds)
        sys.stdout.write(f"through nginx {calm}\nthrough nginx {figures}\n")
    with running_server() as alone:
        lengthen_the_list(alone)
        for few in (0, 3, 30, count):
            sys.stdout.write(f"without nginx {healthy(alone, few, seconds / 2)}\n")
    return 0 if figures.at(0.99) < 0.5 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
