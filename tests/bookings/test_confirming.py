"""A patient confirms a visit. It holds for the time and the place of which it was said."""

from datetime import timedelta
from typing import Any

import pytest

from bookings.models import Appointment, Event, Task, TaskKind
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.actors import PATIENT
from openchair.errors import Refused
from tests import factories
from tests.factories import NOON, Scene


def take(scene: Scene, **fields: Any) -> Appointment:
    said: Any = {"status": "booked", "first_name": "Ada", "email": "a@example.com", **fields}
    return appointments.take(booking_id=scene.booking().pk, fields=said, by=scene.actor, now=NOON)


def confirm(visit: Appointment) -> Appointment:
    return appointments.confirm(appointment_id=visit.pk, by=PATIENT, now=NOON)


def confirmed_at(visit: Appointment) -> Any:
    return Appointment.objects.get(pk=visit.pk).confirmed_at


def test_it_is_said_once_and_by_the_patient(scene: Scene, clock: Any) -> None:
    visit = take(scene)
    confirm(visit)
    clock.shift(60)
    confirm(visit)
    assert confirmed_at(visit) == NOON
    event = Event.objects.filter(appointment=visit, changes__has_key="confirmed_at").get()
    assert (event.actor, event.changes["confirmed_at"]) == ("patient", [None, NOON.isoformat()])


def test_only_who_has_a_time_that_is_still_to_come_will_come(
    scene: Scene, range_scene: Scene, clock: Any
) -> None:
    over, gone = take(scene), take(scene)
    appointments.cancel(appointment_id=gone.pk, by=PATIENT, now=NOON)
    not_yet = [take(scene, status="pending"), take(range_scene, status="reserved"), gone]
    for visit in not_yet:
        with pytest.raises(Refused, match="not booked for a time"):
            confirm(visit)
    clock.shift(24 * 3600)
    with pytest.raises(Refused, match="not booked for a time"):
        confirm(over)


def test_another_time_or_place_has_to_be_confirmed_anew(scene: Scene) -> None:
    at: Any = {"by": scene.actor, "now": NOON}
    later: Any = {"start_datetime": NOON + timedelta(days=2)}
    elsewhere = factories.location(scene.practice)
    there = factories.doctor(elsewhere)
    same_time = scene.booking(location_id=elsewhere.pk, doctor_id=there.pk)
    moved, edited, sent = take(scene), take(scene), take(scene)
    for visit in (moved, edited, sent):
        confirm(visit)
    moving.move(to={moved.pk: {"booking_id": scene.booking(**later).pk}}, **at)
    bookings.edit(booking_id=edited.booking_id, fields=later, **at)
    moving.move(to={sent.pk: {"booking_id": same_time.pk}}, **at)
    assert [confirmed_at(visit) for visit in (moved, edited, sent)] == [None] * 3


def test_another_doctor_at_the_same_time_changes_nothing_of_it(scene: Scene) -> None:
    other = factories.doctor(scene.location)
    visit, there = take(scene), scene.booking(doctor_id=other.pk)
    confirm(visit)
    to: Any = {visit.pk: {"booking_id": there.pk, "last_name": "Byron"}}
    moving.move(to=to, by=scene.actor, now=NOON)
    assert confirmed_at(visit) == NOON


def test_an_exact_time_that_changes_has_to_be_confirmed_anew(range_scene: Scene) -> None:
    first, second = NOON + timedelta(days=1), NOON + timedelta(days=1, hours=1)
    visit = take(range_scene, start_datetime=first)
    confirm(visit)
    for time, confirmed in ((first, NOON), (second, None)):
        fields: Any = {"start_datetime": time}
        appointments.edit(appointment_id=visit.pk, fields=fields, by=range_scene.actor, now=NOON)
        assert confirmed_at(visit) == confirmed


def test_an_exact_time_stays_confirmed_when_its_opening_gets_another(
    range_scene: Scene,
) -> None:
    visit = take(range_scene, start_datetime=NOON + timedelta(days=1))
    confirm(visit)
    fields: Any = {"start_datetime": visit.start_datetime}
    opening: Any = {"booking_id": visit.booking_id, "fields": fields}
    bookings.edit(**opening, by=range_scene.actor, now=NOON)
    assert confirmed_at(visit) == NOON
    # Not even at the same instant, so that no mail says it has moved.
    assert Task.objects.filter(appointment=visit, kind=TaskKind.MOVED).count() == 0


def test_whoever_cancels_had_confirmed(scene: Scene) -> None:
    visit = take(scene)
    confirm(visit)
    appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=NOON)
    assert confirmed_at(visit) == NOON
