"""The access log of patients' data: who was shown which appointments."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.db.models import QuerySet
from django.test import Client

from bookings.models import Access
from bookings.patients import access
from tests.conftest import Caller
from tests.desk.world import House, browser
from tests.factories import NOON, Scene

ADA = {"first_name": "Ada", "last_name": "Byron"}
OF_ONE = "/onlinescheduling/appointment/"


def take(scene: Scene, api: Caller) -> str:
    answer = api("POST", f"/onlinescheduling/booking/{scene.booking().pk}/appointments", ADA)
    return str(answer.json()["id"])


def told() -> list[tuple[str, str, list[str]]]:
    return [(each.method, each.route, each.appointments) for each in Access.objects.all()]


def test_a_partner_that_reads_one_is_written_down(scene: Scene, api: Caller) -> None:
    place = take(scene, api)
    assert told() == []  # a change has an event instead
    answer = api("GET", OF_ONE + place)
    (row,) = Access.objects.all()
    assert (row.at, row.practice, row.api_key) == (NOON, scene.practice, scene.key_row)
    assert row.route == "/onlinescheduling/appointment/<id:appointment_id>"
    assert row.appointments == [place]
    tag = answer.headers["ETag"]
    assert api("GET", OF_ONE + place, headers={"If-None-Match": tag}).status_code == 304
    assert api("PUT", OF_ONE + place, {**ADA, "phone": "555 0100"}).status_code == 200
    assert api("DELETE", OF_ONE + place).status_code == 200
    assert api("GET", OF_ONE + "nobody").status_code == 404
    assert Access.objects.count() == 1


def test_a_list_is_one_row(scene: Scene, api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/onlinescheduling/practice/{scene.practice.pk}/appointments"
    assert api("GET", path).json() == []
    assert told() == []
    places = sorted(take(scene, api) for _ in range(3))
    assert len(api("GET", path).json()) == 3
    assert [ids for _, _, ids in told()] == [places]
    Access.objects.all().delete()
    monkeypatch.setattr(access, "MOST", 2)  # a very long one is several
    api("GET", path)
    assert sorted(ids for _, _, ids in told()) == [places[:2], places[2:]]


def test_lists_of_openings_tell_of_nobody(scene: Scene, api: Caller) -> None:
    take(scene, api)
    api("GET", f"/onlinescheduling/practice/{scene.practice.pk}/bookings")
    api("GET", f"/onlinescheduling/practice/{scene.practice.pk}/changes")
    assert told() == []


@pytest.fixture
def house(clock: Any, db: None) -> House:
    """Make a practice of whose patients nobody has read yet."""
    house = House("Quillon")
    Access.objects.all().delete()
    return house


@pytest.mark.parametrize(
    "page",
    [
        "/admin/desk/QuillonP/board/?day=2026-06-02",
        "/admin/desk/QuillonP/opening/QuillonB/",
        "/admin/desk/QuillonP/patients/",
        "/admin/desk/QuillonP/history/",
    ],
)
def test_a_page_that_shows_a_patient_is_written_down(house: House, page: str) -> None:
    assert "Quillonette" in browser(house.staff).get(page).content.decode()
    (row,) = Access.objects.all()
    assert (row.user, row.practice) == (house.staff, house.practice)
    assert row.appointments == [house.appointment.pk]


@pytest.mark.parametrize(
    "page",
    [
        "/admin/desk/QuillonP/board/?day=2026-06-05",
        "/admin/desk/QuillonP/openings/",
        "/admin/desk/QuillonP/patients/?first=2026-06-03",
    ],
)
def test_a_page_that_shows_nobody_is_not(house: House, page: str) -> None:
    assert browser(house.staff).get(page).status_code == 200
    assert told() == []


def test_a_form_with_mistakes_is_written_down_with_the_page_around_it(house: House) -> None:
    page = house.address(f"opening/{house.booking.pk}/patient/")
    answer = browser(house.staff).post(page, {"email": "no address"})
    assert answer.status_code == 400
    assert "Quillonette" in answer.content.decode()
    (row,) = Access.objects.all()
    assert row.appointments == [house.appointment.pk]


def test_a_question_that_names_a_patient_is_written_down(house: House) -> None:
    form = {"location": house.location.pk, "doctor": house.doctor.pk, "length": "60", "places": "1"}
    page = house.address("new-opening/")
    asked = browser(house.staff).post(page, {**form, "start": "2026-06-02T08:30"})
    assert (asked.status_code, "Quillonette" in asked.content.decode()) == (409, True)
    (row,) = Access.objects.all()
    assert row.appointments == [house.appointment.pk]


def test_what_cannot_be_written_down_is_not_shown(
    scene: Scene, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = take(scene, api)

    def full(*args: object, **kwargs: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(QuerySet, "bulk_create", full)
    api.client.raise_request_exception = False
    answer = api("GET", OF_ONE + place)
    assert answer.status_code == 503
    assert "Ada" not in answer.content.decode()


def test_operators_read_it_and_change_nothing(house: House) -> None:
    browser(house.staff).get(house.address("patients/"))
    (row,) = Access.objects.all()
    operator = get_user_model().objects.create_superuser("op")
    client: Client = browser(operator)
    address = "/admin/bookings/access/"
    listed = client.get(address, {"q": house.appointment.pk}).content.decode()
    assert "Quillonina" in listed
    assert "Quillonina" not in client.get(address, {"q": "nobody"}).content.decode()
    assert client.get(f"{address}{row.pk}/change/").status_code == 200
    assert client.get(f"{address}add/").status_code == 403
    assert client.post(f"{address}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser(house.staff).get(address).status_code == 403
