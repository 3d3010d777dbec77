"""Webhooks benchmark: whether every endpoint is told everything, in order, beside bad receivers.

    python -m tests.bench.webhooks [CHANGES] [--rate N] [--seed S]

16 writers of seven partners make CHANGES (10000), N a second at most (40), over real connections.
Two endpoints of each are told: some whose receivers are healthy, and one each of every kind of
receiver that is not (tests/bench/receivers.py). Two workers run; one or the other is killed with
SIGKILL about every minute and started again. Afterwards the receivers get well and the schedule of
retries runs through. Then each endpoint has to have got everything that the feed tells its partner,
first arrivals in the feed's order, all signed, never two calls at a time. Exits 1 on one miss.
"""

import argparse
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
from tests.bench.receivers import GONE, HEALTHY, MANNERS, Receivers
from tests.server import ROOT, Server, running_server

WRITERS = 16
PARTNERS = 7
ONE_PRACTICE = 2
"""The partner that is granted one practice, and the others two."""
BOTH = ("booking.changed", "appointment.changed")
HEALTHY_ENDPOINTS: dict[str, tuple[int, tuple[str, ...]]] = {
    # partner, types
    "healthy": (0, BOTH),
    "openings": (1, BOTH[:1]),
    "one practice": (ONE_PRACTICE, BOTH),
    "others": (3, BOTH),
    "appointments": (4, BOTH[1:]),
}
BEHIND = 5.0
"""Seconds after a change within which a healthy endpoint is told (p99)."""
MEMORY = 250
"""MB that a worker may take."""
MAKE_PARTNERS = """
from practices.models import ApiKey, Partner
for nth in range({}):
    partner = Partner.objects.create(name=f"Partner {{nth}}", special_authorization=True)
    partner.practices.set({}[: 1 if nth == {} else 2])
    print(ApiKey.objects.issue(partner)[1])
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
    overlaps: dict[str, int] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        late = sorted(each for times in self.late.values() for each in times)
        told = ", ".join(f"p{share} {_at(late, share / 100):.2f}" for share in (50, 95, 99))
        return (
            f"{self.changes} changes in {self.seconds:.0f} s ({self.changes / self.seconds:.0f} a "
            f"second), {self.kills} kills of a worker; healthy endpoints were told {len(late)} "
            f"times, seconds after the change: {told}, at most {late[-1]:.2f}; {self.calls} calls "
            f"in all, beside one that had not ended: {self.overlaps or 'none'}; a worker's memory "
            f"at most {self.memory:.0f} MB; the others caught up in {self.catching_up:.0f} s; "
            f"{len(self.misses)} misses"
        )


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


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
    partner: int
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
        ids = [practice["id"] for practice in self.practices]
        made = MAKE_PARTNERS.format(PARTNERS, ids, ONE_PRACTICE)
        self.keys = server.manage("shell", "-v0", "-c", made).split()
        self.began: dict[str, str] = {}  # cursors

    def call(self, partner: int, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.call(method, path, body, key=self.keys[partner])
        assert answer.status < 300, (method, path, answer)
        return answer.json()

    def register(self, endpoint: Endpoint) -> None:
        url = f"https://localhost:{self.receivers.ports[endpoint.name]}/hook"
        body = {"url": url, "types": endpoint.types}
        made = self.call(endpoint.partner, "POST", "/scheduling/webhooks", body)
        endpoint.id, endpoint.secrets = made["id"], [made["secret"]]
        self.receivers.tell("secrets", endpoint.name, endpoint.secrets)
        self.endpoints.append(endpoint)

    def rotate(self, endpoint: Endpoint) -> None:
        """Give an endpoint a new secret, which its receiver does not know yet."""
        made = self.call(endpoint.partner, "POST", f"/scheduling/webhook/{endpoint.id}/rotate")
        endpoint.secrets.append(made["secret"])

    def changes(self, partner: int, practice_id: str, after: str) -> Iterator[dict[str, Any]]:
        path = f"/onlinescheduling/practice/{practice_id}/changes?limit=1000&after="
        while True:
            page = self.call(partner, "GET", path + after)
            yield from page["changes"]
            after = page["cursor"]
            if not page["has_more"]:
                return

    def begin(self) -> None:
        for practice in self.practices:
            path = f"/onlinescheduling/practice/{practice['id']}/changes?after=latest"
            self.began[practice["id"]] = self.call(0, "GET", path)["cursor"]

    def expected(self, endpoint: Endpoint) -> dict[str, list[list[str | None]]]:
        """Return what an endpoint has to have been told of each practice it may be told of."""
        granted = self.practices[: 1 if endpoint.partner == ONE_PRACTICE else 2]
        found = {}
        for practice in granted:
            told = self.changes(endpoint.partner, practice["id"], self.began[practice["id"]])
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
        partner = nth % PARTNERS
        demo = {**bench.server.demo, "keys": {"full": bench.keys[partner]}}
        server = replace(bench.server, demo=demo)
        practice = bench.practices[0 if partner == ONE_PRACTICE else nth // PARTNERS % 2]
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


def run(
    *, changes: int, rate: float, kill_every: float, seed: int = 1, behind: float = BEHIND
) -> Figures:
    """Run it on a server of its own, and return the figures."""
    figures = Figures(changes)
    bad = [manner for manner in MANNERS if manner != HEALTHY]
    manners = {**dict.fromkeys(HEALTHY_ENDPOINTS, HEALTHY), **dict(zip(bad, bad, strict=True))}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        receivers = Receivers(folder, manners)
        stack.callback(receivers.end)
        trusted = str(Path(folder) / "trusted.pem")
        server = stack.enter_context(
            running_server(
                WEBHOOK_PRIVATE_HOSTS="localhost",
                SSL_CERT_FILE=trusted,
                HOLDS_PER_PARTNER="100000",
                HOLD_SECONDS="86400",
                HOLD_MAX_SECONDS="86400",
            )
        )
        log = Path(folder) / "workers.log"
        workers = Workers(server.environment, log, seed)
        stack.callback(workers.end)
        bench = Bench(server, receivers, workers)
        for name, (partner, types) in HEALTHY_ENDPOINTS.items():
            bench.register(Endpoint(name, partner, types, HEALTHY))
        for nth, name in enumerate(bad):
            bench.register(Endpoint(name, (len(HEALTHY_ENDPOINTS) + nth) % PARTNERS, BOTH, name))
        bench.begin()
        began = time.monotonic()
        with workers.dying(kill_every):
            figures.misses += write(bench, changes, rate, seed)
        figures.seconds = time.monotonic() - began
        time.sleep(behind)
        healthy = receivers.tell("report")
        figures.catching_up = catch_up(bench)
        figures.kills, figures.memory = workers.kills, workers.memory
        told = receivers.tell("report")
        figures.misses += wrong(bench, told)
        for name in HEALTHY_ENDPOINTS:
            figures.late[name] = [each[-1] for each in told[name]["first"]]
            if len(healthy[name]["first"]) < len(told[name]["first"]):
                figures.misses.append(f"{name}: not told of all {behind} s after the last change")
        figures.calls = sum(each["calls"] for each in told.values())
        figures.overlaps = {
            name: len(each["overlaps"]) for name, each in told.items() if each["overlaps"]
        }
        figures.misses += [
            f"{name}: p99 is {_at(sorted(late), 0.99):.1f} s"
            for name, late in figures.late.items()
            if _at(sorted(late), 0.99) > behind
        ]
        # Only a worker that was given up for dead may call beside another.
        if sum(figures.overlaps.values()) > figures.kills:
            figures.misses.append(f"calls overlapped: {figures.overlaps}")
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
        now = bench.call(endpoint.partner, "GET", f"/scheduling/webhook/{endpoint.id}")
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
    figures = run(changes=asked.changes, rate=asked.rate, kill_every=60, seed=asked.seed)
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
