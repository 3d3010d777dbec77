"""Migrations forwards and back, on a database with data."""

import subprocess
import sys

from tests.server import ROOT, installed

IN_ONE_PROCESS = """
import django

django.setup()
from django.core.management import call_command
from bookings.models import Booking

for arguments in {commands}:
    call_command(*arguments)
print(Booking.objects.count())
"""


def bookings_after(environment: dict[str, str], *commands: str) -> int:
    """Run management commands on a database; return how many bookings there are afterwards."""
    script = IN_ONE_PROCESS.format(commands=[command.split() for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**environment, "DJANGO_SETTINGS_MODULE": "openchair.settings"},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout.splitlines()[-1])


def test_every_migration_of_ours_can_be_taken_back_and_made_again() -> None:
    with installed(ROOT) as (environment, _):
        back = [f"migrate {app} zero -v0" for app in ("bookings", "practices", "api")]
        assert bookings_after(environment, *back, "migrate -v0") == 0
        assert bookings_after(environment, "demo --json") > 50


def test_the_last_steps_can_be_taken_back_under_data() -> None:
    with installed(ROOT) as (environment, _):
        before = bookings_after(environment)
        assert before > 50
        assert bookings_after(environment, "migrate bookings 0001 -v0", "migrate -v0") == before
