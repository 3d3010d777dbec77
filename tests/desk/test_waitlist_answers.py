"""Answers at the desk for families that wait: no visit twice, none from an old page, none later."""

from datetime import date, timedelta

from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment, WaitlistEntry
from bookings.scheduling import appointments
from tests.desk.test_waitlist import answer, at, press
from tests.desk.world import House, said
from tests.factories import NOON
from tests.waitlist.families import held, join, look, offer


def offered_earlier(house: House, clock: Traveller) -> tuple[Appointment, WaitlistEntry]:
    """Return a visit, and the entry by which its family is offered an earlier time."""
    given_up = house.patient(house.publish("F", start=at(2, 15), total_appointments=1))
    visit = house.patient(house.publish("G", start=at(20, 9)), first_name="Ada")
    entry = join(house.practice, "Ada", visits=[visit])
    clock.shift(60)
    now = NOON + timedelta(seconds=60)
    appointments.cancel(appointment_id=given_up.pk, by=house.actor, now=now)
    look(house.practice, now)
    return visit, entry


def test_a_held_place_is_answered_on_the_list_and_never_booked_beside_the_visit_that_moves(
    house: House, desk: Client, clock: Traveller
) -> None:
    visit, entry = offered_earlier(house, clock)
    (place,) = held(entry)
    sent = {"do": "booked", "seen": "pending"}
    page = desk.post(house.address(f"place/{place.pk}/act/"), sent, follow=True)
    assert "offered from the waiting list: answer there for the family" in said(page)
    assert Appointment.objects.get(pk=place.pk).status == "pending"
    answer(desk, house, entry, "take")
    visit.refresh_from_db()
    assert visit.booking_id == place.booking_id
    assert Appointment.objects.get(pk=place.pk).status == "cancelled"


def test_what_was_declined_meanwhile_is_not_taken_from_an_old_page(
    house: House, desk: Client, clock: Traveller
) -> None:
    visit, entry = offered_earlier(house, clock)
    found = offer(entry)
    assert found is not None
    answer(desk, house, entry, "decline")
    page = press(desk, house, f"offer/{found.pk}/", do="take")
    assert "Nothing was changed" in page
    assert Appointment.objects.get(pk=visit.pk).booking_id == visit.booking_id


def test_who_wants_an_earlier_time_is_offered_no_later_one_by_hand_but_may_be_given_it(
    house: House, desk: Client
) -> None:
    visit = house.patient(house.booking, first_name="Ada")
    entry = join(house.practice, "Ada", visits=[visit])
    later = house.publish("G", start=at(20, 9))
    path = f"family/{entry.pk}/give/"
    page = desk.get(house.address(f"waiting-list/family/{entry.pk}/?first=2026-06-20")).text
    assert f'value="{later.pk}"' in page
    assert ('value="book"' in page, 'value="offer"' in page) == (True, False)
    assert "this one is later" in press(desk, house, path, do="offer", to=later.pk)
    assert entry.offers.count() == 0
    press(desk, house, path, do="book", to=later.pk)
    visit.refresh_from_db()
    assert visit.booking_id == later.pk


def test_a_family_of_whom_a_partner_says_a_day_far_away_has_its_page(
    house: House, desk: Client
) -> None:
    entry = join(house.practice, "Ada", earliest=date.max)
    assert desk.get(house.address(f"waiting-list/family/{entry.pk}/")).status_code == 200
