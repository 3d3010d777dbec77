"""Database failures within a request: a 503 that says why, and nothing is half done."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client

from bookings.desk.desk import version
from bookings.models import Booking, Event
from bookings.scheduling import feed
from openchair.database import failures
from tests.booking_page.walk import ADULT, Patient, opened
from tests.conftest import Caller
from tests.desk.world import House
from tests.factories import Scene

pytestmark = pytest.mark.django_db(transaction=True)
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="it is about SQLite")
CREATE = "/onlinescheduling/booking"


def run(statement: str) -> Any:
    """Run SQL on the connection that this test's requests use."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


@contextmanager
def read_only() -> Iterator[None]:
    """Make the database read-only, as a standby or a read-only file."""
    postgresql = connection.vendor == "postgresql"
    say = "SET default_transaction_read_only = {}" if postgresql else "PRAGMA query_only = {}"
    run(say.format("on"))
    try:
        yield
    finally:
        run(say.format("off"))


@contextmanager
def no_room() -> Iterator[None]:
    """Limit the SQLite file's size, as on a full disk."""
    run("VACUUM")  # or free pages would be enough
    (pages,) = run("PRAGMA page_count")
    run(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        run("PRAGMA max_page_count = 1073741823")


@contextmanager
def another_writer() -> Iterator[None]:
    """Hold SQLite's write lock in another connection, with a short PATIENCE."""
    run("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()
        run("PRAGMA busy_timeout = 20000")


FAILURES = [
    pytest.param(read_only, failures.READ_ONLY, id="read-only"),
    pytest.param(no_room, failures.FULL, id="full", marks=on_sqlite),
    pytest.param(another_writer, failures.BUSY, id="busy", marks=on_sqlite),
]


@pytest.mark.parametrize(("failing", "outage"), FAILURES)
def test_a_partner_is_told_what_is_wrong_and_when_to_come_again(
    scene: Scene, api: Caller, failing: Any, outage: failures.Outage
) -> None:
    # A series is many rows, for which a file that cannot grow has no room.
    large = scene.fields(recurring=True)
    with failing():
        answer = api("POST", CREATE, large, {"Idempotency-Key": "one"})
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == str(outage.retry_after)
    assert answer.json()["detail"].startswith(outage.text)
    assert not Booking.objects.exists()
    assert not Event.objects.exists()
    assert api("POST", CREATE, large, {"Idempotency-Key": "one"}).status_code == 201


@pytest.mark.parametrize(("failing", "outage"), FAILURES)
def test_a_person_at_the_desk_is_told_what_is_wrong_and_when_to_come_again(
    house: House, desk: Client, failing: Any, outage: failures.Outage
) -> None:
    booking = house.publish("X")
    path = house.address(f"opening/{booking.pk}/patient/")
    patient = {"first_name": "Ada", "last_name": "Brook", "phone": "555 0199", "status": "booked"}
    patient["message"] = "\N{SMILING FACE WITH SMILING EYES}" * 2000  # more than a page of the file
    with failing():
        answer = desk.post(path, patient)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, str(outage.retry_after))
    page = answer.content.decode()
    assert "Nothing was changed" in page
    assert outage.text in page
    assert not booking.appointments.exists()
    assert desk.post(path, patient).status_code == 302
    assert booking.appointments.get().status == "booked"


def test_a_patient_is_told_so_in_the_language_of_the_page(house: House, clock: Any) -> None:
    opened(house.practice)
    house.publish("X")
    patient = Patient(house.practice, clock, "/es").send(**ADULT).choose("day")
    before = patient.html
    with read_only():
        patient.choose("time")
    assert (patient.status, patient.response["Retry-After"]) == (
        503,
        str(failures.READ_ONLY.retry_after),
    )
    assert "Algo salió mal" in patient.text
    assert "Go to the board" not in patient.text
    patient.html = before
    assert patient.choose("time").step == "details"


def test_what_a_middleware_meets_is_answered_as_well(
    house: House, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", gone)
    desk.raise_request_exception = False
    answer = desk.get(house.address("board/"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert failures.GONE.text in answer.content.decode()
    assert "traceback" not in answer.content.decode().lower()


def test_a_rule_that_only_the_database_saw_broken_is_told_to_a_person_too(
    house: House,
    desk: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def break_rule(events: Any, **changes: Any) -> None:
        Booking.objects.filter(pk=house.booking.pk).update(places_booked=3)

    path = house.address(f"opening/{house.booking.pk}/act/")
    with monkeypatch.context() as broken:
        broken.setattr(feed, "write", break_rule)
        answer = desk.post(path, {"do": "hold", "seen": version(house.booking)})
    assert answer.status_code == 409
    assert "The database refused this change" in answer.content.decode()
    assert "is not answering" not in caplog.text
    house.booking.refresh_from_db()
    assert house.booking.status == "open"


@pytest.mark.parametrize(
    ("cause", "outage"),
    [
        (psycopg.errors.DeadlockDetected(), failures.CONFLICT),
        (psycopg.errors.SerializationFailure(), failures.CONFLICT),
        (psycopg.errors.LockNotAvailable(), failures.BUSY),
        (psycopg.errors.QueryCanceled(), failures.BUSY),
        (psycopg.errors.IdleInTransactionSessionTimeout(), failures.BUSY),
        (psycopg.errors.TooManyConnections(), failures.BUSY),
        (psycopg.errors.DiskFull(), failures.FULL),
        (psycopg.errors.ReadOnlySqlTransaction(), failures.READ_ONLY),
        (psycopg.errors.UndefinedTable(), failures.MISSING),
        (psycopg.errors.AdminShutdown(), failures.GONE),
        (psycopg.OperationalError("connection refused"), failures.GONE),
        (sqlite3.OperationalError("disk I/O error"), failures.GONE),
        (None, failures.GONE),
    ],
)
def test_a_failure_is_known_by_its_cause(cause: Exception | None, outage: failures.Outage) -> None:
    error = OperationalError()
    error.__cause__ = cause
    assert failures.of(error) is outage
