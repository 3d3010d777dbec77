"""The table of moves of the contract's section 1, and what statuses do to places."""

from typing import Any

import pytest

from bookings.models import Appointment, Booking, Event
from bookings.scheduling import appointments, bookings, feed
from openchair.errors import Refused
from tests.conftest import Caller
from tests.factories import NOON, Scene

STATUSES = ["open", "pending", "reserved", "booked", "closed"]
ALLOWED = {
    "exact": {
        "open": {"open", "pending", "booked"},
        "pending": {"pending", "open", "booked"},
        "booked": {"booked", "open"},
        "closed": {"closed"},
    },
    "range": {
        "open": {"open", "pending", "reserved", "booked"},
        "pending": {"pending", "open", "reserved", "booked"},
        "reserved": {"reserved", "open", "booked"},
        "booked": {"booked", "open"},
        "closed": {"closed"},
    },
}
TABLE = [
    (kind, places, before, wanted)
    for kind, moves in ALLOWED.items()
    for places in (1, 3)
    for before in moves
    for wanted in STATUSES
]
EXACT_TIME = "2026-06-02T09:20"


def put(api: Caller, booking: Booking, **fields: Any) -> Any:
    return api("PUT", f"/onlinescheduling/booking/{booking.pk}", fields)


def opening_that_is(status: str, scene: Scene, places: int) -> Booking:
    start = scene.fields()["start_datetime"]
    if status == "closed":
        booking = scene.booking(total_appointments=places)
        return bookings.close(booking_id=booking.pk, by=scene.actor, now=NOON)
    return scene.booking(total_appointments=places, status=status, start_datetime=start)


@pytest.fixture
def scene_of(request: pytest.FixtureRequest) -> Any:
    scenes = {"exact": "scene", "range": "range_scene"}
    return lambda kind: request.getfixturevalue(scenes[kind])


@pytest.mark.parametrize(("kind", "places", "before", "wanted"), TABLE)
def test_a_status_becomes_what_the_table_says_and_nothing_else(
    scene_of: Any, kind: str, places: int, before: str, wanted: str
) -> None:
    scene = scene_of(kind)
    booking = opening_that_is(before, scene, places)
    fields = {"status": wanted}
    if kind == "range" and wanted == "booked":
        fields["start_datetime"] = EXACT_TIME
    events = Event.objects.count()
    answer = put(Caller(scene.key), booking, **fields)
    if wanted in ALLOWED[kind][before]:
        assert answer.status_code == 200
        assert answer.json()["status"] == wanted
        taken = places if wanted in {"reserved", "booked"} else 0
        available = 0 if wanted == "closed" else places - taken
        assert answer.json()["available_appointments"] == available
    else:
        assert answer.status_code == 409
        assert f"is {before}" in answer.json()["detail"]
        assert Event.objects.count() == events
        booking.refresh_from_db()
        assert booking.status == before


@pytest.mark.parametrize(
    ("kind", "before"), [(kind, before) for kind, moves in ALLOWED.items() for before in moves]
)
def test_delete_closes_whatever_it_was_and_answers_the_same_again(
    scene_of: Any, kind: str, before: str
) -> None:
    scene = scene_of(kind)
    booking = opening_that_is(before, scene, 3)
    for _ in range(2):
        answer = Caller(scene.key)("DELETE", f"/onlinescheduling/booking/{booking.pk}")
        assert answer.status_code == 200
        assert answer.content == b'{"id":"%s","status":"closed"}' % booking.pk.encode()


def test_a_refusal_says_what_it_is_and_what_it_may_become(scene: Scene, api: Caller) -> None:
    booking = scene.booking(id="2f4Dr", status="booked")
    answer = put(api, booking, status="pending")
    assert answer.json()["detail"] == "Booking 2f4Dr is booked: it may become open, not pending."


def test_closing_by_a_status_is_refused_and_names_delete(scene: Scene, api: Caller) -> None:
    answer = put(api, scene.booking(), status="closed")
    assert answer.status_code == 409
    assert "send DELETE" in answer.json()["detail"]


def test_nothing_about_a_closed_booking_can_change(scene: Scene, api: Caller) -> None:
    booking = opening_that_is("closed", scene, 1)
    assert put(api, booking, length=30).status_code == 409
    assert put(api, booking, status="open").status_code == 409
    echo = api("GET", f"/onlinescheduling/booking/{booking.pk}").json()
    assert put(api, booking, **echo).status_code == 200


