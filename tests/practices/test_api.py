"""Practices, locations and doctors over the API (contract, sections 2 and 4)."""

import re
from collections import defaultdict

from tests import factories
from tests.conftest import Caller
from tests.factories import Scene
from tests.routes import routes


def test_a_practice_its_locations_and_its_doctors_are_shown(scene: Scene, api: Caller) -> None:
    second = factories.location(scene.practice, "America/Chicago", id="zz9", name="Annex")
    newcomer = factories.doctor(second, id="zz8", name="Dr. Ito")
    elsewhere = factories.location(factories.practice(name="Elsewhere"))
    factories.doctor(elsewhere)
    path = f"/scheduling/practice/{scene.practice.pk}"

    practice = api("GET", path).json()
    assert practice["id"] == scene.practice.pk
    assert practice["name"] == "Acme Orthodontic Group"
    assert sorted(practice["location_ids"]) == sorted([scene.location.pk, "zz9"])

    locations = api("GET", f"{path}/locations").json()
    assert [row["id"] for row in locations] == sorted([scene.location.pk, "zz9"])
    for row in locations:
        assert row == api("GET", f"/scheduling/location/{row['id']}").json()

    doctors = api("GET", f"{path}/doctors").json()
    assert [row["id"] for row in doctors] == sorted([scene.doctor.pk, newcomer.pk])
    assert api("GET", "/scheduling/doctor/zz8").json() == {
        "id": "zz8",
        "practice_id": scene.practice.pk,
        "name": "Dr. Ito",
        "location_ids": ["zz9"],
    }


def test_what_is_not_there_is_a_404(scene: Scene, api: Caller) -> None:
    for path in (
        "/scheduling/practice/none",
        "/scheduling/practice/none/doctors",
        "/scheduling/practice/none/locations",
        "/scheduling/doctor/none",
        f"/scheduling/doctor/{scene.practice.pk}",
        "/onlinescheduling/practice/none/changes",
        "/onlinescheduling/practice/none/appointments",
        "/onlinescheduling/practice/none/bookings",
        "/onlinescheduling/location/none/bookings",
    ):
        assert api("GET", path).status_code == 404


def test_a_list_refuses_parameters_that_it_does_not_have(scene: Scene, api: Caller) -> None:
    for path in (
        "/scheduling/practices?foo=1",
        f"/scheduling/practice/{scene.practice.pk}/doctors?limit=1",
        f"/scheduling/practice/{scene.practice.pk}/locations?status=open",
    ):
        answer = api("GET", path)
        assert answer.status_code == 400
        assert "there are none here" in answer.json()["detail"]


def test_only_json_is_answered_and_read_and_a_problem_says_so(scene: Scene, api: Caller) -> None:
    path = f"/onlinescheduling/booking/{scene.booking().pk}"
    for accepts in ("", "*/*", "application/*", "text/html, application/json;q=0.1"):
        assert api("GET", path, headers={"Accept": accepts}).status_code == 200
    refused = api("GET", path, headers={"Accept": "text/html"})
    assert refused.status_code == 406
    assert "accept application/json" in refused.json()["detail"]
    for kind in ("text/plain", ""):
        refused = api.client.generic("PUT", path, b"{}", content_type=kind, headers=api.headers)
        assert refused.status_code == 415
        assert "send Content-Type: application/json" in refused.json()["detail"]


def test_every_route_says_which_methods_it_has_to_those_it_has_not(
    scene: Scene, api: Caller
) -> None:
    there = defaultdict(set)
    for method, path in routes():
        there[path.replace("<id:", "<")].add(method)
    ids = {"practice_id": scene.practice.pk, "location_id": scene.location.pk}
    for path, methods in there.items():
        path = re.sub(r"<(\w+)>", lambda name: ids.get(name[1], "some"), path)  # noqa: PLW2901
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "BREW"} - methods:
            answer = api(method, path, {})
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == methods
