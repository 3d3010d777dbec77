"""Moving visits to other openings: the place, the hold, the history; all of them or none."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from bookings.models import Appointment, Booking, Event
from bookings.scheduling import appointments, moves, moving
from openchair.errors import Refused
from tests.conftest import Caller
from tests.factories import NOON, Scene, doctor
from tests.test_races import inconsistencies

PATIENT: Any = {
    "status": "booked",
    "first_name": "Ada",
    "email": "ada@example.org",
    "note": "comes by wheelchair",
}


def take(scene: Scene, booking: Booking, **fields: Any) -> Appointment:
    said: Any = {**PATIENT, **fields}
    return appointments.take(booking_id=booking.pk, fields=said, by=scene.actor, now=NOON)


def move(scene: Scene, *pairs: tuple[Appointment, Booking], **fields: Any) -> list[Appointment]:
    to: Any = {visit.pk: {"booking_id": booking.pk, **fields} for visit, booking in pairs}
    return moving.move(to=to, by=scene.actor, now=NOON)


def taken(*of: Booking) -> list[int]:
    return [Booking.objects.get(pk=booking.pk).places_taken for booking in of]


def test_a_moved_visit_keeps_all_there_is_of_it(scene: Scene) -> None:
    here, there = scene.booking(), scene.booking(start_datetime=NOON + timedelta(days=2))
    visit = take(scene, here)
    before = Appointment.objects.values().get(pk=visit.pk)
    assert [each.pk for each in move(scene, (visit, there))] == [visit.pk]
    after = Appointment.objects.values().get(pk=visit.pk)
    assert after == {**before, "booking_id": there.pk, "updated_at": after["updated_at"]}
    assert taken(here, there) == [0, 1]
    assert inconsistencies() == []


def test_one_event_tells_from_where_to_where(scene: Scene) -> None:
    other = doctor(scene.location)
    here = scene.booking()
    there = scene.booking(doctor_id=other.pk, start_datetime=here.start_datetime)
    visit = take(scene, here)
    move(scene, (visit, there))
    event = Event.objects.filter(appointment=visit).latest("id")
    assert (event.booking_id, event.from_status, event.to_status) == (there.pk, "booked", "booked")
    assert event.changes == {
        "booking_id": [here.pk, there.pk],
        "doctor_id": [scene.doctor.pk, other.pk],
    }
    of_both = Event.objects.filter(appointment=None, number__gte=event.number - 1)
    assert [(each.booking_id, each.to_status) for each in of_both] == [
        (here.pk, "open"),
        (there.pk, "booked"),
    ]


def test_a_hold_that_moves_ends_when_it_would_have(scene: Scene, clock: Any) -> None:
    here, there = scene.booking(), scene.booking()
    until = take(scene, here, status="pending").pending_until
    visit = Appointment.objects.get()
    clock.shift(600)
    move(scene, (visit, there))
    found = Booking.objects.in_bulk([here.pk, there.pk])
    assert found[here.pk].pending_until is None
    assert found[there.pk].pending_until == until
    clock.shift(300)
    moves.lapse(there.pk, now=NOON)
    assert Appointment.objects.get().status == "expired"
    assert inconsistencies() == []


def test_a_family_moves_together_or_not_at_all(scene: Scene) -> None:
    here = scene.booking(total_appointments=2)
    both = [take(scene, here), take(scene, here, first_name="Ben", status="pending")]
    narrow, wide = scene.booking(), scene.booking(total_appointments=2)
    with pytest.raises(Refused, match="No place") as refused:
        move(scene, *((visit, narrow) for visit in both))
    assert refused.value.reason == "place_taken"
    assert taken(here, narrow) == [2, 0]
    move(scene, *((visit, wide) for visit in both))
    assert taken(here, wide) == [0, 2]
    assert inconsistencies() == []


@pytest.mark.parametrize("status", ["booked", "pending"])
def test_two_full_openings_can_be_swapped(scene: Scene, status: str) -> None:
    one, other = scene.booking(), scene.booking()
    ada, ben = take(scene, one, status=status), take(scene, other)
    move(scene, (ada, other), (ben, one))
    assert [a.booking_id for a in (Appointment.objects.get(pk=v.pk) for v in (ada, ben))] == [
        other.pk,
        one.pk,
    ]
    assert inconsistencies() == []


def test_moving_to_where_it_is_changes_nothing(scene: Scene) -> None:
    visit = take(scene, here := scene.booking())
    events = Event.objects.count()
    move(scene, (visit, here))
    assert Event.objects.count() == events
    assert Appointment.objects.get().updated_at == visit.updated_at


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"status": "booked"}, "place_taken"),
        ({"start_datetime": NOON - timedelta(hours=1)}, "in_the_past"),
        ({"start_datetime": None}, "no_time"),
    ],
)
def test_a_visit_moves_only_where_a_patient_could_go(
    scene: Scene, made: dict[str, Any], reason: str
) -> None:
    visit = take(scene, here := scene.booking())
    with pytest.raises(Refused) as refused:
        move(scene, (visit, scene.booking(**made)))
    assert refused.value.reason == reason
    assert Appointment.objects.get().booking_id == here.pk


def test_only_a_place_that_is_still_to_be_used_moves(scene: Scene, clock: Any) -> None:
    there = scene.booking(start_datetime=NOON + timedelta(days=9))
    gone, held, late = (
        take(scene, scene.booking(), status=status) for status in ("booked", "pending", "booked")
    )
    appointments.cancel(appointment_id=gone.pk, by=scene.actor, now=NOON)
    clock.shift(24 * 3600)
    came: Any = {"attendance": "kept"}
    kept = take(scene, scene.booking(start_datetime=NOON + timedelta(days=1, minutes=1)))
    clock.shift(60)
    appointments.edit(appointment_id=kept.pk, fields=came, by=scene.actor, now=NOON)
    for visit, reason in ((gone, "closed"), (held, "hold_expired"), (kept, "attended")):
        with pytest.raises(Refused) as refused:
            move(scene, (visit, there))
        assert refused.value.reason == reason
    move(scene, (late, there))  # its time has passed, and nobody says that the patient came
    assert taken(there) == [1]


def test_another_practices_opening_is_one_that_is_not_there(scene: Scene) -> None:
    visit, elsewhere = take(scene, scene.booking()), Scene().booking()
    for booking in (elsewhere, Booking(pk="none")):
        with pytest.raises(ValidationError, match=f"There is no booking {booking.pk}"):
            move(scene, (visit, booking))


def test_a_range_visit_moves_with_its_exact_time_or_still_without_one(range_scene: Scene) -> None:
    scene = range_scene
    here = scene.booking(total_appointments=2)
    there = scene.booking(total_appointments=3, start_datetime=NOON + timedelta(days=3))
    exact = NOON + timedelta(days=3, minutes=10)
    asked, timed, third = (
        take(scene, here, status="reserved"),
        take(scene, here, start_datetime=NOON + timedelta(days=1)),
        take(scene, scene.booking(), status="reserved"),
    )
    with pytest.raises(ValidationError, match="exact time"):
        move(scene, (timed, there))
    move(scene, (asked, there))
    move(scene, (timed, there), start_datetime=exact)
    move(scene, (third, there), start_datetime=exact)
    found = [Appointment.objects.get(pk=visit.pk) for visit in (asked, timed, third)]
    assert [(each.status, each.start_datetime) for each in found] == [
        ("reserved", None),
        ("booked", exact),
        ("booked", exact),
    ]
    assert inconsistencies() == []


def test_a_partner_moves_and_edits_in_one_request(api: Caller, scene: Scene) -> None:
    there = scene.booking(start_datetime=NOON + timedelta(days=2))
    visit = take(scene, scene.booking(), status="pending")
    path = f"/onlinescheduling/appointment/{visit.pk}"
    body = {"booking_id": there.pk, "status": "booked", "last_name": "Byron"}
    for _ in range(2):
        said = api("PUT", path, body)
        assert said.status_code == 200
        assert said.json() == api("GET", path).json()
        assert {name: said.json()[name] for name in body} == body
    assert said.json()["start_datetime"] == "2026-06-03T12:00:00.000-04:00"
    assert Event.objects.filter(appointment=visit, changes__has_key="booking_id").count() == 1


def test_a_request_that_fails_in_part_moves_nothing(api: Caller, scene: Scene) -> None:
    other = doctor(scene.location)
    there = scene.booking(doctor_id=other.pk)
    visit = take(scene, here := scene.booking())
    path = f"/onlinescheduling/appointment/{visit.pk}"
    for wrong, code in (
        ({"doctor_id": scene.doctor.pk}, 400),
        ({"start_datetime": "2026-06-02T10:00"}, 400),
        ({"status": "pending"}, 409),
        ({"attendance": "kept"}, 409),
    ):
        assert api("PUT", path, {"booking_id": there.pk, **wrong}).status_code == code
    assert taken(here, there) == [1, 0]
    right = {"booking_id": there.pk, "doctor_id": other.pk, "start_datetime": "2026-06-02T09:00"}
    assert api("PUT", path, right).status_code == 200


def test_a_stale_copy_does_not_move_and_a_move_makes_copies_stale(
    api: Caller, scene: Scene
) -> None:
    visit, there = take(scene, scene.booking()), scene.booking()
    path = f"/onlinescheduling/appointment/{visit.pk}"
    tag = api("GET", path).headers["ETag"]
    for code in (200, 412):
        to = {"booking_id": there.pk}
        assert api("PUT", path, to, {"If-Match": tag}).status_code == code


def test_an_opening_elsewhere_says_nothing_of_itself(api: Caller, scene: Scene) -> None:
    visit, elsewhere = take(scene, scene.booking()), Scene().booking()
    path = f"/onlinescheduling/appointment/{visit.pk}"
    for booking_id in (elsewhere.pk, "nowhere"):
        said = api("PUT", path, {"booking_id": booking_id, "location_id": scene.location.pk})
        assert said.status_code == 400
        (error,) = said.json()["errors"]
        assert error == {"field": "booking_id", "message": f"There is no booking {booking_id}."}


def test_partners_follow_a_move_in_the_feed(api: Caller, scene: Scene) -> None:
    visit, there = take(scene, here := scene.booking()), scene.booking()
    feed = f"/onlinescheduling/practice/{scene.practice.pk}/changes"
    after = api("GET", f"{feed}?after=latest").json()["cursor"]
    move(scene, (visit, there))
    said = api("GET", f"{feed}?after={after}").json()
    assert sorted(
        (each["booking_id"], each["appointment_id"] or "") for each in said["changes"]
    ) == (sorted([(here.pk, ""), (there.pk, visit.pk), (there.pk, "")]))
