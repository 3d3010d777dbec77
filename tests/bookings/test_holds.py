"""Holds: expiry, renewal, and the limit per partner (contract, section 1)."""

from typing import Any

import pytest
import time_machine
from django.db import IntegrityError

from bookings import walltime
from bookings.models import Booking, Event
from bookings.scheduling import appointments, bookings
from tests.conftest import Caller, together
from tests.factories import NOON, Scene
from tests.test_statements import APART

HELD_AT_NOON = "2026-06-01T12:15:00.000-04:00"


@pytest.fixture
def held(scene: Scene) -> Booking:
    return scene.booking(status="pending")


def read(api: Caller, booking: Booking) -> Any:
    return api("GET", f"/onlinescheduling/booking/{booking.pk}").json()


def listed(api: Caller, booking: Booking, query: str = "") -> list[Any]:
    path = f"/onlinescheduling/location/{booking.location_id}/bookings{query}"
    found: list[Any] = api("GET", path).json()
    return found


def put(api: Caller, booking: Booking, **fields: Any) -> Any:
    return api("PUT", f"/onlinescheduling/booking/{booking.pk}", fields)


def test_a_hold_lasts_to_the_second_and_not_longer(
    api: Caller, held: Booking, clock: time_machine.Traveller
) -> None:
    clock.shift(899.999)
    assert read(api, held)["status"] == "pending"
    assert read(api, held)["pending_until"] == HELD_AT_NOON
    clock.shift(0.001)
    assert read(api, held)["status"] == "open"
    assert read(api, held)["pending_until"] is None


def test_updated_at_is_the_instant_the_hold_expired_whenever_it_is_read(
    api: Caller, held: Booking, clock: time_machine.Traveller
) -> None:
    clock.shift(5000)
    assert read(api, held)["updated_at"] == HELD_AT_NOON
    event = Event.objects.filter(appointment=None).last()
    assert event is not None
    assert (event.actor, walltime.iso(event.at, held.location.zone)) == ("clock", HELD_AT_NOON)


def test_a_list_sees_a_lapsed_hold_by_its_new_status(
    api: Caller, held: Booking, clock: time_machine.Traveller
) -> None:
    assert len(listed(api, held, "?status=pending")) == 1
    clock.shift(900)
    assert listed(api, held, "?status=pending") == []
    assert [found["id"] for found in listed(api, held, "?status=open")] == [held.pk]


def test_the_practices_list_sees_it_too(
    scene: Scene, api: Caller, held: Booking, clock: time_machine.Traveller
) -> None:
    clock.shift(900)
    path = f"/onlinescheduling/practice/{scene.practice.pk}/bookings?status=open"
    assert [found["id"] for found in api("GET", path).json()] == [held.pk]


def test_the_same_status_again_renews_the_hold(
    api: Caller, held: Booking, clock: time_machine.Traveller
) -> None:
    clock.shift(600)
    assert put(api, held, status="pending").json()["pending_until"] == (
        "2026-06-01T12:25:00.000-04:00"
    )


def test_the_same_status_again_renews_the_hold_whatever_else_is_sent(
    api: Caller, held: Booking, clock: time_machine.Traveller
) -> None:
    clock.shift(600)
    more = put(api, held, status="pending", total_appointments=held.total_appointments + 2).json()
    assert (more["status"], more["pending_until"]) == ("pending", "2026-06-01T12:25:00.000-04:00")


def test_a_hold_ends_after_an_hour_however_often_it_is_renewed(
    api: Caller, held: Booking, clock: time_machine.Traveller
) -> None:
    for _ in range(5):
        clock.shift(700)
        last = put(api, held, status="pending").json()
    assert last["pending_until"] == "2026-06-01T13:00:00.000-04:00"
    clock.move_to(NOON)
    clock.shift(3600)
    assert read(api, held)["status"] == "open"


