"""Migrations back and forwards, on a database with data."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.postgres import newest_binaries
from tests.server import ROOT, installed

IN_ONE_PROCESS = """
import json

import django

django.setup()
from django.core.management import call_command
from bookings.models import Booking

told = []
for step in {steps}:
    if step == "count":
        told.append(Booking.objects.count())
    else:
        call_command("migrate", *step.split(), verbosity=0)
print(json.dumps(told))
"""


def went(environment: dict[str, str], *steps: str) -> Any:
    """Migrate a database step by step, and count bookings where a step says so."""
    done = subprocess.run(
        [sys.executable, "-c", IN_ONE_PROCESS.format(steps=steps)],
        cwd=ROOT,
        env={**environment, "DJANGO_SETTINGS_MODULE": "openchair.settings"},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def schema(url: str) -> list[str]:
    """Return a database's tables, constraints, indexes, functions and triggers, as SQL."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            rows = file.execute("SELECT name, sql FROM sqlite_master WHERE sql > '' ORDER BY 1")
            return [f"{name}: {sql}" for name, sql in rows]
    dump = [f"{newest_binaries()}/pg_dump", "--schema-only", url]
    lines = subprocess.check_output(dump, text=True).splitlines()
    return [line for line in lines if not line.startswith("\\")]  # of this dump: a random key


@pytest.fixture(scope="module")
def journey() -> Iterator[dict[str, Any]]:
    """Take a database with data back and forth: its last steps, and then everything."""
    with installed(ROOT) as (environment, _):
        before = schema(environment["DATABASE_URL"])
        last = ("count", "bookings 0001", "", "count")
        # Of bookings, too, which needs them.
        whole = ("practices zero", "api zero", "staff zero", "", "count")
        counted = went(environment, *last, *whole)
        after = schema(environment["DATABASE_URL"])
        yield {"counted": counted, "before": before, "after": after}


def test_every_migration_of_ours_can_be_taken_back_and_made_again(journey: Any) -> None:
    assert journey["counted"][2] == 0
    assert len(journey["before"]) > 100
    assert journey["after"] == journey["before"]


def test_the_last_steps_can_be_taken_back_under_data(journey: Any) -> None:
    before, after, _ = journey["counted"]
    assert before > 50
    assert after == before
