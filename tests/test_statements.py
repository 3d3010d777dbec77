"""Number of SQL statements of each route and button: it does not grow unnoticed."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.desk.desk import version
from tests.conftest import Caller
from tests.desk.world import House, browser
from tests.factories import Scene
from tests.routes import routes

OFF = {"active": False}
WEBHOOK = {"url": "https://a.example/"}
PATIENT = {"first_name": "Ada", "last_name": "Byron"}
WAITS = {**PATIENT, "phone": "212 555 0100", "earliest": "2099-01-01"}
STATEMENTS = {
    # the key, with the count of requests
    "GET /scheduling/practices": 3,
    "GET /scheduling/practice/{practice}": 3,
    "GET /scheduling/practice/{practice}/locations": 3,
    "GET /scheduling/practice/{practice}/doctors": 4,
    "GET /scheduling/location/{location}": 2,
    "GET /scheduling/doctor/{doctor}": 3,
    # how the practice stands, and what is kept of the bookings
    "GET /onlinescheduling/practice/{practice}/bookings": 2,
    "GET /onlinescheduling/location/{location}/bookings": 2,
    "GET /onlinescheduling/location/{location}/digest": 2,
    # the grant, and whose system it is; two of them write down who was shown which patients
    "GET /onlinescheduling/practice/{practice}/appointments": 6,
    "GET /onlinescheduling/practice/{practice}/changes": 2,
    "GET /onlinescheduling/booking/{booking}": 1,
    "GET /onlinescheduling/appointment/{appointment}": 4,
    # the location, its grant, location and doctor; the change
    "POST /onlinescheduling/booking": 5,
    # whose it is, the grant, the lock; the partner's lock and its holds, the change
    "PUT /onlinescheduling/booking": 7,
    "PATCH /onlinescheduling/booking": 7,
    "PUT /onlinescheduling/booking/{booking}": 6,
    "POST /onlinescheduling/booking/{booking}": 6,
    "PATCH /onlinescheduling/booking/{booking}": 6,
    "DELETE /onlinescheduling/booking/{booking}": 4,
    "POST /onlinescheduling/booking/{booking}/appointments": 6,
    # which practice the openings are of
    "POST /onlinescheduling/appointments": 7,
    "PUT /onlinescheduling/appointment/{appointment}": 6,
    "DELETE /onlinescheduling/appointment/{appointment}": 6,
    # the list's version, and how many have ended by themselves
    "GET /onlinescheduling/practice/{practice}/waitlist": 6,
    "POST /onlinescheduling/practice/{practice}/waitlist": 12,
    "GET /onlinescheduling/waitlist/{entry}": 7,
    "DELETE /onlinescheduling/waitlist/{entry}": 12,
    # whose it is, of which practices; the lock, positions in their feeds, the task
    "GET /scheduling/webhooks": 3,
    "POST /scheduling/webhooks": 13,
    "GET /scheduling/webhook/{webhook}": 3,
    "PUT /scheduling/webhook/{webhook}": 7,
    "DELETE /scheduling/webhook/{webhook}": 9,
    "POST /scheduling/webhook/{webhook}/rotate": 5,
    "DELETE /scheduling/webhook/{webhook}/rotate": 5,
    "POST /scheduling/webhook/{webhook}/ping": 3,
    "GET /scheduling/webhook/{webhook}/deliveries": 3,
    "POST /scheduling/webhook/{webhook}/deliveries/{delivery}/replay": 5,
    "POST /scheduling/webhook/{webhook}/replay": 4,
}
APART = int(connection.vendor == "sqlite")
"""One more where the key cannot be asked together with the count, and with the first question.

