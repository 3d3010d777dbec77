"""Torture benchmark: whether kills lose an acknowledged write, or carry one out twice.

    python -m tests.bench.torture --engine postgres|sqlite [--minutes N] [--clients M] [--seed S]

M partners (200) create bookings, take, hold, book and give back places, claim and close bookings,
with idempotency keys and without, for N minutes (1). Meanwhile gunicorn's workers and master, and
PostgreSQL's backends and postmaster, are killed with SIGKILL and started again. Afterwards every
acknowledged write has to be there once, and what was not acknowledged at most once; and the data
has to agree (tests/bench/audit.py). Exits 1 on one miss.
"""

import argparse
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException
from pathlib import Path

from tests.bench.pages import walk
from tests.bench.partners import FIRST, MARK, Creation, Partner, World
from tests.postgres import Cluster, cluster
from tests.server import Server, moved_to, running_server, serving

DURABLE = """
listen_addresses = ''
fsync = on
synchronous_commit = on
full_page_writes = on
max_connections = 100
timezone = 'UTC'
log_timezone = 'UTC'
"""
"""As an operator would run it: what is acknowledged has reached the disk."""


@dataclass
class Figures:
    """What was sent, what was killed, and the outcome."""

    seconds: float
    answers: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    refused_seconds: float = 0.0
    longest_refusal: float = 0.0
    creations: int = 0
    unknown: int = 0
    misses: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        answers = ", ".join(f"{number} × {what}" for what, number in sorted(self.answers.items()))
        kills = ", ".join(f"{number} × {what}" for what, number in sorted(self.kills.items()))
        return (
            f"{self.acknowledged} acknowledged writes in {self.seconds:.0f} s "
            f"({self.creations} creations, {self.unknown} of them sent once and never answered); "
            f"answers: {answers}; killed: {kills or 'nothing'}; "
            f"refused for {self.refused_seconds:.1f} s in all, {self.longest_refusal:.1f} s at "
            f"the longest; {len(self.misses)} misses"
        )


class Killer:
    """Kills processes, and starts them again."""

    def __init__(
        self, server: Server, database: Cluster | None, stack: ExitStack, seed: int
    ) -> None:
        self.server, self.database, self.stack = server, database, stack
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()

    def kill_something(self) -> None:
        """Kill one thing or another."""
        kinds: dict[str, tuple[int, Callable[[], bool]]] = {
            "worker": (5, self._worker),
            "gunicorn": (2, self._gunicorn),
        }
        if self.database is not None:
            kinds["backend"] = (2, self._backend)
            kinds["postmaster"] = (2, self._postmaster)
        weights = [weight for weight, _ in kinds.values()]
        kind = self.random.choices([*kinds], weights)[0]
        if kinds[kind][1]():
            self.kills[kind] += 1

    def _worker(self) -> bool:
        return self._one_of(self.server.process.pid)

    def _backend(self) -> bool:
        assert self.database is not None
        return self._one_of(self.database.postmaster)

    def _one_of(self, parent: int) -> bool:
        """Kill a child process; in PostgreSQL's case all of them then restart."""
        children = _children(parent)
        with suppress(ProcessLookupError):
            if children:
                os.kill(self.random.choice(children), signal.SIGKILL)
                return True
        return False

    def _gunicorn(self) -> bool:
        """Kill the master, end its workers as a supervisor does, and start another."""
        workers = _children(self.server.process.pid)
        self.server.process.kill()
        self.server.process.wait()
        how = self.random.choice([signal.SIGTERM, signal.SIGKILL])
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, how)
        until = time.monotonic() + 40
        while any(Path(f"/proc/{worker}").exists() for worker in workers):
            if time.monotonic() > until:
                raise AssertionError("workers do not end")
            time.sleep(0.05)
        self.server.process = self.stack.enter_context(serving(self.server.environment))
        return True

    def _postmaster(self) -> bool:
        """Kill the postmaster, or all processes at once, and start it again."""
        assert self.database is not None
        postmaster = self.database.postmaster
        others = _children(postmaster) if self.random.random() < 0.5 else []
        for pid in [postmaster, *others]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        restart(self.database)
        return True


def restart(database: Cluster) -> None:
    """Start PostgreSQL after its end; it refuses to until the last backend is gone."""
    for _ in range(120):
        with suppress(RuntimeError):
            database.start()
            return
        time.sleep(0.25)
    raise AssertionError("PostgreSQL does not start again")


