"""Backup and restore under load, with the commands of docs/backups.md."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from tests.bench.load import Load
from tests.postgres import newest_binaries
from tests.server import ROOT, Server, free_port, running_server, serving
from tests.snippets import FENCE, Ran, run_in_bash

URL = os.environ.get("DATABASE_URL", "")
PAGE = (ROOT / "docs" / "backups.md").read_text()
ENGINE = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
RESTORED = f"restored_{os.getpid()}"


def commands() -> list[str]:
    """Return what the page shows for the engine under test."""
    section = PAGE.partition(f"## {ENGINE}\n")[2].partition("\n## ")[0]
    return [text for kind, text in FENCE.findall(section) if kind == "sh"]


class Operator:
    """Runs commands where an installation is, and may restore beside it."""

    def __init__(self, server: Server, home: Path) -> None:
        self.home = home
        self.url = server.environment["DATABASE_URL"]
        self.environment = {**server.environment}
        for name in (".venv", "manage.py", "deploy"):
            (home / name).symlink_to(ROOT / name)
        if connection.vendor == "postgresql":
            self.restored = re.sub(r"/[^/?]+(?=$|\?)", f"/{RESTORED}", self.url)
            named = {"dbname": "DATABASE", "host": "HOST", "port": "PORT", "user": "USER"}
            for name, value in conninfo_to_dict(self.url).items():
                self.environment[f"PG{named.get(name, name.upper())}"] = str(value)
            self.environment["PATH"] = f"{newest_binaries()}:{os.environ['PATH']}"
        else:
            (home / "data").symlink_to(Path(self.url.removeprefix("sqlite:///")).parent)
            self.restored = self.url

    def types(self, *snippets: str) -> None:
        """Run commands of the page, with this test's names of things."""
        names = {
            r"\brestored\b": RESTORED,
            r"(?m)^export DATABASE_URL=.*$": f"export DATABASE_URL={self.restored}",
            r"data/openchair\.sqlite3": f"data/{Path(self.url).name}",
        }
        here = list(snippets)
        for pattern, name in names.items():
            here = [re.sub(pattern, name, text) for text in here]
        ran: list[Ran] = run_in_bash(here, self.home, self.environment)
        assert [one.ended for one in ran] == [0] * len(here), ran


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running
        if connection.vendor == "postgresql":
            with psycopg.connect(running.environment["DATABASE_URL"], autocommit=True) as last:
                last.execute(f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)".encode())


def test_what_was_acknowledged_before_a_backup_is_there_after_a_restore_and_feeds_go_on(
    server: Server, tmp_path: Path
) -> None:
    operator = Operator(server, tmp_path)
    copy, *restore = commands()
    with Load(server, "drill").running(clients=2) as load:
        load.until(20)
        began = time.monotonic()
        operator.types(copy)
        load.until(10)
    assert load.failures == []
    acknowledged = [name for name, at in load.booked.items() if at < began]
    assert acknowledged
    feed = f"/onlinescheduling/practice/{load.practice['id']}/changes?after="
    cursor = server.call("GET", f"{feed}latest").json()["cursor"]
    server.process.terminate()
    server.process.wait(timeout=40)
    operator.types(*restore)
    port = str(free_port())
    environment = {**server.environment, "DATABASE_URL": operator.restored, "PORT": port}
    with serving(environment) as process:
        again = Server(int(port), server.demo, environment, process)
        for name in acknowledged:
            known = again.call("GET", f"/onlinescheduling/booking/{name}")
            assert known.json()["status"] == "booked", known.body
        assert again.call("GET", feed + cursor).json()["changes"] == []
        with Load(again, "after").running(clients=1) as load:
            load.until(5)
        assert load.failures == []
        told = again.call("GET", feed + cursor).json()["bookings"]
        assert {row["id"].partition("-")[0] for row in told} == {"after"}
