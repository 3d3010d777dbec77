"""Migrations go forwards and back, on an installation with data in it."""

import importlib
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from django.apps import apps

from bookings import openings
from bookings.models import Booking
from tests.factories import NOON, Scene
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
    """Run management commands on a database; say how many bookings are there afterwards."""
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


@pytest.mark.django_db
def test_what_the_end_of_a_series_closed_leaves_it_and_what_somebody_closed_stays(
    scene: Scene,
) -> None:
    """As the release before left them: both closed, and both say that they do not repeat."""
    at: Any = {"by": scene.actor, "now": NOON}
    series = scene.booking(recurring=True).series
    assert series is not None
    by_hand, by_the_end = series.occurrences.order_by("series_date")[2:4]
    openings.edit(booking_id=by_hand.pk, fields={"recurring": False}, **at)
    openings.close(booking_id=by_hand.pk, **at)
    by_the_end.refresh_from_db()
    assert by_the_end.series is None
    was = {"series": series, "series_date": date(2026, 6, 23)}
    Booking.objects.filter(pk=by_the_end.pk).update(**was)

    ended = importlib.import_module("bookings.migrations.0009_ended_series")
    ended.forwards(apps, None)

    for booking, stays in ((by_hand, True), (by_the_end, False)):
        booking.refresh_from_db()
        assert (booking.status, booking.recurring) == ("closed", False)
        assert (booking.series is not None) == stays
