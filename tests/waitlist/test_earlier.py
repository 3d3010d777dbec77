"""Being told of an earlier time: asked for when a visit is booked, or later by its link."""

from datetime import timedelta
from typing import Any

import pytest

from bookings.models import Appointment, Task, WaitlistEntry
from bookings.scheduling import appointments
from bookings.scheduling.actors import PATIENT
from practices.models import Kind
from tests.booking_page.journey import REACHED, Browser
from tests.booking_page.visits import House, Phone
from tests.factories import NOON
from tests.waitlist.families import join, look, offer

pytestmark = pytest.mark.django_db
BOX = 'name="earlier"'
WAITS = "We will tell you if an earlier time becomes free."
REACH: Any = {"email": "ada@family.example"}


@pytest.fixture
def house(clock: Any) -> House:
    """A practice where the 2nd is taken, and the 5th is free for two at a time."""
    house = House()
    house.visit(day=2, hour=15)
    house.opening(5, total_appointments=2)
    return house


def only() -> WaitlistEntry:
    return WaitlistEntry.objects.get()


def wanting(house: House, **values: Any) -> Phone:
    """Open the link of a visit on the 8th that the family can be told about."""
    return Phone(house.visit(day=8, **values))


def reached(visit: Appointment) -> Appointment:
    appointments.edit(appointment_id=visit.pk, fields=REACH, by=PATIENT, now=NOON)
    return visit


def test_a_family_ticks_the_box_and_waits_with_all_its_visits(house: House) -> None:
    browser = Browser(house, "Ada", "Ben").hold("2026-06-05")
    assert f'{BOX} id="id_earlier">' in browser.page  # not ticked beforehand
    browser.send("details", **REACHED, earlier="on")
    assert WAITS in browser.page
    browser.send("check")
    assert browser.step == "done"
    assert WAITS in browser.page
    entry = only()
    assert {each.unread_person.first_name for each in entry.visits.all()} == {"Ada", "Ben"}
    assert [each.first_name for each in entry.unread_people] == ["Ada", "Ben"]
    assert (entry.people, entry.location_ids, entry.joined_by) == (2, [], "patient")
    assert Task.objects.filter(kind="waiting", entry=entry).count() == 1
    # The button is pressed twice, the last page opened again.
    browser.follow(browser.url)
    assert WAITS in browser.page
    assert only() == entry


def test_who_ticks_no_box_is_asked_on_the_last_page(house: House) -> None:
    browser = Browser(house).hold("2026-06-05").send("details", **REACHED).send("check")
    assert not WaitlistEntry.objects.exists()
    assert "Tell me if an earlier time becomes free" in browser.page


def test_the_box_survives_mistakes_more_time_and_another_time(house: House) -> None:
    house.opening(9)
    browser = Browser(house).hold("2026-06-05").send("details", phone="1", earlier="on")
    assert f'{BOX} id="id_earlier" checked' in browser.page
    browser.send("extend", step="book_details", **REACHED, earlier="on")
    assert f'{BOX} id="id_earlier" checked' in browser.page
    browser.send("details", **REACHED, earlier="on").send("extend", step="book_check")
    assert WAITS in browser.page
    browser.hold("2026-06-09")
    assert f'{BOX} id="id_earlier" checked' in browser.page
    browser.send("details", **REACHED)
    assert WAITS not in browser.page
    browser.send("check")
    assert not WaitlistEntry.objects.exists()


@pytest.mark.parametrize(
    ("taken", "is_asked"),
    [
        ({"day": 2, "hour": 15}, True),
        ({"day": 1, "hour": 15, "status": "booked"}, False),  # in three hours
        ({"day": 5, "hour": 10}, False),  # after it
    ],
)
def test_the_box_is_there_only_where_an_earlier_place_can_become_free(
    clock: Any, taken: Any, is_asked: bool
) -> None:
    house = House()
    house.visit(**taken)
    house.opening(4)  # free: they saw it
    house.opening(5)
    browser = Browser(house).hold("2026-06-05")
    assert (BOX in browser.page) is is_asked


def test_who_waited_until_they_booked_waits_for_an_earlier_time_from_then_on(
    house: House,
) -> None:
    day_before = NOON - timedelta(days=1)
    before = join(
        house.practice,
        "Ada",
        last_name="Lovelace",
        email=REACHED["email"],
        weekdays=["sun"],
        now=day_before,
    )
    Browser(house).hold("2026-06-05").send("details", **REACHED, earlier="on").send("check")
    before.refresh_from_db()
    assert before.status == "booked"
    (entry,) = WaitlistEntry.objects.filter(status="waiting")
    assert entry.visits.count() == 1


