"""Webhooks benchmark: whether every endpoint is told everything, in order, beside bad receivers.

    python -m tests.bench.webhooks [CHANGES] [--rate N] [--seed S]

16 writers of three partners make CHANGES (10000), N a second at most (40), over real connections.
Three partners' endpoints are told: some whose receivers are healthy, and one each of every kind of
receiver that is not (tests/bench/receivers.py). Two workers run; one or the other is killed with
SIGKILL every half minute and started again. Afterwards the receivers get well and the schedule of
retries runs through. Then each endpoint has to have got everything that the feed tells its partner,
first arrivals in the feed's order, all signed, never two calls at a time. Exits 1 on one miss.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.bench.partners import Partner, World
from tests.bench.receivers import GONE, HEALTHY, MANNERS
from tests.server import ROOT, Server, running_server

WRITERS = 16
CALLERS = ("full", "exact_only", "other_partner")
BOTH = ("booking.changed", "appointment.changed")
HEALTHY_ENDPOINTS: dict[str, tuple[str, tuple[str, ...]]] = {
    # partner, types
    "healthy": ("full", BOTH),
    "openings": ("full", BOTH[:1]),
    "own": ("exact_only", BOTH),
    "others": ("other_partner", BOTH),
    "appointments": ("other_partner", BOTH[1:]),
}
BEHIND = 5.0
"""Seconds after a change within which a healthy endpoint is told (p99)."""
MEMORY = 250
"""MB that a worker may take."""
GRANT = """
from practices.models import Practice
Practice.objects.get(pk="{}").partners.add("demoFull", "demoOther")
"""
RUN_THE_SCHEDULE = """
from bookings import walltime
from bookings.models import Feed, Task, Webhook, WebhookDelivery, WebhookPosition
now = walltime.now()
waiting = WebhookDelivery.objects.filter(status="pending")
waiting.filter(next_attempt_at__gt=now).update(next_attempt_at=now)
Task.objects.filter(webhook__isnull=False, run_after__gt=now).update(run_after=now)
newest = dict(Feed.objects.values_list("practice", "newest"))
behind = sum(
    number < newest.get(practice, 0)
    for practice, number in WebhookPosition.objects.values_list("practice", "number")
)
print(waiting.count() + behind)
"""


@dataclass
class Figures:
    """What was changed, killed and told, and everything that should not be."""

    changes: int = 0
    seconds: float = 0.0
    kills: int = 0
    calls: int = 0
    memory: float = 0.0
    catching_up: float = 0.0
    late: dict[str, list[float]] = field(default_factory=dict)
    overlaps: int = 0
    misses: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        late = sorted(each for times in self.late.values() for each in times)
        told = ", ".join(f"p{share} {_at(late, share / 100):.2f}" for share in (50, 95, 99))
        return (
            f"{self.changes} changes in {self.seconds:.0f} s ({self.changes / self.seconds:.0f} a "
            f"second), {self.kills} kills of a worker; healthy endpoints were told {len(late)} "
            f"times, seconds after the change: {told}, at most {late[-1]:.2f}; {self.calls} calls "
            f"in all, {self.overlaps} beside one that had not ended; a worker's memory at most "
            f"{self.memory:.0f} MB; the others caught up in {self.catching_up:.0f} s; "
            f"{len(self.misses)} misses"
        )


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Receivers:
    """The process of the receivers."""

    def __init__(self, folder: str, manners: dict[str, str]) -> None:
        named = [f"{name}={manner}" for name, manner in manners.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.receivers", folder, *named],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ports: dict[str, int] = self._said()

    def _said(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def tell(self, *command: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._said()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Workers:
    """Two processes, one of which is killed now and then and started again."""

    def __init__(self, environment: dict[str, str], log: Path, seed: int) -> None:
        self.environment, self.log = environment, log
        self.random = random.Random(seed)
        self.running = [self._start(), self._start()]
        self.kills = 0
        self.memory = 0.0

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "manage.py", "worker"]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def kill_one(self) -> None:
        nth = self.random.randrange(len(self.running))
        self.running[nth].kill()
        self.running[nth].wait()
        self.running[nth] = self._start()
        self.kills += 1

    def look(self) -> None:
        """Note how much memory they have. Raises AssertionError where one has ended by itself."""
        for each in self.running:
            assert each.poll() is None, self.log.read_text()[-3000:]
            status = Path(f"/proc/{each.pid}/status").read_text()
            kilobytes = next(row for row in status.splitlines() if row.startswith("VmRSS:"))
            self.memory = max(self.memory, int(kilobytes.split()[1]) / 1024)

    @contextmanager
    def dying(self, every: float) -> Iterator[None]:
        """Kill one about every so many seconds, in the background."""
        stop = threading.Event()

        def go_on() -> None:
            next_kill = time.monotonic() + every
            while not stop.wait(0.5):
                self.look()
                if time.monotonic() > next_kill:
                    self.kill_one()
                    next_kill = time.monotonic() + self.random.uniform(0.5, 1.5) * every

        with ThreadPoolExecutor(1) as pool:
            killing = pool.submit(go_on)
            try:
                yield
            finally:
                stop.set()
            killing.result()

    def end(self) -> None:
        for each in self.running:
            each.send_signal(signal.SIGTERM)
        for each in self.running:
            each.wait(timeout=40)


@dataclass
class Endpoint:
    """An endpoint as its partner knows it."""

    name: str
    caller: str
    types: tuple[str, ...]
    manner: str
    id: str = ""
    secrets: list[str] = field(default_factory=list)


class Bench:
    """A server with partners, endpoints, receivers and workers."""

    def __init__(self, server: Server, receivers: Receivers, workers: Workers) -> None:
        self.server, self.receivers, self.workers = server, receivers, workers
        self.endpoints: list[Endpoint] = []
        self.practices = [server.demo["practices"][name] for name in ("exact", "ungranted")]
        server.manage("shell", "-v0", "-c", GRANT.format(self.practices[1]["id"]))
        self.began: dict[str, str] = {}  # cursors

    def call(self, caller: str, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.call(method, path, body, key=self.server.demo["keys"][caller])
        assert answer.status < 300, (method, path, answer)
        return answer.json()

    def register(self, endpoint: Endpoint) -> None:
        url = f"https://localhost:{self.receivers.ports[endpoint.name]}/hook"
        body = {"url": url, "types": endpoint.types}
        made = self.call(endpoint.caller, "POST", "/scheduling/webhooks", body)
        endpoint.id, endpoint.secrets = made["id"], [made["secret"]]
        self.receivers.tell("secrets", endpoint.name, endpoint.secrets)
        self.endpoints.append(endpoint)

    def rotate(self, endpoint: Endpoint) -> None:
        """Give an endpoint a new secret, which its receiver does not know yet."""
        made = self.call(endpoint.caller, "POST", f"/scheduling/webhook/{endpoint.id}/rotate")
        endpoint.secrets.append(made["secret"])

    def changes(self, caller: str, practice_id: str, after: str) -> Iterator[dict[str, Any]]:
        path = f"/onlinescheduling/practice/{practice_id}/changes?limit=1000&after="
        while True:
            page = self.call(caller, "GET", path + after)
            yield from page["changes"]
            after = page["cursor"]
            if not page["has_more"]:
                return

    def begin(self) -> None:
        for practice in self.practices:
            path = f"/onlinescheduling/practice/{practice['id']}/changes?after=latest"
            self.began[practice["id"]] = self.call("full", "GET", path)["cursor"]

    def expected(self, endpoint: Endpoint) -> dict[str, list[list[str | None]]]:
        """Return what an endpoint has to have been told of each practice it may be told of."""
        granted = self.practices[: 1 if endpoint.caller == "exact_only" else 2]
        found = {}
        for practice in granted:
            told = self.changes(endpoint.caller, practice["id"], self.began[practice["id"]])
            found[practice["id"]] = [
                [each["booking_id"], each["appointment_id"]]
                for each in told
                if BOTH[each["appointment_id"] is not None] in endpoint.types
            ]
        return found


def write(bench: Bench, changes: int, rate: float, seed: int) -> list[str]:
    """Have the writers make so many changes; return answers that should not have been."""
    shared = World(bench.server)
    writers = []
    for nth in range(WRITERS):
        caller = CALLERS[nth % len(CALLERS)]
        keys = {**bench.server.demo["keys"], "full": bench.server.demo["keys"][caller]}
        server = replace(bench.server, demo={**bench.server.demo, "keys": keys})
        practice = bench.practices[nth % 2 if caller != "exact_only" else 0]
        writers.append(Partner(replace(shared, server=server, openings=[]), practice, seed + nth))
    began, turn, lock = time.monotonic(), 0, threading.Lock()

    def work(writer: Partner) -> None:
        nonlocal turn
        while sum(each.acknowledged for each in writers) < changes:
            with lock:
                turn += 1
                at = began + turn / rate
            time.sleep(max(0.0, at - time.monotonic()))
            writer.act()

    threads = [threading.Thread(target=work, args=[each]) for each in writers]
    for thread in threads:
        thread.start()
    # One is rotated meanwhile: first its receiver knows the old secret alone, then the new one.
    rotated = bench.endpoints[0]
    time.sleep(changes / rate / 3)
    bench.rotate(rotated)
    time.sleep(changes / rate / 3)
    bench.receivers.tell("secrets", rotated.name, rotated.secrets[1:])
    for thread in threads:
        thread.join()
    shared.is_over.set()
    return shared.unexpected


def run(*, changes: int, rate: float, kill_every: float, seed: int = 1) -> Figures:
    """Run it on a server of its own, and return the figures."""
    figures = Figures(changes)
    bad = [manner for manner in MANNERS if manner != HEALTHY]
    manners = {**dict.fromkeys(HEALTHY_ENDPOINTS, HEALTHY), **dict(zip(bad, bad, strict=True))}
    settings = {
        "WEBHOOK_PRIVATE_HOSTS": "localhost",
        "HOLDS_PER_PARTNER": "100000",
        "HOLD_SECONDS": "86400",
        "HOLD_MAX_SECONDS": "86400",
    }
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        receivers = Receivers(folder, manners)
        stack.callback(receivers.end)
        trusted = str(Path(folder) / "trusted.pem")
        server = stack.enter_context(running_server(**settings, SSL_CERT_FILE=trusted))
        log = Path(folder) / "workers.log"
        workers = Workers(server.environment, log, seed)
        stack.callback(workers.end)
        bench = Bench(server, receivers, workers)
        for name, (caller, types) in HEALTHY_ENDPOINTS.items():
            bench.register(Endpoint(name, caller, types, HEALTHY))
        for nth, name in enumerate(bad):
            bench.register(Endpoint(name, CALLERS[nth % 3], BOTH, name))
        bench.begin()
        began = time.monotonic()
        with workers.dying(kill_every):
            figures.misses += write(bench, changes, rate, seed)
        figures.seconds = time.monotonic() - began
        time.sleep(BEHIND)
        healthy = receivers.tell("report")
        figures.catching_up = catch_up(bench)
        figures.kills, figures.memory = workers.kills, workers.memory
        told = receivers.tell("report")
        figures.misses += wrong(bench, told)
        for name in HEALTHY_ENDPOINTS:
            figures.late[name] = [each[-1] for each in told[name]["first"]]
            if len(healthy[name]["first"]) < len(told[name]["first"]):
                figures.misses.append(f"{name}: not told of all {BEHIND} s after the last change")
        figures.calls = sum(each["calls"] for each in told.values())
        figures.overlaps = sum(len(each["overlaps"]) for each in told.values())
        figures.misses += [
            f"{name}: p99 is {_at(sorted(late), 0.99):.1f} s"
            for name, late in figures.late.items()
            if _at(sorted(late), 0.99) > BEHIND
        ]
        if figures.memory > MEMORY:
            figures.misses.append(f"a worker takes {figures.memory:.0f} MB")
        errors = [row for row in log.read_text().splitlines() if "Traceback" in row]
        if errors:
            figures.misses.append(log.read_text()[:3000])
    return figures


def catch_up(bench: Bench) -> float:
    """Let the receivers get well and all retries come due, until nothing waits; return how long."""
    began = time.monotonic()
    bench.receivers.tell("heal")
    while int(bench.server.manage("shell", "-v0", "-c", RUN_THE_SCHEDULE)):
        bench.workers.look()
        assert time.monotonic() - began < 1800, "deliveries still wait after half an hour"
        time.sleep(0.5)
    return time.monotonic() - began


def wrong(bench: Bench, told: dict[str, Any]) -> list[str]:
    """Compare what the endpoints got with what the feed tells their partners."""
    found: list[str] = []
    for endpoint in bench.endpoints:
        got = told[endpoint.name]
        flaws = Counter(got["flaws"]).most_common(3)
        found += [f"{endpoint.name}: {flaw} ({times} times)" for flaw, times in flaws]
        now = bench.call(endpoint.caller, "GET", f"/scheduling/webhook/{endpoint.id}")
        if now["active"] == (endpoint.manner == GONE):
            found.append(f"{endpoint.name}: active is {now['active']}")
        if endpoint.manner == GONE:
            continue
        for practice_id, expected in bench.expected(endpoint).items():
            rows = [row for row in got["first"] if row[0] == practice_id]
            numbers = [number for _, number, *_ in rows]
            if numbers != sorted(numbers):
                found.append(f"{endpoint.name}: first arrivals out of order in {practice_id}")
            arrived = [[booking, appointment] for _, _, booking, appointment, _ in sorted(rows)]
            if arrived != expected:
                missing = Counter(map(tuple, expected)) - Counter(map(tuple, arrived))
                text = f"{len(expected)} to be told, {len(arrived)} arrived"
                found.append(f"{endpoint.name}: {practice_id}: {text}; {[*missing][:3]}")
    return found


def main(arguments: list[str]) -> int:
    """Run it from the command line; exits 1 on one miss."""
    parser = argparse.ArgumentParser(prog="script/bench webhooks", description=__doc__)
    parser.add_argument("changes", type=int, nargs="?", default=10_000)
    parser.add_argument("--rate", type=float, default=40)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1000)
    asked = parser.parse_args(arguments)
    sys.stdout.write(f"seed {asked.seed}\n")
    figures = run(changes=asked.changes, rate=asked.rate, kill_every=30, seed=asked.seed)
    sys.stdout.write(f"{figures}\n")
    for name, late in figures.late.items():
        late.sort()
        told = ", ".join(f"p{share} {_at(late, share / 100):.2f}" for share in (50, 95, 99))
        sys.stdout.write(f"  {name}: {len(late)} told, {told}, at most {late[-1]:.2f} s\n")
    for miss in figures.misses[:50]:
        sys.stdout.write(f"MISS {miss}\n")
    return 1 if figures.misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
