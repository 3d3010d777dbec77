"""The digest of a location, by which a follower proves its copy (contract, section 9)."""

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import Booking
from bookings.scheduling import appointments
from tests import factories
from tests.bookings.test_changes import Follower, Load
from tests.conftest import Caller
from tests.factories import NOON, Scene
from tests.test_statements import APART

IDS = ["b", "B", "a_1", "a-1", "a1", "a", "A9", "9", "a1x"]
"""Sorted otherwise by a language's rules, or as lines in which the comma takes part."""
LINES = (
    "9,2026-06-01T12:00:00.000-04:00,open,2\n"
    "A9,2026-06-01T12:00:00.000-04:00,booked,0\n"
    "B,2026-06-01T12:00:00.000-04:00,open,2\n"
    "a,2026-06-01T12:00:00.000-04:00,open,2\n"
    "a-1,2026-06-01T12:00:00.000-04:00,pending,2\n"
    "a1x,2026-06-01T12:00:00.000-04:00,open,2\n"
    "a_1,2026-06-01T12:00:01.005-04:00,open,1\n"
    "b,2026-06-01T12:00:00.000-04:00,open,2\n"
)


def told(api: Caller, scene: Scene) -> Any:
    answer = api("GET", f"/onlinescheduling/location/{scene.location.pk}/digest")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_it_is_the_hash_of_the_lines_that_the_contract_names(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    elsewhere = factories.location(scene.practice)
    scene.doctor.locations.add(elsewhere)
    for each in IDS:
        scene.booking(id=each, total_appointments=2)
    scene.booking(location_id=elsewhere.pk)
    api("DELETE", "/onlinescheduling/booking/a1")
    api("PUT", "/onlinescheduling/booking/A9", {"status": "booked"})
    api("PUT", "/onlinescheduling/booking/a-1", {"status": "pending"})
    clock.shift(timedelta(milliseconds=1005))
    api("POST", "/onlinescheduling/booking/a_1/appointments", {"status": "booked"})
    path = f"/onlinescheduling/practice/{scene.practice.pk}/changes?after=latest"
    assert told(api, scene) == {
        "cursor": api("GET", path).json()["cursor"],
        "count": 8,
        "sha256": hashlib.sha256(LINES.encode()).hexdigest(),
    }


def test_a_location_without_openings_has_the_hash_of_nothing(scene: Scene, api: Caller) -> None:
    path = f"/onlinescheduling/practice/{scene.practice.pk}/changes?after=latest"
    cursor, nothing = api("GET", path).json()["cursor"], hashlib.sha256(b"").hexdigest()
    assert told(api, scene) == {"cursor": cursor, "count": 0, "sha256": nothing}


def test_whatever_happens_a_follower_at_that_cursor_computes_the_same(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    chance, load = random.Random(15), Load(scene, seconds=0, threads=0)
    scene.booking(total_appointments=2)
    follower = Follower(api, scene.practice.pk)
    seen = set()
    for _ in range(80):
        load.step(chance)
        clock.shift(chance.choice([0, 0, 0.007, 60, 1000]))  # also until holds have lapsed
        server = told(api, scene)
        follower.poll()
        assert server == follower.digest(scene.location.pk)
        seen.add(server["sha256"])
    assert load.done > 40
    assert len(seen) > 40


def test_a_hold_that_has_ended_is_no_difference(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(status="pending")
    held = told(api, scene)
    clock.shift(900)
    follower = Follower(api, scene.practice.pk)
    lapsed = told(api, scene)
    assert lapsed == follower.digest(scene.location.pk)
    assert lapsed["sha256"] != held["sha256"]


def test_it_is_computed_once_a_change(scene: Scene, api: Caller) -> None:
    scene.booking()
    path = f"/onlinescheduling/location/{scene.location.pk}/digest"
    first = api("GET", path)
    for headers, status in (({}, 200), ({"If-None-Match": first["ETag"]}, 304)):
        with CaptureQueriesContext(connection) as asked:
            again = api("GET", path, headers=headers)
        assert (again.status_code, again["ETag"]) == (status, first["ETag"])
        assert len(asked) == 1 + 2 * APART
    scene.booking()
    assert told(api, scene)["count"] == 2


def test_json_that_has_to_be_made_anew_comes_to_the_same(scene: Scene, api: Caller) -> None:
    for _ in range(3):
        scene.booking()
    Booking.objects.filter(pk=scene.booking().pk).update(shown="", shown_as="")
    server = told(api, scene)
    assert server == Follower(api, scene.practice.pk).digest(scene.location.pk)
    assert not Booking.objects.filter(shown="").exists()
    # Another wall clock, of which the feed tells nothing.
    scene.location.timezone = "Asia/Tokyo"
    scene.location.save()
    anew = told(api, scene)
    assert anew == Follower(api, scene.practice.pk).digest(scene.location.pk)
    assert (anew["cursor"], anew["sha256"] != server["sha256"]) == (server["cursor"], True)


def test_a_parameter_is_a_400(scene: Scene, api: Caller) -> None:
    path = f"/onlinescheduling/location/{scene.location.pk}/digest?status=open"
    assert api("GET", path).status_code == 400


@contextmanager
def change_before(nth: int, change: Callable[[], Any]) -> Iterator[None]:
    """Run a change right before the nth statement of the block."""
    left = nth

    def run(execute: Any, *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            change()
        return execute(*arguments)

    with connection.execute_wrapper(run):
        yield


@pytest.mark.parametrize("nth", range(1, 6))
def test_no_change_in_between_gives_a_cursor_the_state_of_another(
    scene: Scene, api: Caller, nth: int
) -> None:
    scene.booking(id="one", total_appointments=9)

    def change() -> None:
        fields: Any = {"status": "booked"}
        appointments.take(booking_id="one", fields=fields, by=scene.actor, now=NOON)

    follower = Follower(api, scene.practice.pk)
    before = follower.digest(scene.location.pk)
    with change_before(nth, change):
        server = told(api, scene)
    assert server in (before, told(api, scene))

    change()
    before = told(api, scene)
    with change_before(nth, change):
        follower.poll()
    assert follower.digest(scene.location.pk) in (before, told(api, scene))