def test_the_link_of_a_visit_asks_and_stops(house: House) -> None:
    phone = wanting(house)
    reached(phone.visit)
    assert "Tell me if an earlier time becomes free" in phone.reads()
    assert "Do you want to come earlier?" in phone.reads("/earlier")
    assert not WaitlistEntry.objects.exists()
    for _ in range(2):
        answer = phone.client.post(f"{phone.address}/earlier", {"earlier": "on"})
        assert answer["Location"] == f"{phone.address}/earlier"
    assert "You are on the waiting list for an earlier time" in phone.reads("/earlier")
    assert WAITS in phone.reads()
    entry = only()
    assert [*entry.visits.all()] == [phone.visit]
    assert entry.location_ids == [house.location.pk]
    for _ in range(2):
        phone.client.post(f"{phone.address}/earlier", {"earlier": "off"})
    assert "Do you want to come earlier?" in phone.reads("/earlier")
    entry.refresh_from_db()
    assert [event.act for event in entry.events.all()] == ["joined", "left"]


def test_a_family_waits_with_all_that_is_booked_and_to_come(house: House) -> None:
    ada, ben, cleo = house.family("Ada", "Ben", "Cleo", day=8)
    reached(ada)
    appointments.cancel(appointment_id=cleo.pk, by=PATIENT, now=NOON)
    phone = Phone(ada)
    assert "This is for all visits of your family" in phone.reads("/earlier")
    phone.client.post(f"{phone.address}/earlier", {"earlier": "on"})
    assert {*only().visits.all()} == {ada, ben}
    assert only().people == 2
    assert WAITS in Phone(ben).reads()
    assert WAITS not in Phone(cleo).reads()


def test_an_earlier_place_that_becomes_free_is_offered(house: House) -> None:
    taken = Appointment.objects.get()
    phone = wanting(house)
    reached(phone.visit)
    phone.client.post(f"{phone.address}/earlier", {"earlier": "on"})
    look(house.practice)
    assert offer(only()) is None  # the 5th was free already
    appointments.cancel(appointment_id=taken.pk, by=PATIENT, now=NOON + timedelta(minutes=1))
    look(house.practice, NOON + timedelta(minutes=1))
    found = offer(only())
    assert found is not None
    assert found.booking_id == taken.booking_id


@pytest.mark.parametrize("why", ["nothing earlier", "no contact", "too late", "off", "cancelled"])
def test_nobody_is_asked_where_it_leads_to_nothing(clock: Any, why: str) -> None:
    house = House()
    if why != "nothing earlier":
        house.visit(day=2, hour=15)
    phone = wanting(house)
    if why != "no contact":
        reached(phone.visit)
    if why == "too late":
        house.rule(cancel_hours=200)
    if why == "off":
        house.rule(active=False)
    if why == "cancelled":
        appointments.cancel(appointment_id=phone.visit.pk, by=PATIENT, now=NOON)
    assert "/earlier" not in phone.get().text
    assert phone.get("/earlier")["Location"] == phone.address
    phone.client.post(f"{phone.address}/earlier", {"earlier": "on"})
    assert not WaitlistEntry.objects.exists()


def test_who_is_on_the_list_for_something_else_is_told_so(house: House) -> None:
    phone = wanting(house)
    reached(phone.visit)
    later = NOON + timedelta(minutes=1)
    entry = join(house.practice, "Ada", last_name="", weekdays=["sun"], now=later)
    answer = phone.client.post(f"{phone.address}/earlier", {"earlier": "on"})
    assert answer.status_code == 409
    assert "You are on the waiting list already" in answer.text
    assert only() == entry


def test_asking_and_stopping_has_a_limit(house: House) -> None:
    phone = wanting(house)
    reached(phone.visit)
    for wanted in ["on", "off"] * 6:
        phone.client.post(f"{phone.address}/earlier", {"earlier": wanted})
    refused = phone.client.post(f"{phone.address}/earlier", {"earlier": "on"})
    assert refused.status_code == 429
    assert "Call the office." in refused.text
    assert WaitlistEntry.objects.filter(status="left").count() == 6


def test_in_a_range_practice_an_earlier_part_of_the_day_is_waited_for(clock: Any) -> None:
    house = House(Kind.RANGE)
    house.visit(day=2, hour=15)
    phone = wanting(house)
    reached(phone.visit)
    phone.client.post(f"{phone.address}/earlier", {"earlier": "on"})
    assert [*only().visits.all()] == [phone.visit]
