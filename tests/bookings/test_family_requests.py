"""POST /onlinescheduling/appointments: places for a family in one request."""

from datetime import timedelta
from typing import Any

import pytest

from bookings.models import Appointment, Booking, Event
from tests import factories
from tests.conftest import Caller
from tests.factories import NOON, Scene

PATH = "/onlinescheduling/appointments"
ADA: dict[str, Any] = {"status": "booked", "first_name": "Ada", "language": "es"}
BEN: dict[str, Any] = {"status": "pending", "first_name": "Ben"}


@pytest.fixture
def two(scene: Scene) -> tuple[Booking, Booking]:
    later = NOON + timedelta(days=1, minutes=30)
    return scene.booking(), scene.booking(start_datetime=later)


def family(*of: Booking | str, **more: Any) -> dict[str, Any]:
    each = zip(of, (ADA, BEN), strict=False)
    ids = [(one if isinstance(one, str) else one.pk, said) for one, said in each]
    return {"appointments": [{"booking_id": pk, **said, **more} for pk, said in ids]}


def mistakes(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {each["field"]: each["message"] for each in answer.json()["errors"]}


def test_the_answer_is_in_the_order_sent_and_as_each_is_read(api: Caller, two: Any) -> None:
    for one, other in (two, two[::-1]):
        answer = api("POST", PATH, family(one, other))
        assert answer.status_code == 201
        assert not {"Location", "ETag"} & answer.headers.keys()
        made = answer.json()
        assert [each["booking_id"] for each in made] == [one.pk, other.pk]
        assert [each["status"] for each in made] == ["booked", "pending"]
        assert [each["language"] for each in made] == ["es", "en"]
        assert len({each["group_id"] for each in made} - {None}) == 1
        for each in made:
            path = f"/onlinescheduling/appointment/{each['id']}"
            assert api("GET", path).json() == each
            assert api("DELETE", path).status_code == 200  # each alone


def test_nobody_has_a_place_where_one_cannot_be_had(api: Caller, scene: Scene, two: Any) -> None:
    full = scene.booking(status="booked")
    events = Event.objects.count()
    answer = api("POST", PATH, family(two[0], full))
    assert (answer.status_code, answer.json()["reason"]) == (409, "place_taken")
    assert full.pk in answer.json()["detail"]
    assert not Appointment.objects.exists()
    assert Event.objects.count() == events


def test_a_retry_gets_the_first_answer_and_takes_nothing(api: Caller, two: Any) -> None:
    key = {"Idempotency-Key": "siblings"}
    first, again = (api("POST", PATH, family(*two), key) for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert Appointment.objects.count() == 2
    assert api("POST", PATH, family(two[0]), key).status_code == 422


def test_a_family_counts_as_so_many_holds(
    api: Caller, scene: Scene, two: Any, settings: Any
) -> None:
    settings.HOLDS_PER_PARTNER = 1
    held = {"appointments": [{"booking_id": each.pk} for each in two]}
    assert api("POST", PATH, held).status_code == 429
    assert api("POST", PATH, family(*two)).status_code == 201  # of which one is on hold


def test_all_are_in_one_practice_and_it_is_granted(api: Caller, scene: Scene, two: Any) -> None:
    elsewhere = Scene()
    ungranted = api("POST", PATH, family(two[0], elsewhere.booking()))
    assert ungranted.status_code == 403
    scene.partner.practices.add(elsewhere.practice)
    for other in (elsewhere.booking(), "nowhere"):
        said = mistakes(api("POST", PATH, family(two[0], other)))
        assert [*said] == ["appointments.1.booking_id"]
    gone = elsewhere.booking()
    elsewhere.practice.active = False
    elsewhere.practice.save()
    said = mistakes(api("POST", PATH, family(gone, two[0])))
    assert said == {"appointments.0.booking_id": f"There is no booking {gone.pk}."}
    assert not Appointment.objects.exists()


def test_a_stored_answer_is_not_for_whom_the_grant_was_taken_from(
    api: Caller, scene: Scene, two: Any
) -> None:
    key = {"Idempotency-Key": "siblings"}
    assert api("POST", PATH, family(*two), key).status_code == 201
    scene.partner.practices.clear()
    assert api("POST", PATH, family(*two), key).status_code == 403


def test_what_is_read_can_be_sent_and_what_the_opening_has_is_checked(
    api: Caller, scene: Scene, two: Any
) -> None:
    other = factories.doctor(scene.location)
    read = api("POST", PATH, family(two[0])).json()[0]
    sent = {**read, "booking_id": two[1].pk, "group_id": "mine", "source": "me"}
    del sent["id"], sent["start_datetime"]
    (made,) = api("POST", PATH, {"appointments": [sent]}).json()
    assert (made["source"], made["attribution"], made["confirmed_at"]) == (None, None, None)
    assert made["group_id"] not in {"mine", read["group_id"]}
    said = mistakes(api("POST", PATH, {"appointments": [{**sent, "doctor_id": other.pk}]}))
    assert [*said] == ["appointments.0.doctor_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "appointments"),
        ({"appointments": []}, "appointments"),
        ({"appointments": {}}, "appointments"),
        ({"appointments": "ab"}, "appointments"),
        ({"appointments": None}, "appointments"),
        ({"appointments": [{"booking_id": "a"}] * 5}, "appointments"),
        ({"appointments": [{"booking_id": "a"}], "colour": "red"}, "colour"),
        ({"appointments": [7]}, "appointments.0"),
        ({"appointments": [None]}, "appointments.0"),
        ({"appointments": ["a", []]}, "appointments.1"),
        ({"appointments": [{}]}, "appointments.0.booking_id"),
        ({"appointments": [{"booking_id": ["a"]}]}, "appointments.0.booking_id"),
        ({"appointments": [{"booking_id": "a b"}]}, "appointments.0.booking_id"),
        ({"appointments": [{"booking_id": "a", "id": "b"}]}, "appointments.0.id"),
        ({"appointments": [{"booking_id": "a", "status": "open"}]}, "appointments.0.status"),
        ({"appointments": [{"booking_id": "a", "language": "fr"}]}, "appointments.0.language"),
    ],
)
def test_a_mistake_is_named_by_whose_it_is(api: Caller, body: dict[str, Any], field: str) -> None:
    assert field in mistakes(api("POST", PATH, body))


def test_the_exact_time_of_a_range_visit_is_each_ones_own(
    range_api: Caller, range_scene: Scene
) -> None:
    wide = range_scene.booking(total_appointments=4)
    untimed = mistakes(range_api("POST", PATH, family("nowhere", wide)))
    assert [*untimed] == ["appointments.0.booking_id"]
    untimed = mistakes(range_api("POST", PATH, family(wide, wide)))
    assert [*untimed] == ["appointments.0.start_datetime"]
    asked = {"appointments": [{"booking_id": wide.pk, "status": "reserved"}] * 2}
    answer = range_api("POST", PATH, asked)
    assert [each["start_datetime"] for each in answer.json()] == [None, None]