def test_a_late_confirmation_is_a_plain_claim(
    scene: Scene, api: Caller, held: Booking, clock: time_machine.Traveller
) -> None:
    clock.shift(900)
    answer = put(api, held, status="booked")
    assert (answer.status_code, answer.json()["status"]) == (200, "booked")
    steps = Event.objects.filter(booking=held).values_list("from_status", "to_status")
    assert list(steps) == [("", "pending"), ("pending", "open"), ("open", "booked")]


def test_a_late_confirmation_loses_to_who_came_meanwhile(
    scene: Scene, api: Caller, held: Booking, clock: time_machine.Traveller
) -> None:
    clock.shift(900)
    fields: appointments.Fields = {"status": "booked", "first_name": "Ada"}
    appointments.take(booking_id=held.pk, fields=fields, by=scene.actor, now=walltime.now())
    assert put(api, held, status="pending").status_code == 409


def test_holds_of_several_places_expire_each_at_its_own_instant(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    booking = scene.booking(total_appointments=2)
    for seconds in (0, 60):
        clock.shift(seconds)
        appointments.take(booking_id=booking.pk, fields={}, by=scene.actor, now=walltime.now())
    assert read(api, booking)["pending_until"] == HELD_AT_NOON
    clock.shift(840)
    assert read(api, booking)["status"] == "open"
    booking.refresh_from_db()
    assert (booking.places_pending, booking.free_places) == (1, 1)
    clock.shift(3600)
    assert read(api, booking)["updated_at"] == "2026-06-01T12:16:00.000-04:00"
    booking.refresh_from_db()
    assert booking.free_places == 2


def test_a_partner_has_at_most_so_many_holds_and_gets_them_back_when_they_expire(
    scene: Scene, api: Caller, settings: Any, clock: time_machine.Traveller
) -> None:
    settings.HOLDS_PER_PARTNER = 3
    first, second = (scene.booking(total_appointments=2) for _ in range(2))
    assert put(api, first, status="pending").status_code == 200
    clock.shift(300)
    refused = put(api, second, status="pending")
    assert (refused.status_code, refused["Retry-After"]) == (429, "600")
    assert read(api, second)["status"] == "open"
    clock.shift(600)
    assert put(api, second, status="pending").status_code == 200


def test_an_opening_that_no_partner_could_hold_whole_says_so(
    scene: Scene, api: Caller, settings: Any
) -> None:
    settings.HOLDS_PER_PARTNER = 2
    refused = put(api, scene.booking(total_appointments=3), status="pending")
    assert refused.status_code == 429
    assert "one by one" in refused.json()["detail"]


def test_the_length_of_a_hold_is_a_setting(scene: Scene, api: Caller, settings: Any) -> None:
    settings.HOLD_SECONDS = 60
    held = scene.booking(status="pending")
    assert read(api, held)["pending_until"] == "2026-06-01T12:01:00.000-04:00"


def test_a_read_that_finds_nothing_lapsed_writes_nothing(
    api: Caller, held: Booking, django_assert_num_queries: Any
) -> None:
    read(api, held)  # last_used_at of the key
    # the key with the request's count and the booking
    with django_assert_num_queries(1 + 2 * APART):
        read(api, held)


@pytest.mark.django_db(transaction=True)
def test_a_lost_race_for_an_id_leaves_a_connection_that_can_be_used() -> None:
    """On SQLite an open cursor keeps the snapshot of its connection, which then writes nothing."""
    scene = Scene()
    other, taken = scene.booking(), scene.booking()
    fields: Any = {**scene.fields(), "status": "pending"}
    with pytest.raises(IntegrityError) as refused:
        bookings._publish(fields, taken.pk, by=scene.actor, now=NOON)  # as after losing the race
    together(1, lambda: bookings.edit(booking_id=other.pk, fields={"length": 33}, **at(scene)))
    edited = bookings.edit(booking_id=other.pk, fields={"length": 34}, **at(scene))
    assert (edited.length, refused.type) == (34, IntegrityError)


def at(scene: Scene) -> Any:
    return {"by": scene.actor, "now": NOON}
