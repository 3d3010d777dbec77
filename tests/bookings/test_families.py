"""A family's places: taken, held, confirmed and moved together, all of them or none."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from bookings.models import Appointment, Booking, Event
from bookings.scheduling import appointments, families, moving
from bookings.scheduling.actors import PATIENT
from openchair.errors import LimitReached, Refused
from tests.factories import NOON, Scene
from tests.test_races import inconsistencies

FIVE_MINUTES = 300


def wanted(*of: Booking, **fields: Any) -> Any:
    names = ("Ada", "Ben", "Cleo", "Dan")
    return [
        {"booking_id": booking.pk, "first_name": name, **fields}
        for booking, name in zip(of, names, strict=False)
    ]


def take(*of: Booking, **more: Any) -> list[Appointment]:
    return families.take(**{"wanted": wanted(*of), "by": PATIENT, "now": NOON, **more})


def edit(visits: list[Appointment], **fields: Any) -> list[Appointment]:
    to: Any = {each.pk: fields for each in visits}
    return families.edit(changes=to, by=PATIENT, now=NOON)


def taken(*of: Booking) -> list[int]:
    return [Booking.objects.get(pk=booking.pk).places_taken for booking in of]


@pytest.fixture
def two(scene: Scene) -> tuple[Booking, Booking]:
    later = NOON + timedelta(days=1, minutes=30)
    return scene.booking(), scene.booking(start_datetime=later)


def test_a_family_has_its_places_in_the_order_in_which_it_asked(two: Any) -> None:
    one, other = sorted(two, key=lambda each: each.pk, reverse=True)
    said = {"utm_source": "school"}
    found = take(one, other, source="flyer", attribution=said)
    assert [(each.booking_id, each.person.first_name) for each in found] == [
        (one.pk, "Ada"),
        (other.pk, "Ben"),
    ]
    rows = Appointment.objects.all()
    assert {(row.group_id, row.source, row.status) for row in rows} == {
        (found[0].group_id, "flyer", "pending")
    }
    assert [row.attribution for row in rows] == [said, said]
    assert inconsistencies() == []


def test_a_patients_hold_lasts_five_minutes_and_is_nobodys(two: Any) -> None:
    held = take(*two)[0]
    assert held.pending_until == NOON + timedelta(seconds=FIVE_MINUTES)
    event = Event.objects.filter(appointment=held).get()
    assert (held.partner_id, event.actor, event.user_id) == (None, "patient", None)


def test_where_one_place_is_taken_nobody_has_one(scene: Scene, two: Any) -> None:
    full = scene.booking(status="booked")
    with pytest.raises(Refused) as refused:
        take(*two, full)
    assert refused.value.reason == "place_taken"
    assert full.pk in refused.value.text
    with pytest.raises(Refused):
        take(two[0], two[0])  # which has one place
    assert not Appointment.objects.exists()
    assert taken(*two) == [0, 0]


def test_a_family_shares_an_opening_that_has_places_enough(scene: Scene) -> None:
    wide = scene.booking(total_appointments=4)
    assert len(take(wide, wide, wide, wide)) == 4
    assert taken(wide) == [4]
    assert inconsistencies() == []


def test_a_mistake_says_whose_it_is(two: Any) -> None:
    asked = wanted(*two)
    asked[1]["start_datetime"] = NOON
    with pytest.raises(ValidationError) as error:
        families.take(wanted=asked, by=PATIENT, now=NOON)
    assert [*error.value.message_dict] == ["appointments.1.start_datetime"]


def test_places_given_back_are_there_to_be_taken_in_the_same_act(scene: Scene, two: Any) -> None:
    held = take(*two)
    booked = take(scene.booking(), wanted=wanted(scene.booking(), status="booked"))
    both = [each.pk for each in (*held, *booked)]
    again = take(*reversed(two), gives_back=both)
    assert {each.group_id for each in again} != {held[0].group_id}
    statuses = [Appointment.objects.get(pk=pk).status for pk in both]
    assert statuses == ["cancelled", "cancelled", "booked"]
    assert inconsistencies() == []


def test_a_refusal_leaves_what_would_have_been_given_back(scene: Scene, two: Any) -> None:
    held = take(*two)
    with pytest.raises(Refused):
        take(scene.booking(status="booked"), gives_back=[each.pk for each in held])
    assert taken(*two) == [1, 1]
    assert {row.status for row in Appointment.objects.all()} == {"pending"}


def test_holds_are_extended_together_and_no_longer_than_an_hour(two: Any, clock: Any) -> None:
    held = take(*two)
    for _ in range(17):
        clock.shift(200)
        held = edit(held, status="pending")
    until = {row.pending_until for row in Appointment.objects.all()}
    assert until == {NOON + timedelta(hours=1)}


def test_a_family_that_confirms_late_has_its_places_while_they_are_free(
    two: Any, clock: Any
) -> None:
    held = take(*two)
    clock.shift(FIVE_MINUTES + 1)
    edit(held, status="booked", phone="555 0100")
    rows = Appointment.objects.all()
    assert {(row.status, row.person.phone, row.pending_until) for row in rows} == {
        ("booked", "555 0100", None)
    }
    assert inconsistencies() == []


def test_a_family_that_confirms_late_has_both_places_or_none(
    scene: Scene, two: Any, clock: Any
) -> None:
    held = take(*two)
    clock.shift(FIVE_MINUTES)
    body: Any = {"status": "booked"}
    appointments.take(booking_id=two[1].pk, fields=body, by=scene.actor, now=NOON)
    with pytest.raises(Refused) as refused:
        edit(held, status="booked")
    assert refused.value.reason == "hold_expired"
    edit(held, status="expired", phone="555 0100")  # what was typed is kept with it
    rows = [Appointment.objects.get(pk=each.pk) for each in held]
    assert {(row.status, row.person.phone) for row in rows} == {("expired", "555 0100")}
    assert taken(*two) == [0, 1]
    assert inconsistencies() == []


@pytest.mark.parametrize("read", [False, True], ids=["and nobody looked", "and somebody looked"])
@pytest.mark.parametrize("status", ["pending", "booked"])
def test_a_hold_that_has_ended_moves_with_what_was_typed(
    two: Any, scene: Scene, clock: Any, status: str, read: bool
) -> None:
    third = scene.booking(start_datetime=NOON + timedelta(days=3))
    held = take(*two)
    clock.shift(FIVE_MINUTES)
    if read:
        edit(held, status="expired", message="After school, please")
    # The second goes where the first one comes from.
    to: Any = {
        held[1].pk: {"booking_id": two[0].pk, "status": status},
        held[0].pk: {"booking_id": third.pk, "status": status},
    }
    moving.move(to=to, by=PATIENT, now=NOON)
    rows = [Appointment.objects.get(pk=each.pk) for each in held]
    assert [row.booking_id for row in rows] == [third.pk, two[0].pk]
    assert {row.status for row in rows} == {status}
    assert [row.person.first_name for row in rows] == ["Ada", "Ben"]
    assert taken(*two, third) == [1, 0, 1]
    assert inconsistencies() == []


def test_a_hold_that_has_ended_does_not_move_without_a_new_place(
    two: Any, scene: Scene, clock: Any
) -> None:
    held = take(*two)
    clock.shift(FIVE_MINUTES)
    to: Any = {held[0].pk: {"booking_id": scene.booking().pk}}
    with pytest.raises(Refused) as refused:
        moving.move(to=to, by=PATIENT, now=NOON)
    assert refused.value.reason == "hold_expired"


def test_a_partners_family_counts_as_so_many_holds(scene: Scene, two: Any, settings: Any) -> None:
    settings.HOLDS_PER_PARTNER = 1
    with pytest.raises(LimitReached):
        take(*two, by=scene.actor)
    assert taken(*two) == [0, 0]


def test_a_timed_range_visit_moves_to_where_the_office_owes_a_time_again(
    range_scene: Scene,
) -> None:
    at: Any = {"by": range_scene.actor, "now": NOON}
    here, there = range_scene.booking(), range_scene.booking(start_datetime=NOON + timedelta(9))
    body: Any = {"status": "booked", "start_datetime": NOON + timedelta(days=1)}
    visit = appointments.take(booking_id=here.pk, fields=body, **at)
    appointments.confirm(appointment_id=visit.pk, **at)
    to: Any = {visit.pk: {"booking_id": there.pk, "status": "reserved"}}
    moving.move(to=to, **at)
    row = Appointment.objects.get()
    assert (row.status, row.start_datetime, row.confirmed_at) == ("reserved", None, None)
    assert Booking.objects.get(pk=there.pk).status == "reserved"
    assert inconsistencies() == []
