"""Idempotency-Key benchmark: retries on broken connections, and killed workers.

    python -m tests.bench.idempotency COUNT [CLIENTS]

sends COUNT logical POSTs, each 1 to 5 times under its Idempotency-Key, from CLIENTS connections at
once (16); cuts every fifth connection before the answer, and kills a worker every 5 seconds. What
has no answer after that is sent until it has one, as a partner would. Then counts what came of it.
"""

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from json import dumps, loads

from tests.bench.pages import walk
from tests.server import Server, running_server

MARK = 7
"""Minutes; the length by which the openings made here are told from the demo's."""


@dataclass
class Figures:
    """What was sent, and what came of it."""

    logical: int
    sent: int = 0
    cut: int = 0
    broken: int = 0
    killed: int = 0
    effects: int = 0
    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    disagreeing: int = 0

    def __str__(self) -> str:
        answers = ", ".join(
            f"{count} × {status}" for status, count in sorted(self.statuses.items())
        )
        return (
            f"{self.logical} logical POSTs, sent {self.sent} times in {self.seconds:.0f} s; "
            f"{self.cut} connections cut by the client, {self.broken} by the server, "
            f"{self.killed} workers killed; answers: {answers}; "
            f"{self.effects} effects, {self.disagreeing} answers that disagree"
        )


class Run:
    """One run against one server."""

    def __init__(self, server: Server, count: int) -> None:
        self.server = server
        self.figures = Figures(count)
        self.name = f"bench-{os.getpid()}-{time.time_ns()}"
        practice = server.demo["practices"]["exact"]
        self.practice_id = practice["id"]
        self.body = {
            "location_id": practice["locations"][0],
            "doctor_id": practice["doctors"][0],
            "start_datetime": "2099-06-02T09:00",
            "length": MARK,
        }
        self.answers: dict[int, set[bytes]] = {number: set() for number in range(count)}
        self.lock = threading.Lock()

    def send(self, number: int, *, may_cut: bool) -> None:
        """Send a logical POST once."""
        chance = random.random()
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        headers = {
            "Authorization": self.server.key,
            "Content-Type": "application/json",
            "Idempotency-Key": f"{self.name}-{number}",
        }
        try:
            connection.request("POST", "/onlinescheduling/booking", dumps(self.body), headers)
            if may_cut and chance < 0.2:
                time.sleep(chance / 10)
                self.note(cut=1)
                return
            response = connection.getresponse()
            self.note(response.status, number=number, body=response.read())
        except (OSError, HTTPException):
            self.note(broken=1)
        finally:
            connection.close()

    def note(
        self, status: int = 0, *, number: int = 0, body: bytes = b"", cut: int = 0, broken: int = 0
    ) -> None:
        """Record the outcome of one sending."""
        with self.lock:
            self.figures.sent += 1
            self.figures.cut += cut
            self.figures.broken += broken
            if status:
                self.figures.statuses[status] += 1
            if status == 201:
                self.answers[number].add(body)

    def unanswered(self) -> list[int]:
        """Return the logical POSTs without an answer."""
        return [number for number, bodies in self.answers.items() if not bodies]

    def count_effects(self) -> set[str]:
        """List the practice's bookings; return the ids of those made here."""
        path = (
            f"/onlinescheduling/practice/{self.practice_id}/bookings"
            "?limit=1000&start_after=2099-01-01T00:00Z"
        )
        return {row["id"] for row in walk(self.server, path) if row["length"] == MARK}


@contextmanager
def killing_workers(run: Run, every: float) -> Iterator[None]:
    """Kill a worker now and then, as a machine that runs out of memory would."""
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(every):
            workers = run.server.workers()
            if len(workers) > 1:
                os.kill(random.choice(workers), signal.SIGKILL)
                run.figures.killed += 1

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def run(count: int, *, clients: int = 16, kill_every: float = 5.0) -> Figures:
    """Run it on a server of its own, and return the figures."""
    with running_server(WEB_CONCURRENCY="3") as server:
        return run_on(server, count, clients=clients, kill_every=kill_every)


def run_on(server: Server, count: int, *, clients: int, kill_every: float) -> Figures:
    """Run it on this server, which has several workers, and return the figures."""
    copies = [number for number in range(count) for _ in range(random.randint(1, 5))]
    # Copies of one POST stay near each other, so that they meet while it is running.
    copies.sort(key=lambda number: number + random.random() * clients / 3)
    bench = Run(server, count)
    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        with killing_workers(bench, kill_every):
            list(pool.map(lambda number: bench.send(number, may_cut=True), copies))
        while left := bench.unanswered():
            list(pool.map(lambda number: bench.send(number, may_cut=False), left))
    figures = bench.figures
    figures.seconds = time.monotonic() - began
    made = bench.count_effects()
    figures.effects = len(made)
    told = [{loads(body)["id"] for body in bodies} for bodies in bench.answers.values()]
    figures.disagreeing = sum(len(bodies) != 1 for bodies in bench.answers.values())
    figures.disagreeing += len(made ^ set().union(*told))
    return figures


def main(arguments: list[str]) -> int:
    """Run it from the command line; exits 1 where something happened twice or not at all."""
    if not 1 <= len(arguments) <= 2 or not all(text.isdigit() for text in arguments):
        sys.stderr.write(__doc__ or "")
        return 2
    figures = run(int(arguments[0]), clients=int(arguments[1]) if arguments[1:] else 16)
    sys.stdout.write(f"{figures}\n")
    return 0 if figures.effects == figures.logical and not figures.disagreeing else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
