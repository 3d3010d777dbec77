"""Failover benchmark: two application hosts behind nginx, a primary and a synchronous standby.

    python -m tests.bench.hosts [SECONDS] [--clients N] [--vanish]

Machines are network namespaces, so it takes root. Partners claim, create with idempotency keys and
cancel through nginx for SECONDS (20) each: in calm, with an application host's cable pulled, and
after the primary was killed with SIGKILL (with --vanish its cable is pulled first, so that nobody
is told) and the standby promoted. Exits 1 if an acknowledged write is lost or done twice, or if
what two hosts share is not shared exactly.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from tests.bench import torture
from tests.bench.network import Network, network
from tests.bench.partners import BOOKING, Partner, World
from tests.bench.standby import ROLE, Database
from tests.nginx import running_nginx
from tests.server import ROOT, Server, until_it_listens

WRONG_KEYS = 40
APPS = ("app1", "app2")


@dataclass
class Figures(torture.Figures):
    """Writes and their outcome, and for how many seconds nothing could be written."""

    hosts: Counter[str] = field(default_factory=Counter)
    without_writes: dict[str, float] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        answers = ", ".join(f"{number} × {what}" for what, number in sorted(self.answers.items()))
        hosts = ", ".join(f"{number} by {host}" for host, number in sorted(self.hosts.items()))
        spans = "; ".join(
            f"{what}: no write for {lasted:.1f} s, slowest answer {self.slowest[what]:.1f} s"
            for what, lasted in self.without_writes.items()
        )
        return (
            f"{self.acknowledged} acknowledged writes in {self.seconds:.0f} s "
            f"({self.creations} creations); requests: {hosts}; answers: {answers}; {spans}; "
            f"{len(self.misses)} misses"
        )


@dataclass
class Site:
    """All machines, running."""

    network: Network
    server: Server
    primary: Database
    standby: Database
    logs: Path

    @property
    def practice(self) -> dict[str, Any]:
        """The practice with exact times."""
        practice: dict[str, Any] = self.server.demo["practices"]["exact"]
        return practice

    def requests_by_host(self) -> Counter[str]:
        """Count what nginx sent to each application host."""
        lines = (self.logs / "access.log").read_text().splitlines()
        last = (json.loads(line)["host"].rpartition(", ")[2] for line in lines)
        names = {f"{self.network.address(app)}:8000": app for app in APPS}
        return Counter(names.get(host, "nobody") for host in last)

    def create(self, **fields: object) -> str:
        """Create a booking."""
        body = {
            "location_id": self.practice["locations"][0],
            "doctor_id": self.practice["doctors"][0],
            "start_datetime": "2098-06-02T09:00",
            **fields,
        }
        made = self.server.call("POST", BOOKING, body)
        assert made.status == 201, made.body
        booking_id: str = made.json()["id"]
        return booking_id


@contextmanager
def running_site(net: Network, patience: int) -> Iterator[Site]:
    """Start everything; stop and remove it afterwards. patience: the hosts' PATIENCE, seconds."""
    with ExitStack() as stack:
        primary, standby = Database(net, "db1"), Database(net, "db2")
        for database in (primary, standby):
            stack.callback(database.remove)
        primary.make()
        standby.follow(primary, synchronous=True)
        servers = f"host={primary.address},{standby.address}&port=5432,5432"
        edge = net.address("edge")
        environment = {
            **os.environ,
            "DATABASE_URL": f"postgres://{ROLE}@/{ROLE}?{servers}&target_session_attrs=read-write",
            "ALLOWED_HOSTS": f"{edge},localhost",
            "TRUSTED_PROXIES": edge,
            "HTTPS_ONLY": "off",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "PATIENT_KEYS": Fernet.generate_key().decode(),
            "PATIENCE": str(patience),
            "RATE_LIMIT": "1000000/min",
            "WRONG_KEY_LIMIT": f"{WRONG_KEYS}/day",
            "HOLD_SECONDS": "86400",
            "HOLD_MAX_SECONDS": "86400",
            "HOLDS_PER_PARTNER": "100000",
        }
        manage = [*net.inside("app1"), sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
        demo = subprocess.run(
            [*manage, "demo", "--json"], cwd=ROOT, env=environment, check=True, capture_output=True
        )
        apps = [stack.enter_context(_application(net, app, environment)) for app in APPS]
        hosts = [f"{net.address(app)}:8000" for app in APPS]
        logs = stack.enter_context(
            running_nginx(
                hosts,
                http=80,
                https=443,
                inside=net.inside("edge"),
                at=edge,
                api_timeout=5 * patience,
            )
        )
        server = Server(80, json.loads(demo.stdout), environment, apps[0], edge)
        yield Site(net, server, primary, standby, logs)


@contextmanager
def _running(command: list[str], address: tuple[str, int], **how: Any) -> Iterator[Any]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
    try:
        until_it_listens(address, process)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextmanager
def _application(
    net: Network, machine: str, environment: dict[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    address = net.address(machine)
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "openchair/gunicorn.py"]
    command = [*net.inside(machine), *gunicorn, "openchair.wsgi:application"]
    listening = {**environment, "BIND": f"{address}:8000"}
    with _running(command, (address, 8000), cwd=ROOT, env=listening) as process:
        # It listens before it can answer.
        host = Server(8000, {"keys": {"full": ""}}, environment, process, address)
        deadline = time.monotonic() + 120
        while host.call("GET", "/readyz").status != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield process


# What two hosts share ------------------------------------------------------------------------


def shared_exactly(site: Site) -> list[str]:
    """Return what the two hosts do not share as one would: limits, a booking's last place."""
    found = []
    server = site.server
    with ThreadPoolExecutor(8) as pool:

        def at_once(times: int, *request: Any, key: str | None = None) -> Counter[int]:
            return Counter(pool.map(lambda _: server.call(*request, key=key).status, range(times)))

        wrong = at_once(WRONG_KEYS + 24, "GET", "/scheduling/practices", key="wrong")
        if wrong != {401: WRONG_KEYS, 429: 24}:
            found.append(f"of {WRONG_KEYS} wrong keys allowed: {wrong}")
        for _ in range(5):
            path = f"{BOOKING}/{site.create()}/appointments"
            taken = at_once(16, "POST", path, {"status": "booked"})
            if taken != {201: 1, 409: 15}:
                found.append(f"of 16 who want one place: {taken}")
    return found


class Follower:
    """A partner that follows the feed, whatever happens."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.seen: list[dict[str, Any]] = []
        self.cursor = ""

    def read_on(self) -> bool:
        """Read the next page; return whether there are more."""
        after = f"&after={self.cursor}" if self.cursor else ""
        path = f"/onlinescheduling/practice/{self.site.practice['id']}/changes?limit=500{after}"
        try:
            page = self.site.server.call("GET", path)
        except (OSError, HTTPException):
            return True
        if page.status != 200:
            return True
        told = page.json()
        self.seen += told["changes"]
        self.cursor = told["cursor"]
        more: bool = told["has_more"]
        return more

    def read_to_the_end(self) -> list[dict[str, Any]]:
        """Read until there are no more pages."""
        while self.read_on():
            time.sleep(0.01)
        return self.seen


class Probe:
    """Writes all the time, and records when a write was acknowledged."""

    def __init__(self, site: Site, stop: threading.Event) -> None:
        self.site, self.stop = site, stop
        self.path = f"{BOOKING}/{site.create()}"
        self.answers: list[tuple[float, float, int]] = []

    def work(self) -> None:
        """Write until told to stop."""
        length = 10
        while not self.stop.wait(0.02):
            length = 10 + (length + 1) % 1000
            began = time.monotonic()
            try:
                status = self.site.server.call("PUT", self.path, {"length": length}).status
            except (OSError, HTTPException):
                status = 0
            self.answers.append((began, time.monotonic(), status))


def without_writes(answers: list[tuple[float, float, int]], since: float, until: float) -> float:
    """Return the longest time, in seconds, between two acknowledged writes of anybody."""
    done = sorted(ended for _, ended, status in answers if status == 200 and since < ended < until)
    return max(after - before for before, after in zip([since, *done], [*done, until], strict=True))


# The run -------------------------------------------------------------------------------------


def run(
    net: Network, *, seconds: float, clients: int, vanish: bool = False, patience: int = 2
) -> Figures:
    """Run the benchmark, and return its figures."""
    with running_site(net, patience) as site:
        figures = Figures(3 * seconds)
        figures.misses = shared_exactly(site)
        world = World(site.server)
        partners = [Partner(world, site.practice, number) for number in range(clients)]
        follower = Follower(site)
        probes = [Probe(site, world.is_over) for _ in range(4)]

        def follow() -> None:
            while not world.is_over.wait(0.2):
                follower.read_on()

        work = [follow, *(each.work for each in partners), *(each.work for each in probes)]
        threads = [threading.Thread(target=each) for each in work]
        for thread in threads:
            thread.start()
        began = {"calm": time.monotonic()}
        try:
            time.sleep(seconds)
            began["application host cut off"] = time.monotonic()
            net.cut("app1")
            time.sleep(seconds)
            net.mend("app1")
            began["primary gone, standby promoted"] = time.monotonic()
            if vanish:
                net.cut("db1")
            net.kill("db1")
            site.standby.promote()
            time.sleep(seconds)
        finally:
            ended = time.monotonic()
            world.is_over.set()
            for thread in threads:
                thread.join()
        answers = [answer for probe in probes for answer in probe.answers]
        for what, until in zip(began, [*list(began.values())[1:], ended], strict=True):
            figures.without_writes[what] = without_writes(answers, began[what], until)
            took = [end - start for start, end, _ in answers if began[what] <= start < until]
            # None began: all were waiting.
            figures.slowest[what] = max(took, default=until - began[what])
        figures.answers = world.answers + Counter(str(status) for _, _, status in answers)
        figures.acknowledged = sum(partner.acknowledged for partner in partners)
        figures.acknowledged += sum(status == 200 for _, _, status in answers)
        figures.hosts = site.requests_by_host()
        if follower.read_to_the_end() != Follower(site).read_to_the_end():
            figures.misses.append("the feed, followed throughout, is not the feed read afterwards")
        figures.misses += [
            *world.unexpected,
            *torture.misses(site.server, partners, figures),
            *torture.flaws(site.server),
        ]
    return figures


def main(arguments: list[str]) -> int:
    """Run it from the command line; exits 1 on one miss."""
    parser = argparse.ArgumentParser(prog="script/bench hosts", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=20)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--vanish", action="store_true")
    asked = parser.parse_args(arguments)
    with network("edge", *APPS, "db1", "db2") as net:
        figures = run(net, seconds=asked.seconds, clients=asked.clients, vanish=asked.vanish)
    sys.stdout.write(f"{figures}\n")
    for miss in figures.misses[:50]:
        sys.stdout.write(f"MISS {miss}\n")
    return 1 if figures.misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