A change is two more (the feed's number, the event), three with an appointment, and four with a new
patient, who is found by search terms."""
ASKED_ALONG = re.compile(
    r".*(?:\{booking\}|\{appointment\}|/(?:bookings|changes|digest)\Z|\{practice\}/(?:appointments|waitlist))"
)
"""Routes that have a first question."""


@pytest.fixture
def house(clock: Any, db: None) -> House:
    return House("Quillon")


IN_BETWEEN = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


def body_of(method: str, path: str, scene: Scene, ids: dict[str, str]) -> dict[str, Any] | None:
    """Return what is sent: a booking, a hold of a whole one, a patient, or nothing."""
    if method in {"GET", "DELETE"}:
        return None
    if "webhook" in path:
        return WEBHOOK if path.endswith("webhooks") else OFF if method == "PUT" else None
    if path.endswith("/waitlist"):
        return {**WAITS, "first_name": "Ben"}
    if path.endswith("/booking"):
        hold = {"id": ids["booking"], "status": "pending"}
        return (
            {**scene.fields(), "start_datetime": "2026-06-02T09:00"} if method == "POST" else hold
        )
    if path == "/onlinescheduling/appointments":
        return {"appointments": [{"booking_id": ids["booking"], **PATIENT}]}
    if path.endswith("/appointments"):
        return PATIENT
    return {"status": "booked" if "appointment" in path else "pending"}


def change_apart(route: str) -> int:
    if route.startswith("GET") or "webhook" in route or "waitlist" in route:
        return 0
    if route.endswith("/appointments"):
        return 4
    return 3 if "appointment" in route else 2


@pytest.mark.parametrize("route", STATEMENTS)
def test_how_many_statements_a_route_takes(scene: Scene, api: Caller, route: str) -> None:
    ids = {
        "practice": scene.practice.pk,
        "location": scene.location.pk,
        "doctor": scene.doctor.pk,
        "booking": scene.booking().pk,
    }
    path = f"/onlinescheduling/booking/{scene.booking().pk}/appointments"
    ids["appointment"] = api("POST", path, PATIENT).json()["id"]
    if "waitlist" in route:  # where somebody waits, other changes ask whose turn it is
        waits = f"/onlinescheduling/practice/{scene.practice.pk}/waitlist"
        ids["entry"] = api("POST", waits, WAITS).json()["id"]
        api("GET", waits)
    ids["webhook"] = api("POST", "/scheduling/webhooks", WEBHOOK).json()["id"]
    ids["delivery"] = api("POST", f"/scheduling/webhook/{ids['webhook']}/ping").json()["id"]
    method, path = route.split(" ")
    path += "?since=2026-06-01T00:00Z" if path.endswith("{webhook}/replay") else ""
    body = body_of(method, path, scene, ids)
    with CaptureQueriesContext(connection) as asked:
        answer = api(method, path.format(**ids), body)
    assert answer.status_code in {200, 201, 202}, answer.content
    sql = [one["sql"] for one in asked if not one["sql"].startswith(IN_BETWEEN)]
    apart = APART * ((2 if ASKED_ALONG.match(route) else 1) + change_apart(route))
    assert len(sql) == STATEMENTS[route] + apart, "\n".join(text[:120] for text in sql)


@pytest.mark.parametrize(("status", "told"), [("pending", 0), ("booked", 1)])
def test_the_mail_of_a_change_is_saved_along_with_it(
    scene: Scene, api: Caller, status: str, told: int
) -> None:
    counted = []
    for patient in (PATIENT, PATIENT, {**PATIENT, "email": "ada@example.com"}):
        path = f"/onlinescheduling/booking/{scene.booking().pk}/appointments"
        with CaptureQueriesContext(connection) as asked:
            assert api("POST", path, {**patient, "status": status}).status_code == 201
        sql = [one["sql"] for one in asked if not one["sql"].startswith(IN_BETWEEN)]
        counted.append((len(sql), sum('INTO "bookings_task"' in text for text in sql)))
    # The first one notes besides that the key is used.
    assert counted[2] == (counted[1][0] + APART * told, told)


def test_a_weekly_series_makes_lists_ask_no_more(scene: Scene, api: Caller) -> None:
    weekly = {**scene.fields(), "recurring": True, "start_datetime": "2026-06-02T09:00"}
    assert api("POST", "/onlinescheduling/booking", weekly).status_code == 201
    path = f"/onlinescheduling/location/{scene.location.pk}/bookings"
    api("GET", path)
    with CaptureQueriesContext(connection) as asked:
        assert api("GET", path).status_code == 200
    assert len(asked) == 2 + 2 * APART


def test_every_route_is_counted() -> None:
    def without_names(path: str) -> str:
        return re.sub("[<{][^/]*[>}]", "*", path)

    counted = {without_names(route) for route in STATEMENTS}
    assert counted == {f"{method} {without_names(path)}" for method, path in routes()}


DESK = {
    # who is there, with which second factor, what they may see, what the clock did; the page's row,
    # the lock, the change
    "hold": 10,
    "close": 10,
    "edit": 20,
    "book a patient": 11,
    "cancel a visit": 11,
}


def sent_from_the_desk(house: House) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return what each button sends, and where."""
    held = house.patient(house.booking, status="pending")
    opening = f"opening/{house.weekly.pk}"
    fields = {
        "location": house.location.pk,
        "doctor": house.doctor.pk,
        "start": "2026-06-03T14:00",
        "length": "30",
        "places": "3",
        "recurring": "on",
    }
    return {
        "hold": (f"{opening}/act/", {"do": "hold", "seen": version(house.weekly)}),
        "close": (f"{opening}/act/", {"do": "close", "seen": version(house.weekly)}),
        "edit": (f"{opening}/edit/", {**fields, "seen": version(house.weekly)}),
        "book a patient": (f"place/{held.pk}/act/", {"do": "booked", "seen": "pending"}),
        "cancel a visit": (f"place/{held.pk}/cancel/", {"seen": "pending", "reason": "Moved"}),
    }


@pytest.mark.parametrize("button", DESK)
def test_how_many_statements_a_button_of_the_desk_takes(house: House, button: str) -> None:
    page, form = sent_from_the_desk(house)[button]
    client = browser(house.staff)
    with CaptureQueriesContext(connection) as asked:
        answer = client.post(house.address(page), form)
    assert answer.status_code == 302, answer.content
    sql = [one["sql"] for one in asked if not one["sql"].startswith(IN_BETWEEN)]
    mail = button == "book a patient"
    apart = APART * (2 if button in {"hold", "close", "edit"} else 3 + mail)
    assert len(sql) == DESK[button] + apart, "\n".join(text[:120] for text in sql)
