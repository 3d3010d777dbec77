"""`manage.py migrate` on PostgreSQL: it waits for whoever is at work, and nobody waits for it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.operations.cluster import Database, database_with_roles
from tests.server import ROOT

URL = os.environ.get("DATABASE_URL", "")
pytestmark = pytest.mark.skipif(not URL.startswith("postgres"), reason="SQLite has one writer")


@pytest.fixture
def database() -> Iterator[Database]:
    """Make a database as the docs do."""
    with database_with_roles(URL) as made:
        made.manage("owner", "migrate", "-v0")
        yield made


def test_a_migration_behind_a_long_transaction_holds_nobody_up(database: Database) -> None:
    app = database.url("app")
    with psycopg.connect(app) as long, psycopg.connect(app, autocommit=True) as reader:
        long.execute("SELECT count(*) FROM bookings_booking")  # and its transaction goes on
        command = [sys.executable, "manage.py", "migrate", "bookings", "0001", "-v0"]
        owner = {**os.environ, "DATABASE_URL": database.url("owner")}
        with subprocess.Popen(
            command, cwd=ROOT, env=owner, stderr=subprocess.PIPE, text=True
        ) as migrating:
            assert migrating.stderr
            assert "A table is in use (1 of " in migrating.stderr.readline()
            began, slowest = time.monotonic(), 0.0
            while time.monotonic() - began < 4:
                asked = time.monotonic()
                # Who comes after a waiting migration waits with it: a second, and then goes on.
                reader.execute("SELECT count(*) FROM bookings_booking")
                slowest = max(slowest, time.monotonic() - asked)
                time.sleep(0.01)
            assert migrating.poll() is None
            assert slowest < 5  # the application gives up after 5 s
            long.rollback()
            assert migrating.wait(timeout=120) == 0
    database.manage("owner", "migrate", "-v0")


def test_time_outs_of_a_migration_end_with_it(database: Database) -> None:
    shell = (
        "from django.core.management import call_command; from django.db import connection;"
        "call_command('migrate', verbosity=0); c = connection.cursor();"
        "print(c.execute('SHOW lock_timeout').fetchone(),"
        " c.execute('SHOW statement_timeout').fetchone())"
    )
    said = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", shell],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database.url("owner")},
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout.strip() == "('0',) ('0',)"  # the role's
