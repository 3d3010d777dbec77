"""Appointments over the API: take, edit, cancel, list (contract, section 4)."""

from typing import Any

import pytest
import time_machine

from bookings.models import Appointment, Event
from tests import factories
from tests.conftest import Caller, together
from tests.factories import Scene

PATIENT = {
    "first_name": "Mia",
    "last_name": "Park",
    "email": "park@example.com",
    "phone": "555 555 0100",
    "guardian_name": "Jo Park",
    "zip_code": "80202",
    "message": "Afraid of dentists",
}


def take(api: Caller, booking: Any, **body: Any) -> Any:
    return api("POST", f"/onlinescheduling/booking/{booking.pk}/appointments", body)


def status_of(api: Caller, booking: Any) -> Any:
    """Return a booking's status and available_appointments."""
    read = api("GET", f"/onlinescheduling/booking/{booking.pk}").json()
    return read["status"], read["available_appointments"]


def test_a_place_is_held_and_booked_for_a_patient(scene: Scene, api: Caller) -> None:
    booking = scene.booking(total_appointments=2)
    held = take(api, booking, status="pending")
    assert held.status_code == 201
    assert held.json()["pending_until"] == "2026-06-01T12:15:00.000-04:00"
    assert status_of(api, booking) == ("open", 2)

    path = held.headers["Location"]
    booked = api("PUT", path, {"status": "booked", **PATIENT})
    assert booked.status_code == 200
    assert booked.json() == {
        **held.json(),
        **PATIENT,
        "status": "booked",
        "start_datetime": "2026-06-02T09:00:00.000-04:00",
        "pending_until": None,
    }
    assert api("GET", path).json() == booked.json()
    assert status_of(api, booking) == ("open", 1)


def test_a_place_is_held_unless_another_status_is_sent(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    assert take(api, booking).json()["status"] == "pending"
    assert status_of(api, booking) == ("pending", 1)


def test_cancelling_frees_the_place_at_once_and_again_answers_the_same(
    scene: Scene, api: Caller
) -> None:
    booking = scene.booking()
    path = take(api, booking, status="booked", **PATIENT).headers["Location"]
    assert status_of(api, booking) == ("booked", 0)
    for _ in range(2):
        cancelled = api("DELETE", path)
        assert cancelled.status_code == 200
        assert cancelled.json() == {"id": path.rsplit("/", 1)[1], "status": "cancelled"}
    assert status_of(api, booking) == ("open", 1)
    assert take(api, booking, status="booked").status_code == 201
    late = api("PUT", path, {"status": "booked"})
    assert (late.status_code, late.json()["reason"]) == (409, "closed")


def test_two_children_under_one_address_are_two_patients(scene: Scene, api: Caller) -> None:
    booking = scene.booking(total_appointments=2)
    for name in ("Mia", "Tom"):
        assert take(api, booking, **{**PATIENT, "first_name": name}).status_code == 201
    assert status_of(api, booking) == ("pending", 2)


def test_a_reserved_place_gets_its_exact_time_by_put(range_scene: Scene, range_api: Caller) -> None:
    booking = range_scene.booking()
    reserved = take(range_api, booking, status="reserved", **PATIENT)
    assert reserved.json()["start_datetime"] is None
    assert status_of(range_api, booking) == ("reserved", 0)
    exact = range_api("PUT", reserved.headers["Location"], {"start_datetime": "2026-06-02T09:20"})
    assert exact.json()["status"] == "booked"
    assert exact.json()["start_datetime"] == "2026-06-02T09:20:00.000-05:00"
    assert status_of(range_api, booking) == ("booked", 0)
    later = range_api("PUT", reserved.headers["Location"], {"start_datetime": "2026-06-02T09:40"})
    assert later.json()["start_datetime"] == "2026-06-02T09:40:00.000-05:00"


@pytest.mark.parametrize(
    "body",
    [
        {"status": "booked"},
        {"status": "reserved", "start_datetime": "2026-06-02T09:20"},
        {"status": "booked", "start_datetime": "2026-03-08T02:30"},
        {"status": "expired"},
        {"status": 1},
        {"email": "not an address"},
        {"first_name": 5},
        {"first_name": "x" * 101},
        {"phone": None},
        {"nickname": "Mimi"},
        {"start_datetime": "tomorrow"},
    ],
)
def test_what_cannot_be_is_a_400_and_takes_no_place(
    range_scene: Scene, range_api: Caller, body: dict[str, Any]
) -> None:
    booking = range_scene.booking()
    refused = take(range_api, booking, **body)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] in {"start_datetime", *body}
    assert not Appointment.objects.exists()


