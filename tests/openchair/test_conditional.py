"""Conditional requests: ETag, If-None-Match, If-Match (RFC 9110, section 13)."""

from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.api.lists import WholeList
from bookings.models import Booking
from tests.conftest import Caller, together
from tests.factories import Scene
from tests.routes import filled, routes
from tests.test_statements import APART, WAITS


@pytest.fixture
def paths(scene: Scene, api: Caller) -> list[str]:
    """Return the path of every route that answers a GET."""
    booking = scene.booking(total_appointments=2)
    taken = api("POST", f"/onlinescheduling/booking/{booking.pk}/appointments", {})
    waits = api("POST", f"/onlinescheduling/practice/{scene.practice.pk}/waitlist", WAITS)
    hook = api("POST", "/scheduling/webhooks", {"url": "https://hooks.example.com/openchair"})
    ids = {
        "practice_id": scene.practice.pk,
        "location_id": scene.location.pk,
        "doctor_id": scene.doctor.pk,
        "booking_id": booking.pk,
        "appointment_id": taken.json()["id"],
        "entry_id": waits.json()["id"],
        "webhook_id": hook.json()["id"],
    }
    return [filled(pattern, ids) for method, pattern in routes() if method == "GET"]


def test_every_get_has_a_tag_and_answers_304_to_it(paths: list[str], api: Caller) -> None:
    assert len(paths) == 18
    for path in paths:
        first = api("GET", path)
        assert first.status_code == 200, path
        tag = first.headers["ETag"]
        assert tag.startswith("W/") == isinstance(first.json(), list)
        again = api("GET", path, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content) == (304, b""), path
        assert again.headers["ETag"] == tag
        assert "Content-Length" not in again.headers
        assert again.headers["Vary"] == "Authorization"
        assert api("GET", path, headers={"If-None-Match": '"other"'}).json() == first.json()
        assert api("HEAD", path).headers["ETag"] == tag


