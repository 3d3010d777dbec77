"""Bookings over the API: create, edit, delete and list (contract, section 2)."""

from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError

from bookings.models import Booking
from bookings.scheduling import bookings
from bookings.scheduling.audit import AUDITED
from practices.models import Partner, Practice
from tests import factories
from tests.conftest import Caller
from tests.factories import NOON, Scene
from tests.test_statements import APART

NINE = "2026-06-02T09:00"
FIELDS = [
    "id",
    "status",
    "length",
    "recurring",
    "start_datetime",
    "location_id",
    "doctor_id",
    "available_appointments",
    "total_appointments",
    "updated_at",
    "created_at",
    "range_booking",
    "time_range",
    "pending_until",
]


def post(api: Caller, scene: Scene, **values: Any) -> Any:
    return api("POST", "/onlinescheduling/booking", scene.fields(start_datetime=NINE) | values)


def put(api: Caller, booking: Booking, **fields: Any) -> Any:
    return api("PUT", f"/onlinescheduling/booking/{booking.pk}", fields)


def test_an_opening_is_published_and_read_back(scene: Scene, api: Caller) -> None:
    made = post(api, scene)
    assert made.status_code == 201
    assert list(made.json()) == FIELDS
    assert made.json() | {"id": ""} == {
        "id": "",
        "status": "open",
        "length": 60,
        "recurring": False,
        "start_datetime": "2026-06-02T09:00:00.000-04:00",
        "location_id": scene.location.pk,
        "doctor_id": scene.doctor.pk,
        "available_appointments": 1,
        "total_appointments": 1,
        "updated_at": "2026-06-01T12:00:00.000-04:00",
        "created_at": "2026-06-01T12:00:00.000-04:00",
        "range_booking": False,
        "time_range": None,
        "pending_until": None,
    }
    assert api("GET", made["Location"]).json() == made.json()


def test_an_opening_in_a_range_practice_says_its_part_of_the_day(
    range_scene: Scene, range_api: Caller
) -> None:
    made = post(range_api, range_scene, start_datetime="2026-06-02T10:00").json()
    assert (made["range_booking"], made["time_range"]) == (True, "late_morning")


def test_a_client_may_bring_an_id_that_nobody_has(scene: Scene, api: Caller) -> None:
    assert post(api, scene, id="2f4Dr").json()["id"] == "2f4Dr"
    again = post(api, scene, id="2f4Dr")
    assert (again.status_code, again.json()["reason"]) == (409, "id_taken")
    assert post(api, scene, id="2f4DR").status_code == 201


def test_read_only_fields_in_a_body_are_ignored(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    said = {
        "updated_at": "never",
        "created_at": 1,
        "available_appointments": 99,
        "range_booking": True,
        "time_range": "morning",
        "pending_until": {},
    }
    answer = put(api, booking, **said)
    assert answer.status_code == 200
    assert answer.json()["available_appointments"] == 1
    assert answer.json()["updated_at"] == "2026-06-01T12:00:00.000-04:00"


def test_only_the_fields_sent_change(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    before = post(api, scene).json()
    clock.shift(60)
    after = put(api, Booking.objects.get(), length=45).json()
    changed = {name for name in FIELDS if before[name] != after[name]}
    assert changed == {"length", "updated_at"}
    assert after["updated_at"] == "2026-06-01T12:01:00.000-04:00"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"lenght": 45}, "lenght"),
        ({"practice_id": "x"}, "practice_id"),
        ({"partner_id": "x"}, "partner_id"),
        ({"places_booked": 0}, "places_booked"),
        ({"length": "60"}, "length"),
        ({"length": 60.0}, "length"),
        ({"length": True}, "length"),
        ({"length": None}, "length"),
        ({"length": 0}, "length"),
        ({"length": 1441}, "length"),
        ({"length": 10**30}, "length"),
        ({"total_appointments": 0}, "total_appointments"),
        ({"total_appointments": 1001}, "total_appointments"),
        ({"recurring": "true"}, "recurring"),
        ({"recurring": 1}, "recurring"),
        ({"status": "free"}, "status"),
        ({"status": ["open"]}, "status"),
        ({"status": None}, "status"),
        ({"start_datetime": 1527854400}, "start_datetime"),
        ({"start_datetime": "tomorrow"}, "start_datetime"),
        ({"start_datetime": "2027-03-14T02:30"}, "start_datetime"),
        ({"start_datetime": "2026-11-01T01:30"}, "start_datetime"),
        ({"location_id": "nowhere"}, "location_id"),
        ({"location_id": 7}, "location_id"),
        ({"doctor_id": "nobody"}, "doctor_id"),
        ({"doctor_id": {}}, "doctor_id"),
        ({"id": "a b"}, "id"),
        ({"id": ""}, "id"),
        ({"id": " a"}, "id"),
        ({"id": "a\n"}, "id"),
        ({"location_id": " {location}"}, "location_id"),
        ({"id": 7}, "id"),
    ],
    ids=repr,
)
def test_a_bad_value_is_a_400_that_names_the_field_and_changes_nothing(
    scene: Scene, api: Caller, values: dict[str, Any], field: str
) -> None:
    if values.get("location_id") == " {location}":
        values = {"location_id": f" {scene.location.pk}"}
    made = post(api, scene, **values)
    assert made.status_code == 400
    assert [error["field"] for error in made.json()["errors"]] == [field]
    assert not Booking.objects.exists()
    booking = scene.booking()
    if field != "id":
        assert put(api, booking, **values).status_code == 400
    assert Booking.objects.values().get() == Booking.objects.filter(pk=booking.pk).values().get()