def test_reading_and_sending_back_a_whole_booking_changes_nothing(
    scene: Scene, api: Caller
) -> None:
    booking = scene.booking(total_appointments=2, status="booked")
    echo = api("GET", f"/onlinescheduling/booking/{booking.pk}").json()
    events = Event.objects.count()
    assert put(api, booking, **echo).json() == echo
    assert Event.objects.count() == events


@pytest.mark.parametrize(
    ("kind", "status"), [("exact", "open"), ("exact", "booked"), ("range", "open")]
)
def test_a_status_that_needs_a_time_is_a_bad_request_without_one(
    scene_of: Any, kind: str, status: str
) -> None:
    scene = scene_of(kind)
    api = Caller(scene.key)
    made = api("POST", "/onlinescheduling/booking", scene.fields(start_datetime=None))
    assert made.json()["status"] == "pending"
    answer = api("PUT", f"/onlinescheduling/booking/{made.json()['id']}", {"status": status})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "start_datetime"


def test_a_booking_without_a_time_opens_when_it_gets_one(scene: Scene, api: Caller) -> None:
    booking = scene.booking(start_datetime=None, status="pending")
    assert put(api, booking, status="pending").json()["pending_until"] is None
    answer = put(api, booking, start_datetime="2026-06-02T09:00")
    assert answer.json()["status"] == "open"


def test_a_range_booking_is_booked_only_with_its_exact_time(
    range_scene: Scene, range_api: Caller
) -> None:
    booking = range_scene.booking(status="reserved")
    refused = put(range_api, booking, status="booked")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "start_datetime"
    answer = put(range_api, booking, status="booked", start_datetime=EXACT_TIME)
    assert answer.json()["status"] == "booked"
    assert answer.json()["start_datetime"] == "2026-06-02T09:20:00.000-05:00"


def test_an_exact_booking_is_not_created_reserved_and_none_is_created_closed(
    scene: Scene, api: Caller
) -> None:
    for status in ("reserved", "closed"):
        answer = api("POST", "/onlinescheduling/booking", scene.fields(status=status))
        assert answer.status_code == 400
    assert not Booking.objects.exists()


def test_total_cannot_go_below_the_places_taken(scene: Scene, api: Caller) -> None:
    booking = scene.booking(total_appointments=3, status="booked")
    answer = put(api, booking, total_appointments=2)
    assert answer.status_code == 409
    assert answer.json()["reason"] == "places_taken"


def test_more_places_open_a_booked_booking_and_booked_takes_them_too(
    scene: Scene, api: Caller
) -> None:
    booking = scene.booking(status="booked")
    more = put(api, booking, total_appointments=3).json()
    assert (more["status"], more["available_appointments"]) == ("open", 2)
    all_of_them = put(api, booking, status="booked").json()
    assert (all_of_them["status"], all_of_them["available_appointments"]) == ("booked", 0)


def test_giving_back_and_adding_places_in_one_request_leaves_all_of_them_free(
    scene: Scene, api: Caller
) -> None:
    booking = scene.booking(status="booked")
    answer = put(api, booking, status="open", total_appointments=3).json()
    assert (answer["status"], answer["available_appointments"]) == ("open", 3)


def test_a_taken_opening_does_not_lose_its_time(scene: Scene, api: Caller) -> None:
    booking = scene.booking(status="booked")
    assert put(api, booking, start_datetime=None).status_code == 409
    free = scene.booking()
    assert put(api, free, start_datetime=None).json()["status"] == "pending"


# Places that belong to patients ----------------------------------------------------------------


@pytest.fixture
def with_patient(scene: Scene) -> Booking:
    """Make an opening of three places; a patient has one of them."""
    booking = scene.booking(total_appointments=3)
    fields: appointments.Fields = {"status": "booked", "first_name": "Ada"}
    appointments.take(booking_id=booking.pk, fields=fields, by=scene.actor, now=NOON)
    return booking


def test_open_gives_back_what_the_status_took_and_never_a_patients_place(
    api: Caller, with_patient: Booking
) -> None:
    assert put(api, with_patient, status="booked").json()["status"] == "booked"
    answer = put(api, with_patient, status="open").json()
    assert (answer["status"], answer["available_appointments"]) == ("open", 2)
    assert Appointment.objects.get().status == "booked"


