"""Deadlocks and serialization failures: the whole request is done again, and never half of it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from json import dumps
from typing import Any

import psycopg
import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.test import Client

from bookings.models import Booking, Event
from bookings.scheduling import bookings, feed, moves
from openchair import second_try
from openchair.api.models import KeptAnswer
from practices.models import Practice
from tests import factories
from tests.conftest import Caller
from tests.desk.world import House, browser, person
from tests.factories import Scene

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer: nothing meets"
)


class Crossing:
    """Lets two changes lock each other's booking, as no verb does by itself: a real deadlock."""

    def __init__(self, one: Booking, other: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
        self.other_of = {one.pk: other.pk, other.pk: one.pk}
        self.both = threading.Barrier(2, timeout=60)
        self.tries: list[str] = []
        self.write = feed.write
        monkeypatch.setattr(feed, "write", self.cross)

    def cross(self, events: Any) -> None:
        """Lock the other one's booking the first time, with one's own locked and saved."""
        mine = events[0].booking_id
        self.tries.append(mine)
        if self.tries.count(mine) == 1:
            self.both.wait()
            Booking.objects.select_for_update().get(pk=self.other_of[mine])
        self.write(events)


def at_once(*acts: Any) -> list[Any]:
    """Do different things at once, in threads of their own."""

    def run(act: Any) -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@on_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "once"}])
def test_of_two_requests_in_a_deadlock_both_succeed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    one, other = scene.booking(), scene.booking()
    crossing = Crossing(one, other, monkeypatch)

    def edit(booking: Booking) -> Any:
        key = {name: f"{text}-{booking.pk}" for name, text in headers.items()}
        path = f"/onlinescheduling/booking/{booking.pk}"
        return Caller(scene.key)("POST", path, {"length": 30}, key)

    answers = at_once(lambda: edit(one), lambda: edit(other))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(crossing.tries) == 3
    for booking in (one, other):
        assert [event.to_status for event in booking.events.all()] == ["open", "open"]
    assert KeptAnswer.objects.count() == 2 * len(headers)


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_the_desk_in_a_deadlock_both_succeed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = house.opening("X"), house.opening("Y")
    crossing = Crossing(one, other, monkeypatch)
    colleague = person("colleague", house.practice)

    def hold(user: Any, booking: Booking) -> Any:
        path = house.address(f"opening/{booking.pk}/act/")
        return browser(user).post(path, {"do": "hold", "seen": "open"}, follow=True)

    answers = at_once(lambda: hold(house.staff, one), lambda: hold(colleague, other))
    assert len(crossing.tries) == 3
    for answer, booking in zip(answers, (one, other), strict=True):
        assert "The opening is on hold." in answer.content.decode()
        booking.refresh_from_db()
        assert booking.status == "pending"


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_request_that_cannot_be_serialized_sees_everything_anew(
    scene: Scene, api: Caller, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = scene.booking()
    seen: list[Any] = []
    lock = moves.lock

    def late(booking_id: str, **kwargs: Any) -> Any:
        if not seen:
            fields: bookings.Fields = {"status": "booked"}
            rival: Any = {"booking_id": booking_id, "fields": fields, "by": scene.actor}
            seen.append(kwargs["now"])
            at_once(lambda: bookings.edit(**rival, now=kwargs["now"]))
            clock.shift(5)
        elif threading.current_thread() is threading.main_thread():
            seen.append(kwargs["now"])
        return lock(booking_id, **kwargs)

    monkeypatch.setattr(moves, "lock", late)
    level = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL"
    with connection.cursor() as cursor:
        cursor.execute(f"{level} REPEATABLE READ")
    try:
        path = f"/onlinescheduling/booking/{booking.pk}"
        answer = api("POST", path, {"status": "pending"}, {"Idempotency-Key": "one"})
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"{level} READ COMMITTED")
    assert answer.status_code == 409
    assert "is booked" in answer.json()["detail"]
    assert (seen[1] - seen[0]).total_seconds() == 5
    assert KeptAnswer.objects.get().status == 409


def deadlocked(*args: Any, **kwargs: Any) -> None:
    """Fail as a verb does that PostgreSQL has rolled back for another one's sake."""
    raise OperationalError from psycopg.errors.DeadlockDetected("deadlock detected")


@pytest.mark.django_db(transaction=True)
def test_who_meets_others_again_and_again_gets_a_503_and_nothing_is_done(
    scene: Scene, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_try, "PAUSES", (0.001, 0.001, 0.001))
    tries: list[int] = []

    def fail(events: Any) -> None:
        tries.append(1)
        deadlocked()

    with monkeypatch.context() as broken:
        broken.setattr(feed, "write", fail)
        answer = api("POST", "/onlinescheduling/booking", scene.fields(), {"Idempotency-Key": "a"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert len(tries) == 4
    assert not Booking.objects.exists()
    assert not Event.objects.exists()
    assert not KeptAnswer.objects.exists()
    again = api("POST", "/onlinescheduling/booking", scene.fields(), {"Idempotency-Key": "a"})
    assert again.status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_chunked_body_is_there_for_the_second_try(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_try, "PAUSES", (0.001,))
    write = feed.write
    tries: list[int] = []

    def once(events: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            deadlocked()
        write(events)

    monkeypatch.setattr(feed, "write", once)
    body = dumps({"location_id": scene.location.pk, "doctor_id": scene.doctor.pk, "length": 35})
    answer: Any = Client(HTTP_HOST="testserver").post(
        "/onlinescheduling/booking",
        content_type="application/json",
        headers={"Authorization": scene.key, "Transfer-Encoding": "chunked"},
        **{"wsgi.input": BytesIO(body.encode())},  # type: ignore[arg-type]  # it is part of environ
    )
    assert (answer.status_code, answer.json()["length"]) == (201, 35)
    assert len(tries) == 2


@pytest.mark.django_db(transaction=True)
def test_an_action_of_a_list_is_done_whole_or_not_at_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_try, "PAUSES", (0.001,))
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
