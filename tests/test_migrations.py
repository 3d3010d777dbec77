"""Migrations go forwards and back, on an installation with data in it."""

import importlib
import json
from datetime import date
from typing import Any

import pytest
from django.apps import apps

from bookings.models import Booking
from bookings.scheduling import bookings
from tests.factories import NOON, Scene
from tests.server import Server, running_server


def count(server: Server) -> int:
    answer = server.call("GET", "/onlinescheduling/practice/rtGB2/bookings")
    return len(answer.json())


def test_every_migration_of_ours_can_be_taken_back_and_made_again() -> None:
    with running_server() as server:
        assert count(server) > 50
        for app in ("bookings", "practices", "api"):
            server.manage("migrate", app, "zero", "-v0")
        server.manage("migrate", "-v0")
        made = json.loads(server.manage("demo", "--json"))
        server.demo = made
        assert count(server) > 50


def test_the_last_steps_can_be_taken_back_under_data() -> None:
    with running_server() as server:
        before = count(server)
        server.manage("migrate", "bookings", "0001", "-v0")
        server.manage("migrate", "-v0")
        assert count(server) == before


@pytest.mark.django_db
def test_what_the_end_of_a_series_closed_leaves_it_and_what_somebody_closed_stays(
    scene: Scene,
) -> None:
    """As the release before left them: both closed, and both say that they do not repeat."""
    at: Any = {"by": scene.actor, "now": NOON}
    series = scene.booking(recurring=True).series
    assert series is not None
    by_hand, by_the_end = series.occurrences.order_by("series_date")[2:4]
    bookings.edit(booking_id=by_hand.pk, fields={"recurring": False}, **at)
    bookings.close(booking_id=by_hand.pk, **at)
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