def test_a_304_shapes_nothing_and_reads_no_rows(
    scene: Scene, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        scene.booking()
    path = f"/onlinescheduling/practice/{scene.practice.pk}/bookings"
    api("GET", path)
    with CaptureQueriesContext(connection) as whole:
        tag = api("GET", path).headers["ETag"]
    monkeypatch.delattr(WholeList, "json")
    with CaptureQueriesContext(connection) as cheap:
        assert api("GET", path, headers={"If-None-Match": tag}).status_code == 304
    # The key with the limit and how the practice stands.
    assert len(cheap) == 1 + 2 * APART
    assert len(whole) == 2 + 2 * APART
    assert not any("total_appointments" in query["sql"] for query in cheap)


@pytest.mark.parametrize(
    "change",
    [
        ("PUT", "/onlinescheduling/booking/one", {"length": 30}),
        ("DELETE", "/onlinescheduling/booking/one", None),
        ("POST", "/onlinescheduling/booking/one/appointments", {"status": "booked"}),
        ("PUT", "/onlinescheduling/booking/one", {"status": "pending"}),
    ],
)
def test_a_change_changes_the_tags(
    scene: Scene, api: Caller, clock: time_machine.Traveller, change: Any
) -> None:
    scene.booking(id="one")
    paths = [
        "/onlinescheduling/booking/one",
        f"/onlinescheduling/practice/{scene.practice.pk}/bookings",
        f"/onlinescheduling/location/{scene.location.pk}/bookings",
        f"/onlinescheduling/location/{scene.location.pk}/digest",
    ]
    before = {path: api("GET", path).headers["ETag"] for path in paths}
    assert api(*change).status_code in {200, 201}
    for path, tag in before.items():
        assert api("GET", path, headers={"If-None-Match": tag}).status_code == 200


def test_a_lapsed_hold_changes_the_tags(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(id="one", total_appointments=2)
    taken = api("POST", "/onlinescheduling/booking/one/appointments", {})
    api("POST", "/onlinescheduling/booking/one/appointments", {})
    paths = [
        "/onlinescheduling/booking/one",
        f"/onlinescheduling/location/{scene.location.pk}/bookings",
        taken.headers["Location"],
        f"/onlinescheduling/practice/{scene.practice.pk}/appointments",
    ]
    before = {path: api("GET", path).headers["ETag"] for path in paths}
    clock.shift(15 * 60)
    stale = {"If-Match": before["/onlinescheduling/booking/one"]}
    assert api("PUT", paths[0], {"length": 30}, stale).status_code == 412
    for path, tag in before.items():
        assert api("GET", path, headers={"If-None-Match": tag}).status_code == 200


def test_another_wall_clock_changes_the_tags(scene: Scene, api: Caller) -> None:
    scene.booking(id="one")
    paths = [
        "/onlinescheduling/booking/one",
        f"/onlinescheduling/practice/{scene.practice.pk}/bookings",
        f"/onlinescheduling/location/{scene.location.pk}/bookings",
        f"/onlinescheduling/location/{scene.location.pk}/digest",
    ]
    before = {path: api("GET", path).headers["ETag"] for path in paths}
    scene.location.timezone = "America/Denver"
    scene.location.save()
    for path, tag in before.items():
        assert api("GET", path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_a_stale_edit_is_a_412_and_changes_nothing(scene: Scene, api: Caller, method: str) -> None:
    scene.booking(id="one")
    path = "/onlinescheduling/booking/one"
    tag = api("GET", path).headers["ETag"]
    body = None if method == "DELETE" else {"length": 45}
    for stale in ('"other"', f"W/{tag}", "bare", ""):
        refused = api(method, path, body, {"If-Match": stale})
        assert (refused.status_code, refused.json()["status"]) == (412, 412)
    assert Booking.objects.get(pk="one").length == 60
    assert api("GET", path).headers["ETag"] == tag
    edited = api(method, path, body, {"If-Match": f'"other", {tag}'})
    assert edited.status_code == 200
    assert api("GET", path).headers["ETag"] != tag


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
def test_an_edit_where_there_should_be_nothing_is_a_412(
    scene: Scene, api: Caller, method: str
) -> None:
    scene.booking(id="one")
    path = "/onlinescheduling/booking/one"
    tag = api("GET", path).headers["ETag"]
    for unwanted in ("*", f'"other", {tag}', f"W/{tag}"):
        assert api(method, path, {"length": 45}, {"If-None-Match": unwanted}).status_code == 412
    assert api(method, path, {"length": 45}, {"If-None-Match": '"other"'}).status_code == 200


def test_a_deletion_sent_again_is_the_same_answer(scene: Scene, api: Caller) -> None:
    scene.booking(id="one")
    booking = scene.booking()
    taken = api("POST", f"/onlinescheduling/booking/{booking.pk}/appointments", {})
    for path in ("/onlinescheduling/booking/one", taken.headers["Location"]):
        same = {"If-Match": api("GET", path).headers["ETag"]}
        first = api("DELETE", path, headers=same)
        assert first.status_code == 200
        again = api("DELETE", path, headers=same)
        assert (again.status_code, again.content) == (200, first.content)


def test_an_edit_answers_with_the_tag_that_a_read_then_gives(scene: Scene, api: Caller) -> None:
    made = api("POST", "/onlinescheduling/booking", scene.fields(id="one"))
    path = "/onlinescheduling/booking/one"
    assert made.headers["ETag"] == api("GET", path).headers["ETag"]
    for body in ({"start_datetime": "2026-07-01T10:00"}, {"status": "pending"}, {"length": 30}):
        edited = api("PUT", path, body)
        assert edited.headers["ETag"] == api("GET", path).headers["ETag"]
    taken = api(
        "POST",
        f"/onlinescheduling/booking/{scene.booking().pk}/appointments",
        {"first_name": "Mia", "message": " ü "},
    )
    assert taken.headers["ETag"] == api("GET", taken.headers["Location"]).headers["ETag"]


def test_an_appointment_is_changed_only_as_it_was_read(scene: Scene, api: Caller) -> None:
    booking = scene.booking(total_appointments=2)
    path = f"/onlinescheduling/booking/{booking.pk}/appointments"
    mine = api("POST", path, {"status": "booked"})
    tag = mine.headers["ETag"]
    # Another appointment of the same booking is no change of this one.
    api("POST", path, {"status": "booked"})
    place = mine.headers["Location"]
    assert api("DELETE", place, headers={"If-Match": '"other"'}).status_code == 412
    named = api("PUT", place, {"first_name": "Mia"}, {"If-Match": tag})
    assert named.status_code == 200
    assert api("PUT", place, {"first_name": "Tom"}, {"If-Match": tag}).status_code == 412
    assert api("GET", place).json()["first_name"] == "Mia"
    assert api("DELETE", place, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_many_edits_of_one_version_one_is_made(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    path = f"/onlinescheduling/booking/{booking.pk}"
    tag = api("GET", path).headers["ETag"]
    lengths = iter(range(20, 30))

    def edit() -> int:
        body = {"length": next(lengths)}
        return int(Caller(scene.key)("PUT", path, body, {"If-Match": tag}).status_code)

    assert sorted(together(8, edit)) == [200] + [412] * 7
