"""Permissions of appointments and the change feed, and where patients' data may appear."""

import logging
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from bookings.models import Appointment, Event
from openchair.api import problems
from openchair.api.models import KeptAnswer
from tests import factories
from tests.conftest import Caller, only_once_on_sqlite
from tests.factories import NOON, Scene
from tests.routes import filled, routes

pytestmark = only_once_on_sqlite

APPOINTMENTS = "/onlinescheduling/booking/<id:booking_id>/appointments"
APPOINTMENT = "/onlinescheduling/appointment/<id:appointment_id>"
OF_PRACTICE = "/onlinescheduling/practice/<id:practice_id>"
OPEN_TO_ALL = dict.fromkeys(("owner", "other", "reader", "stranger"), 200)

MATRIX = {
    # What each may do: the partner that made the appointment; another with the same rights; one
    # that is granted the practice and may not write; one that may write elsewhere.
    ("POST", APPOINTMENTS): {"owner": 201, "other": 201, "reader": 403, "stranger": 403},
    ("GET", APPOINTMENT): {"owner": 200, "other": 404, "reader": 404, "stranger": 404},
    ("PUT", APPOINTMENT): {"owner": 200, "other": 404, "reader": 403, "stranger": 404},
    ("DELETE", APPOINTMENT): {"owner": 200, "other": 404, "reader": 403, "stranger": 404},
    ("GET", f"{OF_PRACTICE}/appointments"): {**OPEN_TO_ALL, "stranger": 403},
    ("GET", f"{OF_PRACTICE}/changes"): OPEN_TO_ALL,
    ("GET", f"{OF_PRACTICE}/bookings"): OPEN_TO_ALL,
    ("GET", "/onlinescheduling/location/<id:location_id>/bookings"): OPEN_TO_ALL,
    ("GET", "/onlinescheduling/location/<id:location_id>/digest"): OPEN_TO_ALL,
    ("GET", "/scheduling/practice/<id:practice_id>"): OPEN_TO_ALL,
    ("GET", "/scheduling/practice/<id:practice_id>/doctors"): OPEN_TO_ALL,
    ("GET", "/scheduling/practice/<id:practice_id>/locations"): OPEN_TO_ALL,
    ("GET", "/scheduling/doctor/<id:doctor_id>"): OPEN_TO_ALL,
}
CANARY = {
    "first_name": "Canary-Mia",
    "last_name": "Canary-Park",
    "email": "canary@example.com",
    "phone": "555 Canary",
    "guardian_name": "Canary-Jo",
    "zip_code": "canary-zip",
    "message": "Canary sings",
}


class World:
    """A practice with an appointment in it, and callers of every kind."""

    def __init__(self, scene: Scene) -> None:
        elsewhere = factories.practice(name="Elsewhere")
        at = [scene.practice]
        self.callers = {
            "owner": Caller(scene.key),
            "other": Caller(factories.key(factories.partner(granted=at))[1]),
            "reader": Caller(factories.key(factories.partner(granted=at, authorized=False))[1]),
            "stranger": Caller(factories.key(factories.partner(granted=[elsewhere]))[1]),
        }
        booking = scene.booking(total_appointments=3)
        taken = self.callers["owner"](
            "POST",
            f"/onlinescheduling/booking/{booking.pk}/appointments",
            {"status": "booked", **CANARY},
            {"Idempotency-Key": "canary"},
        )
        self.ids = {
            "practice_id": scene.practice.pk,
            "location_id": scene.location.pk,
            "doctor_id": scene.doctor.pk,
            "booking_id": booking.pk,
            "appointment_id": taken.json()["id"],
        }


@pytest.fixture
def world(scene: Scene) -> World:
    return World(scene)


def body_of(method: str) -> dict[str, str] | None:
    """Return a body that a method accepts on this route."""
    return {"status": "booked"} if method in {"POST", "PUT", "PATCH"} else None


@pytest.mark.parametrize(("method", "pattern"), MATRIX)
@pytest.mark.parametrize("who", ["owner", "other", "reader", "stranger"])
def test_who_may_do_what(world: World, who: str, method: str, pattern: str) -> None:
    before = list(Appointment.objects.order_by("pk").values())
    answer = world.callers[who](method, filled(pattern, world.ids), body_of(method))
    assert answer.status_code == MATRIX[method, pattern][who]
    if answer.status_code >= 400:
        assert list(Appointment.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(("method", "pattern"), MATRIX)
def test_nobody_gets_in_without_a_key_or_from_a_page(
    world: World, scene: Scene, method: str, pattern: str
) -> None:
    path = filled(pattern, world.ids)
    assert Caller(None)(method, path, body_of(method)).status_code == 401
    page = {"Origin": "https://evil.example"}
    assert Caller(scene.key)(method, path, body_of(method), page).status_code == 403


@pytest.mark.parametrize(("method", "pattern"), MATRIX)
def test_an_inactive_practice_is_not_there(
    world: World, scene: Scene, method: str, pattern: str
) -> None:
    scene.practice.active = False
    scene.practice.save()
    answer = Caller(scene.key)(method, filled(pattern, world.ids), body_of(method))
    assert answer.status_code == 404


def test_a_grant_that_was_taken_back_closes_ones_own_appointments(
    world: World, scene: Scene
) -> None:
    scene.partner.practices.clear()
    for method in ("GET", "PUT", "DELETE"):
        path = filled(APPOINTMENT, world.ids)
        assert world.callers["owner"](method, path, body_of(method)).status_code == 403


def test_patients_words_are_in_the_answers_that_may_carry_them_and_nowhere_else(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    may_carry = {APPOINTMENT, f"{OF_PRACTICE}/appointments"}
    heard = set()
    for method, pattern in routes():
        for who, caller in world.callers.items():
            if method == "DELETE":
                continue
            for body in (body_of(method), body_of(method) and {**CANARY, "nickname": "x"}):
                answer = caller(method, filled(pattern, world.ids), body)
                assert answer.status_code < 500
                told = answer.content.decode() + repr(answer.headers)
                if "canary" in told.lower():
                    heard.add((who, pattern, answer.status_code))
    assert heard == {("owner", pattern, 200) for pattern in may_carry}
    assert "canary" not in caplog.text.lower()
    assert "canary" not in repr(list(Event.objects.values())).lower()
    assert "Canary" not in repr(list(KeptAnswer.objects.exclude(key="canary").values()))


@pytest.mark.parametrize(
    "wrong", [{"email": "canary"}, {"first_name": "canary" * 20}, {"message": ["canary"]}]
)
def test_a_problem_does_not_repeat_what_a_patient_said(world: World, wrong: Any) -> None:
    refused = world.callers["owner"]("PUT", filled(APPOINTMENT, world.ids), wrong)
    assert refused.status_code == 400
    assert b"canary" not in refused.content


def test_the_log_names_a_broken_rule_and_not_the_patient(
    world: World, caplog: pytest.LogCaptureFixture, rf: Any
) -> None:
    row = Appointment.objects.get()
    row.pk, row.status, row._state.adding = "another", "nonsense", True
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        row.save()
    request = type("Wrapped", (), {"_request": rf.get("/")})
    answer = problems.exception_handler(refused.value, {"request": request})
    assert answer.status_code == 409
    assert "appointment_status_known" in caplog.text
    assert "canary" not in caplog.text.lower() + answer.content.decode().lower()
    assert connection.vendor == "sqlite" or "another" in str(refused.value)  # the row
    assert row.updated_at == NOON
