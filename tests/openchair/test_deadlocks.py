"""Deadlocks on PostgreSQL: a 503 and a line in the log, and nothing is half done."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.test import Client

from bookings.desk.desk import version
from bookings.models import Booking, Event
from bookings.scheduling import feed
from openchair.api.models import KeptAnswer
from openchair.database import failures
from practices.models import Practice
from tests import factories
from tests.conftest import Caller
from tests.desk.world import House, browser, person
from tests.factories import Scene

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer: nothing meets"
)


class Crossing:
    """Makes two changes lock each other's booking: a real deadlock."""

    def __init__(self, one: Booking, other: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
        self.other_of = {one.pk: other.pk, other.pk: one.pk}
        self.both = threading.Barrier(2, timeout=60)
        self.write = feed.write
        monkeypatch.setattr(feed, "write", self.cross)

    def cross(self, events: Any, **changes: Any) -> Any:
        """Lock the other booking, with the own one locked."""
        mine = events[0].booking_id
        self.both.wait()
        Booking.objects.select_for_update().get(pk=self.other_of[mine])
        return self.write(events, **changes)


def at_once(*acts: Any) -> list[Any]:
    """Run different things at once, in threads."""

    def run(act: Any) -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_requests_in_a_deadlock_one_succeeds_and_one_is_told_to_come_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = scene.booking(), scene.booking()
    Crossing(one, other, monkeypatch)

    def edit(booking: Booking) -> Any:
        path = f"/onlinescheduling/booking/{booking.pk}"
        return Caller(scene.key)("POST", path, {"length": 30}, {"Idempotency-Key": booking.pk})

    answers = at_once(lambda: edit(one), lambda: edit(other))
    assert sorted(answer.status_code for answer in answers) == [200, 503]
    assert [a.headers["Retry-After"] for a in answers if a.status_code == 503] == ["1"]
    assert sorted(booking.events.count() for booking in (one, other)) == [1, 2]
    assert KeptAnswer.objects.count() == 1
    said = f"{failures.CONFLICT.text}: DeadlockDetected: 40P01 deadlock detected"
    assert [r.getMessage() for r in caplog.records if r.levelname == "ERROR"] == [said]


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_the_desk_in_a_deadlock_one_succeeds(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = house.publish("X"), house.publish("Y")
    Crossing(one, other, monkeypatch)
    colleague = person("colleague", house.practice)

    def hold(user: Any, booking: Booking) -> Any:
        path = house.address(f"opening/{booking.pk}/act/")
        return browser(user).post(path, {"do": "hold", "seen": version(booking)})

    answers = at_once(lambda: hold(house.staff, one), lambda: hold(colleague, other))
    assert sorted(answer.status_code for answer in answers) == [302, 503]
    statuses = [Booking.objects.get(pk=booking.pk).status for booking in (one, other)]
    assert sorted(statuses) == ["open", "pending"]


def deadlocked(*args: Any, **kwargs: Any) -> None:
    """Raise what Django raises when PostgreSQL has rolled back a deadlock's victim."""
    raise OperationalError from psycopg.errors.DeadlockDetected("deadlock detected")


@pytest.mark.django_db(transaction=True)
def test_after_a_deadlock_the_same_request_can_be_sent_again(
    scene: Scene, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(feed, "write", deadlocked)
        answer = api("POST", "/onlinescheduling/booking", scene.fields(), {"Idempotency-Key": "a"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert not Booking.objects.exists()
    assert not Event.objects.exists()
    assert not KeptAnswer.objects.exists()
    again = api("POST", "/onlinescheduling/booking", scene.fields(), {"Idempotency-Key": "a"})
    assert again.status_code == 201


@pytest.mark.django_db(transaction=True)
def test_an_action_of_a_list_is_done_whole_or_not_at_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Client(headers={"host": "localhost"})
    operator.force_login(person("operator", is_superuser=True))
    spare = factories.practice(name="Spare")
    before = LogEntry.objects.count()
    form = {"action": "delete_selected", "_selected_action": [spare.pk], "post": "yes"}
    with monkeypatch.context() as broken:
        broken.setattr("django.db.models.query.QuerySet.delete", deadlocked)
        answer = operator.post("/admin/practices/practice/", form)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert Practice.objects.filter(pk=spare.pk).exists()
    assert LogEntry.objects.count() == before
