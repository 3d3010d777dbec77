"""The sync programs of docs/partners.md and docs/typescript, called by a real worker."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from bookings.messages.webhooks import signing
from tests.conftest import only_once_on_sqlite
from tests.receiver import LOCAL, Call, Does, authority, receiving
from tests.server import ROOT, Server, free_port, running_server, until_it_listens
from tests.snippets import sync_program

pytestmark = [only_once_on_sqlite, pytest.mark.nightly]
TYPESCRIPT = ROOT / "docs" / "typescript"
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")
EXAMPLE_SECRET = signing.new_secret()


@dataclass
class Program:
    """A program in its directory, where it keeps its copy."""

    command: list[str]
    home: Path
    server: Server

    def start(self, **more: str) -> "subprocess.Popen[bytes]":
        practice = self.server.demo["practices"]["exact"]["id"]
        environment = {
            "PATH": os.environ["PATH"],
            "API": self.server.url,
            "KEY": self.server.key,
            "PRACTICE": practice,
            **more,
        }
        return subprocess.Popen(
            self.command, cwd=self.home, env=environment, stdout=subprocess.PIPE
        )

    def once(self) -> str:
        """Let it follow and prove once; return what it says, in small letters."""
        said, _ = self.start(ONCE="1").communicate(timeout=60)
        return said.decode().lower()

    def copy(self) -> set[str]:
        """Return the ids in its copy."""
        if (self.home / "sync.json").exists():
            return set(json.loads((self.home / "sync.json").read_text())["bookings"])
        with closing(sqlite3.connect(self.home / "sync.sqlite3")) as file:
            return {name for (name,) in file.execute("SELECT id FROM bookings")}

    def lose(self, booking_id: str) -> None:
        """Take one booking out of its copy."""
        if (path := self.home / "sync.json").exists():
            kept = json.loads(path.read_text())
            del kept["bookings"][booking_id]
            path.write_text(json.dumps(kept))
            return
        with closing(sqlite3.connect(self.home / "sync.sqlite3")) as file, file:
            file.execute("DELETE FROM bookings WHERE id = ?", [booking_id])


@pytest.fixture(scope="module")
def called() -> Iterator[Server]:
    """Run a server, and a worker that calls webhooks on this machine."""
    with running_server(SSL_CERT_FILE=str(authority()), WEBHOOK_PRIVATE_HOSTS=LOCAL) as server:
        command = [sys.executable, "manage.py", "worker"]
        worker = subprocess.Popen(command, cwd=ROOT, env=server.environment)
        yield server
        worker.terminate()
        worker.wait(timeout=30)


@pytest.fixture
def in_python(called: Server, tmp_path: Path) -> Program:
    (tmp_path / "sync.py").write_text(sync_program())
    return Program([sys.executable, "-W", "error", "sync.py"], tmp_path, called)


@pytest.fixture
def in_typescript(called: Server, tmp_path: Path) -> Program:
    home = tmp_path / "typescript"
    shutil.copytree(TYPESCRIPT, home, ignore=shutil.ignore_patterns("node_modules"))
    if not (shutil.which("npm") or os.environ.get("CI")):
        pytest.skip("there is no npm on this machine")
    npm(home, "ci", "--no-audit", "--no-fund")
    npm(home, "run", "types", API=called.url)
    npm(home, "run", "build")
    return Program(["node", "sync.js"], home, called)


def npm(home: Path, *command: str, **more: str) -> None:
    done = subprocess.run(
        ["npm", *command],
        check=False,
        cwd=home,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
    )
    if command[0] == "ci" and any(each in done.stderr for each in UNREACHABLE):
        pytest.skip("npm's registry cannot be reached")
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running(program: Program, secret: str, port: int) -> Iterator[str]:
    """Run it, and give the first line that it says; in the end it is killed at whatever it does."""
    with program.start(SECRET=secret, PORT=str(port)) as process:
        try:
            until_it_listens(("127.0.0.1", port), process)
            assert process.stdout
            yield process.stdout.readline().decode().lower()
        finally:
            process.kill()


def passed_on(port: int) -> Callable[[Call], Does]:
    """Do what a proxy does: it speaks TLS, and what is behind it does not."""

    def answer(call: Call) -> Does:
        return Does(post(port, call.body, call.headers), body=b"")

    return answer


def post(port: int, body: bytes, headers: dict[str, str]) -> int:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("POST", "/hook", body, headers)
        return connection.getresponse().status


def until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def published(server: Server) -> str:
    practice = server.demo["practices"]["exact"]
    body = {
        "location_id": practice["locations"][0],
        "doctor_id": practice["doctors"][0],
        "start_datetime": "2099-06-02T09:00",
    }
    made: dict[str, Any] = server.call("POST", "/onlinescheduling/booking", body).json()
    return str(made["id"])


@pytest.mark.parametrize("language", ["in_python", "in_typescript"])
def test_a_program_is_told_at_once_misses_nothing_and_knows_when_it_is_wrong(
    language: str, called: Server, request: pytest.FixtureRequest
) -> None:
    program: Program = request.getfixturevalue(language)
    practice = called.demo["practices"]["exact"]["id"]
    port = free_port()
    with receiving() as front:
        front.otherwise = passed_on(port)
        hook = {"url": front.url, "practice_ids": [practice], "types": ["booking.changed"]}
        made = called.call("POST", "/scheduling/webhooks", hook).json()
        with running(program, made["secret"], port) as said:
            assert said.count("true") == 2, said
            first = published(called)
            # It would ask by itself after a minute.
            until(lambda: first in program.copy())
            call = front.wait_for(1)[0]
            assert post(port, call.body, call.headers) == 204
            assert post(port, call.body[:-1] + b" ", call.headers) == 400
            assert post(port, b"", {}) == 400
            forged = signing.headers("msg", datetime.now(UTC), call.body, [EXAMPLE_SECRET])
            assert post(port, call.body, forged) == 400
        called.call("DELETE", f"/scheduling/webhook/{made['id']}")
    # Killed. What happens meanwhile it is told by the feed.
    second = published(called)
    called.call("DELETE", f"/onlinescheduling/booking/{first}")
    assert program.once().count("true") == 2
    assert second in program.copy()
    assert first not in program.copy()
    program.lose(second)
    assert "false" in program.once()
    assert second in program.copy()
    assert program.once().count("true") == 2


def test_both_programs_are_short_enough_to_be_copied() -> None:
    for text in (sync_program(), (TYPESCRIPT / "sync.ts").read_text()):
        assert len(text.splitlines()) < 120
    assert '"resolved"' not in (TYPESCRIPT / "package-lock.json").read_text()