def test_an_exact_booking_keeps_its_own_time(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    other = take(api, booking, status="booked", start_datetime="2026-06-02T10:00")
    assert other.status_code == 400
    same = take(api, booking, status="booked", start_datetime="2026-06-02T09:00")
    assert same.status_code == 201
    moved = api("PUT", same.headers["Location"], {"start_datetime": "2026-06-02T10:00"})
    assert moved.status_code == 400


def test_a_refusal_says_which_rule_it_was(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    full, closed, past, no_time = (scene.booking() for _ in range(4))
    take(api, full, status="booked")
    api("DELETE", f"/onlinescheduling/booking/{closed.pk}")
    no_time = scene.booking(start_datetime=None)
    reasons = {
        "place_taken": take(api, full),
        "closed": take(api, closed),
        "no_time": take(api, no_time),
        "not_reservable": take(api, past, status="reserved"),
    }
    clock.shift(24 * 60 * 60)
    reasons["in_the_past"] = take(api, past)
    for reason, refused in reasons.items():
        assert (refused.status_code, refused.json()["reason"]) == (409, reason)
    assert Appointment.objects.count() == 1


def test_the_same_status_again_renews_a_hold_and_other_edits_do_not(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    path = take(api, scene.booking()).headers["Location"]
    clock.shift(60)
    named = api("PUT", path, {"first_name": "Mia"})
    assert named.json()["pending_until"] == "2026-06-01T12:15:00.000-04:00"
    renewed = api("PUT", path, {"status": "pending"})
    assert renewed.json()["pending_until"] == "2026-06-01T12:16:00.000-04:00"
    assert renewed.json()["first_name"] == "Mia"


def test_a_late_confirmation_gets_the_place_if_it_is_still_free(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    booking = scene.booking()
    first, second = (take(api, scene.booking()).headers["Location"] for _ in range(2))
    path = take(api, booking).headers["Location"]
    clock.shift(15 * 60)
    lapsed = api("GET", path).json()
    assert (lapsed["status"], lapsed["updated_at"]) == ("expired", "2026-06-01T12:15:00.000-04:00")
    assert api("PUT", first, {"status": "booked"}).json()["status"] == "booked"
    assert api("DELETE", second).json()["status"] == "cancelled"
    assert take(api, booking, status="booked").status_code == 201
    for body in ({"status": "booked"}, {"first_name": "Mia"}, {"status": "cancelled"}):
        late = api("PUT", path, body)
        assert (late.status_code, late.json()["reason"]) == (409, "hold_expired")


@pytest.mark.parametrize("status", ["pending", "reserved", "cancelled", "expired"])
def test_a_booked_place_becomes_nothing_else(scene: Scene, api: Caller, status: str) -> None:
    path = take(api, scene.booking(), status="booked").headers["Location"]
    refused = api("PUT", path, {"status": status})
    assert (refused.status_code, refused.json()["reason"]) == (409, "not_allowed")
    assert api("GET", path).json()["status"] == "booked"


def test_what_identifies_an_appointment_does_not_change(scene: Scene, api: Caller) -> None:
    taken = take(api, scene.booking(), status="booked", **PATIENT)
    again = api("PUT", taken.headers["Location"], taken.json())
    assert again.json() == taken.json()
    for name in ("id", "booking_id", "location_id", "doctor_id"):
        assert api("PUT", taken.headers["Location"], {name: "other"}).status_code == 400


def test_moving_an_opening_moves_its_patients(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    booking = scene.booking()
    path = take(api, booking, status="booked").headers["Location"]
    clock.shift(60)
    moved = {"start_datetime": "2026-06-02T10:00"}
    assert api("PUT", f"/onlinescheduling/booking/{booking.pk}", moved).status_code == 200
    patient = api("GET", path).json()
    assert patient["start_datetime"] == "2026-06-02T10:00:00.000-04:00"
    since = (
        f"/onlinescheduling/practice/{scene.practice.pk}/appointments?since=2026-06-01T16:00:30Z"
    )
    assert [one["id"] for one in api("GET", since).json()] == [patient["id"]]


@pytest.mark.django_db(transaction=True)
def test_of_many_clients_exactly_as_many_as_there_are_places_get_one(
    scene: Scene, api: Caller
) -> None:
    booking = scene.booking(total_appointments=3)
    path = f"/onlinescheduling/booking/{booking.pk}/appointments"
    answers = together(12, lambda: Caller(scene.key)("POST", path, {"status": "booked"}))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 9
    assert {answer.json()["reason"] for answer in answers if answer.status_code == 409} == {
        "place_taken"
    }
    assert Appointment.objects.count() == 3
    assert status_of(api, booking) == ("booked", 0)


def test_another_partner_sees_and_changes_nothing_of_it(scene: Scene, api: Caller) -> None:
    booking = scene.booking(total_appointments=2)
    path = take(api, booking, status="booked", **PATIENT).headers["Location"]
    other = Caller(factories.key(factories.partner(granted=[scene.practice]))[1])
    for method, body in (("GET", None), ("PUT", {"first_name": "X"}), ("DELETE", None)):
        assert other(method, path, body).status_code == 404
    listed = f"/onlinescheduling/practice/{scene.practice.pk}/appointments?since=2026-01-01T00:00Z"
    assert other("GET", listed).json() == []
    # An appointment needs the grant, not the ownership of the booking.
    assert take(other, booking).status_code == 201
    assert api("GET", path).json()["first_name"] == "Mia"


def test_a_place_that_a_whole_opening_took_is_no_appointment(scene: Scene, api: Caller) -> None:
    scene.booking(status="booked")
    assert not Appointment.objects.exists()
    listed = f"/onlinescheduling/practice/{scene.practice.pk}/appointments"
    assert api("GET", listed).json() == []


def test_a_list_shows_cancelled_and_expired_ones_to_a_sync(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    booked, cancelled, held = (take(api, scene.booking(), status="pending") for _ in range(3))
    api("PUT", booked.headers["Location"], {"status": "booked"})
    clock.shift(60)
    api("DELETE", cancelled.headers["Location"])
    clock.shift(14 * 60)
    path = f"/onlinescheduling/practice/{scene.practice.pk}/appointments"

    def ids(query: str = "") -> set[str]:
        return {one["id"] for one in api("GET", path + query).json()}

    booked_id, cancelled_id, held_id = (a.json()["id"] for a in (booked, cancelled, held))
    assert ids() == {booked_id}
    assert ids("?status=cancelled&status=expired") == {cancelled_id, held_id}
    assert ids("?since=2026-06-01T16:01:00Z") == {cancelled_id, held_id}
    assert ids("?updated_since=2026-06-01T16:01:00.001Z") == {held_id}
    assert ids("?since=2026-06-01T16:15:00.001Z") == set()


def test_holds_of_patients_count_towards_the_limit(
    scene: Scene, api: Caller, settings: Any
) -> None:
    settings.HOLDS_PER_PARTNER = 2
    booking = scene.booking(total_appointments=3)
    assert [take(api, booking).status_code for _ in range(3)] == [201, 201, 429]
    assert take(api, booking, status="booked").status_code == 201


def test_what_a_patient_says_is_in_no_event(scene: Scene, api: Caller) -> None:
    path = take(api, scene.booking(), **PATIENT).headers["Location"]
    api("PUT", path, {"status": "booked", "message": "Better in the morning"})
    told = repr(list(Event.objects.values()))
    assert "message" in told
    assert not [said for said in [*PATIENT.values(), "morning"] if said in told]


def test_the_database_carries_what_a_patient_may_say(scene: Scene, api: Caller) -> None:
    said = take(api, scene.booking(), first_name="Zoë 🦷", message="ü" * 2000)
    assert said.status_code == 201
    assert said.json()["first_name"] == "Zoë 🦷"


def test_what_a_body_says_of_the_opening_has_to_be_so(scene: Scene, api: Caller) -> None:
    path = f"/onlinescheduling/booking/{scene.booking().pk}/appointments"
    for wrong in ({"booking_id": "zzz"}, {"location_id": "x"}, {"doctor_id": "x"}, {"id": "mine"}):
        answer = api("POST", path, {"status": "booked", **wrong})
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == list(wrong)
    assert not Appointment.objects.exists()


def test_a_kept_answer_is_not_repeated_to_who_lost_the_grant(scene: Scene, api: Caller) -> None:
    path = f"/onlinescheduling/booking/{scene.booking().pk}/appointments"
    body = {"status": "booked", "first_name": "Ada"}
    assert api("POST", path, body, {"Idempotency-Key": "k"}).status_code == 201
    assert api("POST", path, body, {"Idempotency-Key": "k"}).status_code == 201
    scene.partner.practices.clear()
    refused = api("POST", path, body, {"Idempotency-Key": "k"})
    assert refused.status_code == 403
    assert b"Ada" not in refused.content


def test_an_exact_time_is_still_to_come_and_is_not_taken_back(
    range_scene: Scene, range_api: Caller
) -> None:
    path = f"/onlinescheduling/booking/{range_scene.booking().pk}/appointments"
    place = range_api("POST", path, {"status": "reserved"})["Location"]
    past = range_api("PUT", place, {"start_datetime": "2026-05-01T09:00"})
    assert (past.status_code, past.json()["reason"]) == (409, "in_the_past")
    booked = range_api("PUT", place, {"start_datetime": "2026-06-02T09:20"})
    assert booked.json()["status"] == "booked"
    assert range_api("PUT", place, {"start_datetime": None}).status_code == 400


@pytest.mark.parametrize("kind", ["", "range_"])
def test_an_appointment_can_be_sent_back_as_it_was_read(
    kind: str, request: pytest.FixtureRequest, clock: time_machine.Traveller
) -> None:
    """Booked and over, cancelled, expired: a no-op. A changed phone number is none."""
    scene: Scene = request.getfixturevalue(f"{kind}scene")
    api: Caller = request.getfixturevalue(f"{kind}api")
    booking = scene.booking(total_appointments=3)
    exact = {"start_datetime": "2026-06-02T09:20"} if kind else {}
    booked, held, cancelled = (
        take(api, booking, **PATIENT, **fields).headers["Location"]
        for fields in ({"status": "booked", **exact}, {}, {"status": "booked", **exact})
    )
    api("DELETE", cancelled)
    clock.shift(7 * 24 * 60 * 60)
    for path in (booked, held, cancelled):
        read = api("GET", path)
        same: dict[str, Any]
        for same in (read.json(), {}):
            sent = api("PUT", path, same)
            assert (sent.status_code, sent.content) == (200, read.content), path
    again = {**api("GET", booked).json(), "phone": "1"}
    assert api("PUT", booked, again).json()["phone"] == "1"
    for path, reason in ((held, "hold_expired"), (cancelled, "closed")):
        for other in ({"phone": "1"}, {"start_datetime": "2026-06-03T09:00"}):
            refused = api("PUT", path, other)
            assert (refused.status_code, refused.json()["reason"]) == (409, reason)
    assert api("PUT", cancelled, {"start_datetime": None}).status_code == 409


def test_a_place_given_up_shows_where_its_opening_went_and_says_that_it_changed(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    booking = scene.booking(total_appointments=2)
    path = f"/onlinescheduling/booking/{booking.pk}"
    place = api("POST", f"{path}/appointments", {"status": "booked"})["Location"]
    api("DELETE", place)
    before = api("GET", place).json()
    clock.shift(60)
    api("PUT", path, {"start_datetime": "2026-06-03T10:00"})
    after = api("GET", place).json()
    assert after["start_datetime"] != before["start_datetime"]
    assert after["updated_at"] > before["updated_at"]