def test_location_and_doctor_are_required_to_create(scene: Scene, api: Caller) -> None:
    answer = api("POST", "/onlinescheduling/booking", {"length": 60})
    named = {error["field"] for error in answer.json()["errors"]}
    assert (answer.status_code, named) == (400, {"location_id", "doctor_id"})


def test_location_and_doctor_belong_together(scene: Scene, api: Caller) -> None:
    elsewhere = factories.location(scene.practice, name="Elsewhere")
    other = factories.practice(name="Other")
    stranger = factories.doctor(factories.location(other))
    unknown = post(api, scene, doctor_id="nobody").json()["detail"]
    assert post(api, scene, doctor_id=stranger.pk).json()["detail"] == unknown
    booking = scene.booking()
    assert put(api, booking, location_id=elsewhere.pk).status_code == 400
    scene.doctor.locations.add(elsewhere)
    moved = put(api, booking, location_id=elsewhere.pk)
    assert moved.json()["location_id"] == elsewhere.pk


def test_a_booking_stays_in_its_practice(scene: Scene, api: Caller) -> None:
    other = factories.practice(name="Other")
    there = factories.location(other)
    doctor = factories.doctor(there)
    booking = scene.booking()
    move = {"location_id": there.pk, "doctor_id": doctor.pk}
    assert put(api, booking, **move).status_code == 403
    scene.partner.practices.add(other)
    assert put(api, booking, **move).status_code == 400
    booking.refresh_from_db()
    assert booking.practice == scene.practice


def test_a_partner_writes_only_where_it_is_granted(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    scene.partner.practices.clear()
    assert post(api, scene).status_code == 403
    assert put(api, booking, length=30).status_code == 403
    assert api("DELETE", f"/onlinescheduling/booking/{booking.pk}").status_code == 403
    Partner.objects.update(all_practices=True)
    assert put(api, booking, length=30).status_code == 200


def test_a_space_before_its_id_opens_no_practice(scene: Scene, api: Caller) -> None:
    there = factories.location(factories.practice(name="Other"))
    body = {"location_id": f" {there.pk}", "doctor_id": factories.doctor(there).pk}
    assert post(api, scene, **body).status_code == 400
    assert not Booking.objects.exists()


def test_all_forms_of_an_edit_do_the_same(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    path = f"/onlinescheduling/booking/{booking.pk}"
    for length, (method, target, extra) in enumerate(
        [
            ("PUT", path, {}),
            ("POST", path, {}),
            ("PATCH", path, {}),
            ("PUT", path, {"id": booking.pk}),
            ("PUT", "/onlinescheduling/booking", {"id": booking.pk}),
            ("PATCH", "/onlinescheduling/booking/", {"id": booking.pk}),
        ],
        start=30,
    ):
        answer = api(method, target, {"length": length, **extra})
        assert (answer.status_code, answer.json()["length"]) == (200, length)


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"id": 7}, 400), ({"id": "a b"}, 404), ({"id": "nothing"}, 404)],
)
def test_an_edit_by_body_names_a_booking(
    scene: Scene, api: Caller, body: dict[str, Any], status: int
) -> None:
    assert api("PUT", "/onlinescheduling/booking", body).status_code == status


def test_a_booking_can_be_sent_back_as_it_was_read(scene: Scene, api: Caller) -> None:
    """Also when the doctor has left since."""
    booking = scene.booking()
    scene.doctor.locations.clear()
    read = api("GET", f"/onlinescheduling/booking/{booking.pk}").json()
    assert put(api, booking, **read).json() == read
    assert put(api, booking, **{**read, "length": 45}).json()["length"] == 45


def test_why_an_inactive_practice_gets_no_series_is_said_rightly(scene: Scene) -> None:
    booking = scene.booking()
    Practice.objects.update(active=False)
    fields: Any = {"recurring": True}
    with pytest.raises(ValidationError, match="The practice is not active"):
        bookings.edit(booking_id=booking.pk, fields=fields, by=scene.actor, now=NOON)


