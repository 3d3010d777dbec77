"""Places held or taken by a status of the whole booking: counts, one owner, one hold."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import walltime
from bookings.models import Appointment, Booking, Event
from bookings.scheduling import appointments, bookings
from bookings.scheduling.actors import Actor
from openchair.errors import Refused
from tests.conftest import Caller
from tests.desk.world import person
from tests.factories import NOON, Scene

NAMED: appointments.Fields = {"first_name": "Ada", "last_name": "Brook"}


def put(api: Caller, booking: Booking, **fields: Any) -> Any:
    return api("PUT", f"/onlinescheduling/booking/{booking.pk}", fields)


def whole(booking: Booking) -> tuple[int, int, int]:
    booking.refresh_from_db()
    return booking.whole_pending, booking.whole_reserved, booking.whole_booked


def name(booking: Booking, by: Actor, **fields: Any) -> Appointment:
    told: Any = {**NAMED, **fields}
    return appointments.name_patient(booking_id=booking.pk, fields=told, by=by, now=walltime.now())


def test_the_partner_that_acted_last_owns_what_is_taken_and_staff_own_it_too(
    scene: Scene, api: Caller
) -> None:
    booking = scene.booking(total_appointments=3, status="pending")
    assert booking.whole_partner == scene.partner
    staff = Actor.of_staff(person("desk", scene.practice))
    bookings.edit(booking_id=booking.pk, fields={"status": "booked"}, by=staff, now=NOON)
    assert whole(booking) == (0, 0, 3)
    assert booking.whole_partner_id is None
    put(api, booking, total_appointments=4, status="booked")
    assert whole(booking) == (0, 0, 4)
    assert str(booking.whole_partner_id) == scene.partner.pk
    put(api, booking, status="open")
    assert whole(booking) == (0, 0, 0)
    assert booking.whole_partner_id is None


def test_more_places_join_the_hold_there_is_and_it_ends_as_a_whole(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    booking = scene.booking(total_appointments=2, status="pending")
    for _ in range(4):
        clock.shift(800)
        put(api, booking, status="pending")
    more = put(api, booking, total_appointments=5, status="pending").json()
    assert (more["status"], more["pending_until"]) == ("pending", "2026-06-01T13:00:00.000-04:00")
    assert whole(booking) == (5, 0, 0)
    clock.shift(400)
    events = Event.objects.count()
    assert api("GET", f"/onlinescheduling/booking/{booking.pk}").json()["status"] == "open"
    assert whole(booking) == (0, 0, 0)
    last = Event.objects.get(number=events + 1)
    assert (last.actor, last.at, last.to_status) == ("clock", NOON + timedelta(hours=1), "open")


def test_what_is_held_as_a_whole_and_by_patients_ends_each_at_its_own_instant(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    booking = scene.booking(total_appointments=3)
    appointments.take(booking_id=booking.pk, fields={}, by=scene.actor, now=NOON)
    clock.shift(60)
    assert (
        put(api, booking, status="pending").json()["pending_until"].startswith("2026-06-01T12:15")
    )
    clock.shift(840)
    shown = api("GET", f"/onlinescheduling/booking/{booking.pk}").json()
    assert (shown["status"], whole(booking)) == ("open", (2, 0, 0))
    assert booking.pending_until == booking.whole_pending_until == NOON + timedelta(minutes=16)
    clock.shift(60)
    shown = api("GET", f"/onlinescheduling/booking/{booking.pk}").json()
    assert shown["updated_at"] == "2026-06-01T12:16:00.000-04:00"
    assert booking.appointments.get().status == "expired"


def test_renewing_a_hold_behind_a_patients_is_kept_too(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    booking = scene.booking(total_appointments=2)
    appointments.take(booking_id=booking.pk, fields={}, by=scene.actor, now=NOON)
    put(api, booking, status="pending")
    clock.shift(300)
    put(api, booking, status="pending")
    booking.refresh_from_db()
    assert booking.pending_until == NOON + timedelta(minutes=15)
    assert booking.whole_pending_until == NOON + timedelta(minutes=20)


def test_places_held_as_a_whole_count_among_a_partners_holds_while_they_last(
    scene: Scene, api: Caller, settings: Any, clock: time_machine.Traveller
) -> None:
    settings.HOLDS_PER_PARTNER = 3
    first, second = (scene.booking(total_appointments=2) for _ in range(2))
    appointments.take(booking_id=first.pk, fields={}, by=scene.actor, now=NOON)
    put(api, second, status="pending")
    assert put(api, first, status="pending").status_code == 429
    staff = Actor.of_staff(person("desk", scene.practice))
    name(second, staff)
    assert put(api, first, status="pending").status_code == 200
    assert put(api, scene.booking(), status="pending").status_code == 429
    clock.shift(900)
    assert put(api, scene.booking(), status="pending").status_code == 200


# A patient gets one of these places ------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "booked"])
def test_a_place_taken_as_a_whole_is_given_to_a_patient_as_it_is(
    scene: Scene, status: str, clock: time_machine.Traveller
) -> None:
    booking = scene.booking(total_appointments=3, status=status)
    clock.shift(60)
    events = Event.objects.count()
    place = name(booking, scene.actor)
    assert (place.status, place.person.first_name) == (status, "Ada")
    assert sum(whole(booking)) == 2
    assert (booking.status, booking.free_places) == (status, 0)
    assert place.pending_until == booking.pending_until == booking.whole_pending_until
    assert place.held_since == booking.whole_held_since
    told = Event.objects.filter(number__gt=events).values_list("appointment", "to_status")
    assert sorted(told, key=str) == [(place.pk, status), (None, status)]


def test_a_range_bookings_place_is_given_at_the_time_at_which_it_was_booked(
    range_scene: Scene, range_api: Caller
) -> None:
    booking = range_scene.booking(total_appointments=2, status="reserved")
    reserved = name(booking, range_scene.actor)
    assert (reserved.status, reserved.start_datetime) == ("reserved", None)
    put(range_api, booking, status="booked", start_datetime="2026-06-02T09:20")
    place = name(booking, range_scene.actor)
    assert (place.status, place.start_datetime) == ("booked", place.booking.start_datetime)


def test_nobody_is_named_where_nothing_is_taken(scene: Scene) -> None:
    booking = scene.booking()
    with pytest.raises(Refused) as refused:
        name(booking, scene.actor)
    assert refused.value.reason == "nothing_taken"
    bookings.edit(booking_id=booking.pk, fields={"status": "booked"}, by=scene.actor, now=NOON)
    with pytest.raises(Refused) as refused:
        name(booking, scene.actor, status="pending")
    assert refused.value.reason == "nothing_taken"
    assert not Appointment.objects.exists()


def test_who_came_is_named_afterwards_and_marked(
    scene: Scene, clock: time_machine.Traveller
) -> None:
    booking = scene.booking(status="booked")
    clock.shift(timedelta(days=2))
    visit = name(booking, scene.actor)
    came: appointments.Fields = {"attendance": "kept"}
    appointments.edit(appointment_id=visit.pk, fields=came, by=scene.actor, now=walltime.now())
    visit.refresh_from_db()
    assert (visit.status, visit.attendance) == ("booked", "kept")


def test_a_place_that_was_given_to_a_patient_is_not_given_back_with_the_rest(
    scene: Scene, api: Caller
) -> None:
    booking = scene.booking(total_appointments=2, status="booked")
    place = name(booking, scene.actor)
    assert put(api, booking, status="open").json()["available_appointments"] == 1
    assert put(api, booking, status="open").status_code == 200
    place.refresh_from_db()
    assert place.status == "booked"
    assert api("DELETE", f"/onlinescheduling/booking/{booking.pk}").status_code == 409


def test_a_change_of_a_thousand_places_writes_what_a_change_of_one_does_however_often(
    scene: Scene, api: Caller
) -> None:
    sent = []
    for booking in (scene.booking(), scene.booking(total_appointments=1000)):
        for _ in range(20):
            with CaptureQueriesContext(connection) as asked:
                for status in ("booked", "open"):
                    assert put(api, booking, status=status).status_code == 200
            sent.append(len(asked))
    assert len(set(sent[1:])) == 1  # the first of all notes that the key was used
    assert not Appointment.objects.exists()
    assert Event.objects.count() == 2 + 2 * 40
