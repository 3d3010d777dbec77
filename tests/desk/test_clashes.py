"""Clash guard: what overlaps is named and asked for, in every door of the desk."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment, Booking
from tests import factories
from tests.conftest import together
from tests.desk.world import House, browser, person, said
from tests.factories import NOON


def opening(house: House, **values: Any) -> dict[str, Any]:
    """Return the form of an opening: Tuesday 8:30, an hour, over the one of 9:00."""
    return {
        "location": house.location.pk,
        "doctor": house.doctor.pk,
        "start": "2026-06-02T08:30",
        "length": "60",
        "places": "1",
        **values,
    }


def ticks(page: Any, name: str = "anyway") -> dict[str, str]:
    """Return the ticks that a page asks for, as a form sends them."""
    found = re.findall(rf'name="({name})" value="(\w+)"', page.content.decode())
    return dict(found)


def assign(desk: Client, house: House, patient: Appointment, time: str, **values: Any) -> Any:
    path = house.address(f"ranges/{patient.pk}/assign/")
    return desk.post(path, {"start": f"2026-06-02T{time}", **values}, follow=True)


def test_a_new_opening_over_another_is_named_and_published_only_if_ticked(
    house: House, desk: Client
) -> None:
    before = Booking.objects.count()
    asked = desk.post(house.address("new-opening/"), opening(house))
    assert asked.status_code == 409
    told = "Tue, Jun 2, 2026, 9:00 AM, 60 min, Quillon Square: Quillonette Quillonfield"
    assert told in said(asked)
    assert 'value="2026-06-02T08:30"' in asked.content.decode()
    assert Booking.objects.count() == before
    sent = desk.post(house.address("new-opening/"), {**opening(house), **ticks(asked)})
    assert sent.status_code == 302
    assert Booking.objects.count() == before + 1


def test_the_doctors_opening_in_another_location_is_named_too(house: House, desk: Client) -> None:
    elsewhere = factories.location(house.practice, name="Harbor")
    house.doctor.locations.add(elsewhere)
    values = opening(house, location=elsewhere.pk, start="2026-06-02T09:00")
    assert "60 min, Quillon Square" in said(desk.post(house.address("new-opening/"), values))
    free = opening(house, location=elsewhere.pk, start="2026-06-02T10:00")
    assert desk.post(house.address("new-opening/"), free).status_code == 302


def test_what_came_since_the_question_is_asked_for_again(house: House, desk: Client) -> None:
    asked = desk.post(house.address("new-opening/"), opening(house))
    house.publish("N", start=datetime(2026, 6, 2, 8, 15), length=30)  # noqa: DTZ001
    again = desk.post(house.address("new-opening/"), {**opening(house), **ticks(asked)})
    assert "8:15 AM, 30 min, Quillon Square: nobody yet" in said(again)


def test_all_weeks_of_a_weekly_opening_are_compared(house: House, desk: Client) -> None:
    house.publish("N", start=datetime(2026, 6, 15, 9))  # noqa: DTZ001
    weekly = opening(house, start="2026-06-08T09:30", recurring="on")
    assert "Mon, Jun 15, 2026, 9:00 AM" in said(desk.post(house.address("new-opening/"), weekly))


def test_an_edit_says_who_moves_where_and_wants_a_tick(house: House, desk: Client) -> None:
    edit = house.address(f"opening/{house.booking.pk}/edit/")
    seen = ticks(desk.get(edit), "seen")
    values = opening(house, start="2026-06-02T09:30", places="3", **seen)
    asked = desk.post(edit, values)
    assert (
        "Quillonette Quillonfield moves from Tue, Jun 2, 2026, 9:00 AM to 9:30 AM "
        "at Quillon Square with Dr. Quillonson"
    ) in said(asked)
    house.booking.refresh_from_db()
    assert house.booking.start_datetime == datetime.fromisoformat("2026-06-02T13:00Z")
    assert desk.post(edit, {**values, **ticks(asked, "moved")}).status_code == 302


def test_an_edit_that_moves_nobody_asks_nothing(house: House, desk: Client) -> None:
    edit = house.address(f"opening/{house.booking.pk}/edit/")
    values = opening(house, start="2026-06-02T09:00", length="45", places="4")
    assert desk.post(edit, {**values, **ticks(desk.get(edit), "seen")}).status_code == 302


def test_two_patients_at_one_time_with_one_doctor_are_asked_for(
    range_house: House, range_desk: Client
) -> None:
    second = range_house.patient(range_house.booking, first_name="Ada", last_name="Brook")
    assign(range_desk, range_house, range_house.appointment, "09:20")
    asked = assign(range_desk, range_house, second, "09:30")
    assert (asked.status_code, "Two patients at once" in said(asked)) == (409, True)
    assert "You are booking Ada Brook" in said(asked)
    assert "Tue, Jun 2, 2026, 9:20 AM, 60 min, Rosalva Square: Rosalvaette" in said(asked)
    second.refresh_from_db()
    assert second.status == "reserved"
    done = assign(range_desk, range_house, second, "09:30", **ticks(asked))
    assert "The visit is booked for Tue, Jun 2, 2026, 9:30 AM." in said(done)


def test_every_way_to_an_exact_time_asks(range_house: House, range_desk: Client) -> None:
    held = range_house.patient(range_house.booking, status="pending")
    assign(range_desk, range_house, range_house.appointment, "09:20")
    other = range_house.publish("N", start=datetime(2026, 6, 2, 8))  # noqa: DTZ001
    patient = {"first_name": "Ada", "last_name": "Brook", "phone": "555 0199", "status": "booked"}
    at = "2026-06-02T09:00"
    sent: dict[str, dict[str, str]] = {
        f"opening/{range_house.booking.pk}/patient/": {**patient, "exact": at},
        f"place/{held.pk}/act/": {"do": "booked", "seen": "pending", "start": at},
        f"opening/{other.pk}/act/": {"do": "book", "seen": "open", "start": at},
    }
    for path, values in sent.items():
        asked = range_desk.post(range_house.address(path), values)
        assert asked.status_code == 409, path
        assert "9:20 AM, 60 min, Rosalva Square: Rosalvaette Rosalvafield" in said(asked)
    assert Appointment.objects.filter(status="booked").count() == 1
    # What was typed is kept by the page that asks, and the time can be changed there.
    kept = asked.content.decode()
    assert 'name="do" value="book"' in kept
    assert f'value="{at}"' in kept


def test_a_move_to_a_time_at_which_the_doctor_has_another_patient_asks(
    range_house: House, range_desk: Client
) -> None:
    there = range_house.publish("N", start=datetime(2026, 6, 2, 14, 30))  # noqa: DTZ001
    for opening_, time in ((there, (14, 45)), (range_house.booking, (9, 20))):
        at = datetime(2026, 6, 2, *time)  # noqa: DTZ001
        visit = range_house.patient(opening_, status="booked", start_datetime=at)
    page = range_desk.get(range_house.address(f"next-free/?visit={visit.pk}")).content.decode()
    seen = re.findall(r'name="seen" value="([^"]*)"', page)[0]
    sent = {
        "visit": visit.pk,
        "to": there.pk,
        "seen": seen,
        f"{visit.pk}-start": "2026-06-02T15:00",
    }
    asked = range_desk.post(range_house.address("move/"), sent)
    assert "2:45 PM, 60 min, Rosalva Square: Rosalvaette" in said(asked)
    assert f'name="{visit.pk}-start" value="2026-06-02T15:00"' in asked.content.decode()
    assert (
        range_desk.post(range_house.address("move/"), {**sent, **ticks(asked)}).status_code == 302
    )
    visit.refresh_from_db()
    assert visit.booking == there


def test_a_range_opening_over_another_is_named(range_house: House, range_desk: Client) -> None:
    asked = range_desk.post(range_house.address("new-opening/"), opening(range_house))
    assert "9:00 AM, 60 min, Rosalva Square: Rosalvaette Rosalvafield" in said(asked)


@pytest.mark.django_db(transaction=True)
def test_of_those_who_publish_over_each_other_at_once_one_does(clock: Traveller) -> None:
    house = House("Quillon")
    turns = iter([browser(person(f"p{nth}", house.practice)) for nth in range(4)])
    clock.move_to(datetime.now(tz=NOON.tzinfo))
    values = opening(house, start="2026-06-04T10:00", length="50")
    answers = together(4, lambda: next(turns).post(house.address("new-opening/"), values))
    assert sorted(each.status_code for each in answers) == [302, 409, 409, 409]
    assert Booking.objects.filter(length=50).count() == 1


def test_a_new_opening_is_as_long_as_the_doctors_last_one(house: House, desk: Client) -> None:
    house.publish("N", start=datetime(2027, 6, 1, 9), length=30)  # noqa: DTZ001
    page = desk.get(house.address(f"new-opening/?doctor={house.doctor.pk}"))
    assert re.search(r'name="length" value="30"', page.content.decode())


def test_a_doctor_saved_without_a_location_is_said(house: House, desk: Client) -> None:
    add = {"name": "Dr. New", "practice": house.practice.pk, "locations": []}
    done = said(desk.post("/admin/practices/doctor/add/", add, follow=True))
    assert "This doctor has no location yet" in done
