"""Whether an upgrade and a downgrade, with data and under load, fail anybody's request.

    python -m tests.bench.upgrade [FROM [CLIENTS]]

takes the release FROM (a commit; unless said, the one before the newest commit with a migration),
serves it from a directory of its own with its own schema and demo data, and lets CLIENTS (4) work
without a pause. Meanwhile the database is migrated forward, the server restarted with the code at
hand, reloaded, restarted with the code of FROM, and the migrations since then are taken back.
"""

import base64
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGHUP, SIGTERM
from socket import create_server, socket

from tests.bench.load import Load
from tests.server import ROOT, Server, installed

MIGRATIONS = ":(glob)**/migrations/*.py"
LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid());"
    "os.execvp(sys.argv[2], sys.argv[2:])"
)


@dataclass
class Figures:
    """What was done, how long each step took, and what it did to those who were at work."""

    since: str
    migrations: list[str] = field(default_factory=list)
    answered: int = 0
    failures: list[str] = field(default_factory=list)
    lost: int = 0
    steps: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By step: its seconds, and those of the slowest request meanwhile."""

    def __str__(self) -> str:
        lines = [
            f"from {self.since}: {len(self.migrations)} migrations ({', '.join(self.migrations)}); "
            f"{self.answered} requests, {len(self.failures)} failed, {self.lost} bookings lost"
        ]
        lines += [
            f"  {step}: {seconds:.1f} s, slowest request {slowest:.1f} s"
            for step, (seconds, slowest) in self.steps.items()
        ]
        return "\n".join(lines + self.failures[:10])


def git(*arguments: str) -> str:
    """Ask git about this repository; nothing where it cannot say."""
    said = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    return said.stdout.strip()


def release_before() -> str:
    """Name the newest commit that lacks our newest migration; empty where history has none.

    Before there were bookings there is nothing to upgrade.
    """
    newest = git("log", "-1", "--format=%H", "--diff-filter=A", "--", MIGRATIONS)
    before = git("rev-parse", "--verify", "--quiet", f"{newest}^1") if newest else ""
    return before if before and git("ls-tree", before, "bookings/demo.py") else ""


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Put a release into a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="openchair-release-") as folder:
        archive = subprocess.check_output(["git", "archive", commit], cwd=ROOT)
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        yield Path(folder)


class Installation:
    """A server whose socket outlives it, as under systemd."""

    def __init__(self, environment: dict[str, str], listening: socket) -> None:
        self.environment = environment
        self.listening = listening

    def start(self, release: Path) -> None:
        """Start a release."""
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "openchair/gunicorn.py"]
        fd = self.listening.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(fd), *gunicorn, "openchair.wsgi:application"],
            cwd=release,
            env={**self.environment, "LISTEN_FDS": "1"},
            pass_fds=[fd],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def restart(self, release: Path) -> None:
        """Let what runs end what it has begun, and start a release in its place."""
        self.stop()
        self.start(release)

    def reload(self) -> None:
        """Put new workers in the place of the old ones."""
        self.process.send_signal(SIGHUP)

    def stop(self) -> None:
        """End the server in its own time."""
        self.process.send_signal(SIGTERM)
        self.process.wait(timeout=60)

    def manage(self, release: Path, *arguments: str) -> str:
        """Run a management command of a release."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=release, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout


def applied(installation: Installation) -> dict[str, list[str]]:
    """Give our apps' migrations that the database has, in their order."""
    listed: dict[str, list[str]] = {}
    for line in installation.manage(ROOT, "showmigrations", "-v0").splitlines():
        if not line.startswith(" "):
            listed[app := line.strip()] = []
        elif line.startswith(" [X]"):
            listed[app].append(line.split()[1])
    return {app: names for app, names in listed.items() if app in {"api", "bookings", "practices"}}


def run(commit: str, *, clients: int, between: int, patience: int) -> Figures:
    """Do it all, with so many requests between two steps, and give the figures.

    patience: seconds, the server's own.
    """
    figures = Figures(git("log", "-1", "--format=%h", commit))
    # Both releases are one installation: neither makes a key for itself.
    key = base64.urlsafe_b64encode(os.urandom(32)).decode()
    with (
        checked_out(commit) as before,
        installed(before, PATIENCE=str(patience), PATIENT_KEYS=key) as (environment, demo),
        create_server(("127.0.0.1", int(environment["PORT"])), backlog=512) as listening,
    ):
        installation = Installation(environment, listening)
        installation.start(before)
        try:
            server = Server(int(environment["PORT"]), demo, environment, installation.process)
            load = Load(server, "upgrade")
            with load.running(clients):
                _steps(installation, before, load, figures, between)
            for name in load.booked:
                known = server.call("GET", f"/onlinescheduling/booking/{name}").json()
                figures.lost += known.get("status") != "booked"
        finally:
            installation.stop()
    figures.answered, figures.failures = load.answered, load.failures
    return figures


def _steps(
    installation: Installation, before: Path, load: Load, figures: Figures, between: int
) -> None:
    def step(name: str, do: Callable[..., object], *arguments: object) -> None:
        load.until(between)
        load.slowest, began = 0.0, time.monotonic()
        do(*arguments)
        seconds = time.monotonic() - began
        load.until(between)
        figures.steps[name] = (seconds, load.slowest)

    old = applied(installation)
    step("migrate forward", installation.manage, ROOT, "migrate", "-v0")
    new = applied(installation)
    figures.migrations = [f"{app}.{name}" for app in new for name in new[app][len(old[app]) :]]
    step("restart with the new release", installation.restart, ROOT)
    step("reload (HUP)", installation.reload)
    step("restart with the release before", installation.restart, before)
    for app in (app for app in new if new[app] != old[app]):
        target = old[app][-1] if old[app] else "zero"
        back = (ROOT, "migrate", app, target, "-v0")
        step(f"migrate {app} back to {target}", installation.manage, *back)
    assert applied(installation) == old
    load.until(between)


def main(arguments: list[str]) -> int:
    """Run it from the command line; exits 1 where a request failed or a booking was lost."""
    if len(arguments) > 2 or not all(text.isdigit() for text in arguments[1:]):
        sys.stderr.write(__doc__ or "")
        return 2
    commit = arguments[0] if arguments else release_before()
    clients = int(arguments[1]) if arguments[1:] else 4
    figures = run(commit, clients=clients, between=300, patience=2)
    sys.stdout.write(f"{figures}\n")
    return 1 if figures.failures or figures.lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