def _children(pid: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@contextmanager
def killing(killer: Killer, every: float) -> Iterator[None]:
    """Kill something about every so many seconds, in the background."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def go_on() -> None:
        try:
            while not stop.wait(killer.random.uniform(0.3, 1.7) * every):
                killer.kill_something()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]


@contextmanager
def noting_refusals(world: World, figures: Figures) -> Iterator[None]:
    """Send a simple request all the time, and record for how long no answer is good."""
    stop = threading.Event()
    location = world.server.demo["practices"]["exact"]["locations"][0]

    def is_answered() -> bool:
        try:
            return world.server.call("GET", f"/scheduling/location/{location}").status == 200
        except (OSError, HTTPException):
            return False

    def go_on() -> None:
        since = None
        while not stop.wait(0.05):
            asked = time.monotonic()
            if is_answered():
                if since is not None:
                    lasted = time.monotonic() - since
                    figures.refused_seconds += lasted
                    figures.longest_refusal = max(figures.longest_refusal, lasted)
                since = None
            elif since is None:
                since = asked

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def run(
    *,
    database: Cluster | None,
    seconds: float,
    clients: int,
    kill_every: float,
    seed: int = 1,
    least: int = 0,
    before_audit: Callable[[Server, list[Partner]], object] = lambda server, partners: None,
) -> Figures:
    """Run it on a server of its own, and return the figures.

    least: how many appointments have to be acknowledged, however long that takes.
    before_audit: changes the server's data, to test that it is found.
    """
    figures = Figures(seconds)
    settings = {
        "WEB_CONCURRENCY": "3",
        "HOLD_SECONDS": "86400",
        "HOLD_MAX_SECONDS": "86400",
        "HOLDS_PER_PARTNER": "100000",
        "PATIENCE": "2",  # as everywhere
    }
    with ExitStack() as stack:
        through = str if database is None else moved_to(database.url)
        server = stack.enter_context(running_server(through=through, **settings))
        world = World(server)
        practice = server.demo["practices"]["exact"]
        partners = [Partner(world, practice, seed * 10_000 + nth) for nth in range(clients)]
        threads = [threading.Thread(target=partner.work) for partner in partners]
        killer = Killer(server, database, stack, seed)
        with noting_refusals(world, figures):
            for thread in threads:
                thread.start()
            try:
                with killing(killer, kill_every):
                    time.sleep(seconds)
                while sum(len(partner.places) for partner in partners) < least:
                    time.sleep(0.1)
            finally:
                world.is_over.set()
            for thread in threads:
                thread.join()
        before_audit(server, partners)
        figures.answers, figures.kills = world.answers, killer.kills
        figures.acknowledged = sum(partner.acknowledged for partner in partners)
        figures.misses = [
            *world.unexpected,
            *misses(server, partners, figures),
            *flaws(server),
        ]
    return figures


def flaws(server: Server) -> list[str]:
    script = "from tests.bench import audit; audit.main()"
    found: list[str] = json.loads(server.manage("shell", "-v0", "-c", script))
    return found


def misses(server: Server, partners: list[Partner], figures: Figures) -> list[str]:
    """Compare what was acknowledged to partners with what the API shows now."""
    practice = f"/onlinescheduling/practice/{server.demo['practices']['exact']['id']}"
    everything = "limit=1000&" + "&".join(
        f"status={status}" for status in ("open", "pending", "booked", "closed")
    )
    openings = list(walk(server, f"{practice}/bookings?{everything}"))
    given_up = "status=pending&status=booked&status=cancelled&status=expired"
    places = list(walk(server, f"{practice}/appointments?limit=1000&{given_up}"))
    marks = {row["id"]: datetime.fromisoformat(row["start_datetime"]) for row in openings}
    by_start = Counter(start.timestamp() for start in marks.values() if start >= FIRST)
    by_mark = Counter(row["last_name"] for row in places if row["last_name"].startswith(MARK))
    statuses = {row["id"]: row["status"] for row in [*openings, *places]}
    found = []
    for partner in partners:
        for creation in partner.made_openings:
            start = datetime.fromisoformat(creation.mark).timestamp()
            found += _compare(creation, by_start.pop(start, 0), statuses)
        for creation in partner.made_places:
            found += _compare(creation, by_mark.pop(creation.mark, 0), statuses)
        figures.creations += len(partner.made_openings) + len(partner.made_places)
        all_made = [*partner.made_openings, *partner.made_places]
        figures.unknown += sum(not creation.is_known for creation in all_made)
        for subject, status in [*partner.openings.items(), *partner.places.items()]:
            if statuses.get(subject) != status:
                found.append(f"{subject}: {status} was promised, it is {statuses.get(subject)}")
    found += [f"{start}: nobody created this" for start in [*by_start, *by_mark]]
    return found


def _compare(creation: Creation, number: int, statuses: dict[str, str]) -> list[str]:
    """Return what is wrong with something that was to be made once, and is there so many times."""
    if creation.made is not None and creation.made not in statuses:
        return [f"{creation.mark}: {creation.made} was acknowledged and is lost"]
    expected = {0, 1} if not creation.is_known else {1} if creation.made is not None else {0}
    return [] if number in expected else [f"{creation.mark}: is there {number} times"]


def main(arguments: list[str]) -> int:
    """Run it from the command line; exits 1 on one miss."""
    parser = argparse.ArgumentParser(prog="script/bench torture", description=__doc__)
    parser.add_argument("--engine", choices=["postgres", "sqlite"], required=True)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1000)
    asked = parser.parse_args(arguments)
    sys.stdout.write(f"seed {asked.seed}\n")
    os.environ.pop("DATABASE_URL", None)  # never somebody's own database
    with ExitStack() as stack:
        on_postgres = asked.engine == "postgres"
        figures = run(
            database=stack.enter_context(cluster(DURABLE)) if on_postgres else None,
            seconds=asked.minutes * 60,
            clients=asked.clients,
            kill_every=5,
            seed=asked.seed,
        )
    sys.stdout.write(f"{figures}\n")
    for miss in figures.misses[:50]:
        sys.stdout.write(f"MISS {miss}\n")
    return 1 if figures.misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
