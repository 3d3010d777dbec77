"""The product behind PgBouncer in transaction mode, as deploy/ and docs/scaling.md say."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, unquote, urlsplit

import psycopg
import pytest
from django.db import connection

from tests import test_races
from tests.bench import idempotency
from tests.gunicorn_settings import database_options
from tests.postgres import somebody_else
from tests.server import ROOT, Server, running_server

# Collected here once more, with this file's `server`: the README's session and the races.
from tests.test_races import (  # noqa: F401
    clients,
    test_of_64_connections_exactly_as_many_win_as_there_are_places,
)
from tests.test_readme import (  # noqa: F401
    session,
    test_answers_are_as_the_readme_shows_them,
    test_every_command_of_the_first_session_succeeds,
)

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PgBouncer is for PostgreSQL"),
]
ROUNDS = 2
TIMEOUTS = re.findall(
    r"^(ALTER ROLE openchair .*;)$", (ROOT / "docs" / "scaling.md").read_text(), re.MULTILINE
)


@pytest.fixture(autouse=True)
def _few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_races, "ROUNDS", ROUNDS)


@pytest.fixture(scope="module")
def pooler() -> Iterator[Path]:
    """Run PgBouncer in front of the PostgreSQL under test; return the directory of its socket."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        assert not os.environ.get("CI"), "CI has a pgbouncer"
        pytest.skip("no pgbouncer on this machine (Debian, Ubuntu: apt-get install it)")
    to = urlsplit(os.environ["DATABASE_URL"])
    place = f"host={unquote(to.hostname or '')} port={to.port or 5432}"
    with TemporaryDirectory(dir="/tmp", prefix="openchair-pgbouncer-") as folder:
        home = Path(folder)
        user = somebody_else()
        (home / "users").write_text(f'"{to.username}" "{to.password or ""}"\n')
        text = (ROOT / "deploy" / "pgbouncer.ini").read_text()
        for shipped, here in {
            "openchair = host=127.0.0.1 port=5432": f"* = {place}",
            "listen_addr = 127.0.0.1": "",
            "unix_socket_dir = /var/run/postgresql": f"unix_socket_dir = {home}",
            "auth_type = scram-sha-256": "auth_type = trust",
            "/etc/pgbouncer/userlist.txt": str(home / "users"),
            "/var/log/postgresql/pgbouncer.log": str(home / "log"),
            "/var/run/postgresql/pgbouncer.pid": str(home / "pid"),
            # So few that transactions share server processes.
            "default_pool_size = 20": "default_pool_size = 3",
        }.items():
            assert shipped in text, f"deploy/pgbouncer.ini no longer says {shipped!r}"
            text = text.replace(shipped, here)
        (home / "ini").write_text(text)
        for path in (home, *home.iterdir()):
            os.chown(path, user.get("user", -1), user.get("group", -1))
        process = subprocess.Popen([program, home / "ini"], stderr=subprocess.DEVNULL, **user)
        try:
            deadline = time.monotonic() + 30
            while not list(home.glob(".s.*")):
                assert process.poll() is None, (home / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield home
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def server(pooler: Path) -> Iterator[Server]:
    """Run the product behind it, with the role's time-outs of docs/scaling.md."""

    def through(url: str) -> str:
        to = urlsplit(url)
        name = to.path[1:]
        with psycopg.connect(url, autocommit=True) as direct:
            for statement in TIMEOUTS:
                here = statement.replace("ROLE openchair IN DATABASE openchair", f"DATABASE {name}")
                direct.execute(here.encode())
        return f"postgres://{to.username}@{quote(str(pooler), safe='')}:6432/{name}"

    with running_server(through=through, PGBOUNCER="on", WEB_CONCURRENCY="3") as running:
        yield running


def test_what_is_sent_several_times_happens_once(server: Server) -> None:
    figures = idempotency.run_on(server, 60, clients=8, kill_every=0.7)
    assert (figures.effects, figures.disagreeing) == (60, 0)
    assert set(figures.statuses) <= {201, 409, 503}


@pytest.mark.each_push
def test_the_timeouts_are_those_of_an_installation_without_it(server: Server) -> None:
    options = database_options(DATABASE_URL="postgres:///unused", SERVING="on", PATIENCE="2")
    direct = dict(re.findall(r"-c (\w+)=([\w.]+)", options))
    documented = dict(re.findall(r"SET (\w+) = '([\w.]+)'", "\n".join(TIMEOUTS)))
    assert documented == direct
    with psycopg.connect(server.environment["DATABASE_URL"], autocommit=True) as pooled:
        by_name = "SELECT DISTINCT source FROM pg_settings WHERE name = ANY(%s)"
        assert pooled.execute(by_name, [list(direct)]).fetchall() == [("database",)]
        assert pooled.execute("SHOW lock_timeout").fetchone() == (direct["lock_timeout"],)


@pytest.mark.each_push
def test_a_lock_that_is_not_given_is_a_503_and_the_next_request_works(server: Server) -> None:
    practice = server.demo["practices"]["exact"]
    body = {"location_id": practice["locations"][0], "doctor_id": practice["doctors"][0]}
    made = server.call("POST", "/onlinescheduling/booking", body)
    assert made.status == 201
    path = f"/onlinescheduling/booking/{made.json()['id']}"
    with (
        psycopg.connect(server.environment["DATABASE_URL"]) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute(
            "SELECT 1 FROM bookings_booking WHERE id = %s FOR UPDATE", [made.json()["id"]]
        )
        waiting = pool.submit(lambda: server.call("PUT", path, {"length": 30}))
        assert waiting.result().status == 503
        other.rollback()
        assert server.call("PUT", path, {"length": 30}).status == 200