def test_an_opening_full_of_patients_is_neither_given_back_nor_closed(
    scene: Scene, api: Caller
) -> None:
    booking = scene.booking()
    fields: appointments.Fields = {"status": "booked", "first_name": "Ada"}
    appointments.take(booking_id=booking.pk, fields=fields, by=scene.actor, now=NOON)
    opened = put(api, booking, status="open")
    closed = api("DELETE", f"/onlinescheduling/booking/{booking.pk}")
    for answer in (opened, closed):
        assert answer.status_code == 409
        assert answer.json()["reason"] == "patient_has_place"
    booking.refresh_from_db()
    assert booking.status == "booked"


def test_the_opening_can_be_closed_once_the_patient_has_cancelled(
    scene: Scene, api: Caller, with_patient: Booking
) -> None:
    path = f"/onlinescheduling/booking/{with_patient.pk}"
    assert api("DELETE", path).status_code == 409
    patient = Appointment.objects.get()
    appointments.cancel(appointment_id=patient.pk, by=scene.actor, now=NOON)
    assert api("DELETE", path).status_code == 200


def test_a_full_opening_refuses_another_patient_and_changes_nothing(scene: Scene) -> None:
    booking = scene.booking(status="pending")
    with pytest.raises(Refused) as refused:
        appointments.take(booking_id=booking.pk, fields={}, by=scene.actor, now=NOON)
    assert refused.value.reason == "place_taken"
    assert not Appointment.objects.exists()


def test_taking_every_free_place_twice_is_the_same_as_once(scene: Scene, api: Caller) -> None:
    booking = scene.booking(total_appointments=2)
    appointments.take(booking_id=booking.pk, fields={}, by=scene.actor, now=NOON)
    first, second = (put(api, booking, status="booked") for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()


def test_open_without_a_time_is_refused_whatever_it_was_before(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    answer = put(api, booking, status="open", start_datetime=None)
    assert answer.status_code == 400
    booking.refresh_from_db()
    assert booking.start_datetime is not None


def test_open_with_fewer_places_gives_back_what_the_status_took(scene: Scene, api: Caller) -> None:
    booking = scene.booking(status="booked")
    put(api, booking, total_appointments=3)
    answer = put(api, booking, total_appointments=1, status="open").json()
    assert (answer["status"], answer["available_appointments"]) == ("open", 1)


# The record -----------------------------------------------------------------------------------


def test_a_status_of_the_whole_booking_leaves_one_event_whatever_the_places(
    scene: Scene, api: Caller
) -> None:
    booking = scene.booking(total_appointments=1000)
    put(api, booking, total_appointments=150, status="pending", length=45)
    put(api, booking, status="booked")
    events = Event.objects.filter(booking=booking)
    chain = list(events.values_list("from_status", "to_status"))
    assert chain == [("", "open"), ("open", "pending"), ("pending", "booked")]
    assert events[1].changes["length"] == [60, 45]
    assert events[2].changes["whole_booked"] == events[2].changes["places_booked"] == [0, 150]
    assert {event.api_key for event in events} == {scene.key_row}
    assert not Appointment.objects.exists()


def test_every_change_of_an_appointment_leaves_an_event_of_its_own(scene: Scene) -> None:
    booking = scene.booking(total_appointments=2)
    at: Any = {"by": scene.actor, "now": NOON}
    place = appointments.take(booking_id=booking.pk, fields={}, **at)
    appointments.edit(appointment_id=place.pk, fields={"status": "booked"}, **at)
    told = Event.objects.filter(appointment=place).values_list("from_status", "to_status")
    assert list(told) == [("", "pending"), ("pending", "booked")]
    assert Event.objects.filter(appointment=None).count() == 3


def test_what_is_written_knows_its_number_and_its_key(scene: Scene) -> None:
    kept: list[Event] = []
    writing = feed.write

    def keep(events: list[Event], **changes: Any) -> Any:
        kept.extend(events)
        return writing(events, **changes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "write", keep)
        booking = scene.booking(total_appointments=2)
        appointments.take(booking_id=booking.pk, fields={}, by=scene.actor, now=NOON)
    assert [event.number for event in kept] == [1, 2, 3]
    for event in kept:
        stored = Event.objects.get(pk=event.pk)
        assert (stored.number, stored.to_status) == (event.number, event.to_status)