def test_places_may_be_given_back_for_a_smaller_total(scene: Scene, api: Caller) -> None:
    booking = scene.booking(total_appointments=3, status="pending")
    refused = put(api, booking, total_appointments=1)
    assert (refused.status_code, refused.json()["reason"]) == (409, "places_taken")
    assert put(api, booking, total_appointments=1, status="open").json()["status"] == "open"
    booking.refresh_from_db()
    assert (booking.free_places, booking.total_appointments) == (1, 1)
    for status in ("pending", "booked"):
        held = scene.booking(total_appointments=3, status="pending")
        assert put(api, held, total_appointments=2, status=status).status_code == 409
        held.refresh_from_db()
        assert (held.places_pending, held.total_appointments) == (3, 3)


def test_a_kept_answer_is_not_repeated_to_who_lost_the_grant(scene: Scene, api: Caller) -> None:
    sent = [
        ("/onlinescheduling/booking", scene.fields()),
        (f"/onlinescheduling/booking/{scene.booking().pk}", {"length": 45}),
    ]
    for path, body in sent:
        assert api("POST", path, body, {"Idempotency-Key": path}).status_code in {200, 201}
    scene.partner.practices.clear()
    for path, body in sent:
        assert api("POST", path, body, {"Idempotency-Key": path}).status_code == 403


def test_an_id_does_not_change(scene: Scene, api: Caller) -> None:
    assert put(api, scene.booking(), id="another").status_code == 400


# Lists ----------------------------------------------------------------------------------------


@pytest.fixture
def one_of_each(scene: Scene) -> Scene:
    for status in ("booked", "pending", "open"):
        scene.booking(id=status, status=status)
    scene.booking(id="timeless", start_datetime=None)
    closed = scene.booking(id="closed")
    Caller(scene.key)("DELETE", f"/onlinescheduling/booking/{closed.pk}")
    return scene


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["booked", "open", "pending", "timeless"]),
        ("?status=all", ["booked", "open", "pending", "timeless"]),
        ("?status=open", ["open"]),
        ("?status=open&status=booked", ["booked", "open"]),
        ("?status=pending", ["pending", "timeless"]),
        ("?status=reserved", []),
        ("?status=closed", ["closed"]),
        ("?status=closed&status=open", ["closed", "open"]),
        ("?status=all&status=closed", ["booked", "closed", "open", "pending", "timeless"]),
    ],
)
def test_status_selects_and_repeats(one_of_each: Scene, query: str, ids: list[str]) -> None:
    api = Caller(one_of_each.key)
    for scope in (
        f"location/{one_of_each.location.pk}",
        f"practice/{one_of_each.practice.pk}",
    ):
        found = api("GET", f"/onlinescheduling/{scope}/bookings{query}").json()
        assert [one["id"] for one in found] == ids


def test_more_parameters_than_anybody_needs_are_a_400(scene: Scene, api: Caller) -> None:
    for path in (f"location/{scene.location.pk}/bookings", f"booking/{scene.booking().pk}"):
        answer = api("GET", f"/onlinescheduling/{path}?" + "a&" * 1500)
        assert answer.status_code == 400


@pytest.mark.parametrize("query", ["?status=free", "?status=", "?status=open&status=x", "?stat=x"])
def test_a_bad_query_is_a_400_that_names_what_there_is(scene: Scene, query: str) -> None:
    path = f"/onlinescheduling/location/{scene.location.pk}/bookings{query}"
    answer = Caller(scene.key)("GET", path)
    assert answer.status_code == 400
    assert "there are" in answer.json()["detail"]


def test_lists_come_in_order_of_start_then_id(scene: Scene, api: Caller) -> None:
    for booking_id, start in (
        ("b", NINE),
        ("Z", NINE),
        ("a", NINE),
        ("_".join("cd"), None),
        ("early", "2026-06-01T09:00"),
        ("A", None),
    ):
        post(api, scene, id=booking_id, start_datetime=start)
    found = api("GET", f"/onlinescheduling/practice/{scene.practice.pk}/bookings").json()
    assert [one["id"] for one in found] == ["early", "Z", "a", "b", "A", "c_d"]


def test_a_list_takes_as_many_statements_for_many_rows_as_for_one(
    scene: Scene, api: Caller, django_assert_num_queries: Any
) -> None:
    path = f"/onlinescheduling/location/{scene.location.pk}/bookings"
    for _ in range(30):
        scene.booking()
    api("GET", path)
    # key with the request's count and how the practice stands, bookings
    with django_assert_num_queries(2 + 2 * APART):
        assert len(api("GET", path).json()) == 30


def test_a_practice_that_left_and_what_is_of_it_is_not_seen(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    Practice.objects.update(active=False)
    assert api("GET", "/scheduling/practices").json() == []
    for path in (
        f"/scheduling/location/{scene.location.pk}",
        f"/onlinescheduling/practice/{scene.practice.pk}/bookings",
        f"/onlinescheduling/location/{scene.location.pk}/bookings",
        f"/onlinescheduling/booking/{booking.pk}",
    ):
        assert api("GET", path).status_code == 404
    assert post(api, scene).status_code == 400


def test_a_change_of_each_field_alone_makes_an_event_and_so_is_saved() -> None:
    assert set(bookings.Fields.__annotations__) <= set(AUDITED)
