"""A range patient's exact time: the same on every page, in exports, and in the API."""

import csv
import io
import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment
from bookings.scheduling import appointments
from tests.conftest import Caller
from tests.desk.world import House, browser, person, said
from tests.factories import NOON, Scene


@pytest.fixture
def booked(range_house: House) -> Appointment:
    """Book the one place of a booking of 1:00 PM for 1:15 PM."""
    booking = range_house.publish("O", start=datetime(2026, 6, 2, 13), total_appointments=1)  # noqa: DTZ001
    appointment = range_house.patient(booking, first_name="Ines", last_name="Okonkwo")
    return give(range_house, appointment, "2026-06-02T13:15")


def give(house: House, appointment: Appointment, wall: str) -> Appointment:
    fields: Any = {"start_datetime": datetime.fromisoformat(wall)}
    return appointments.edit(appointment_id=appointment.pk, fields=fields, by=house.actor, now=NOON)


def chips(page: Any) -> list[str]:
    """Return the texts on the board, in its order."""
    found = re.findall(r'<a class="chip.*?</a>', page.content.decode(), re.DOTALL)
    texts = [" ".join(re.sub(r"<[^>]+>", " ", chip).split()) for chip in found]
    return [text.rpartition(" , Dr.")[0] for text in texts]


def test_the_board_shows_it(range_house: House, range_desk: Client, booked: Appointment) -> None:
    page = range_desk.get(range_house.address("board/?day=2026-06-02"))
    assert "1:15 PM Ines Okonkwo new 60 min, Booked" in chips(page)
    assert "1:00 PM" not in "".join(chips(page))


def test_the_week_shows_it(range_house: House, range_desk: Client, booked: Appointment) -> None:
    page = range_desk.get(range_house.address("board/?day=2026-06-02&view=week"))
    assert "1:15 PM Ines O. Booked" in chips(page)
    assert "1:00 PM" not in said(page)


def test_the_csv_shows_it(range_house: House, range_desk: Client, booked: Appointment) -> None:
    answer = range_desk.get(range_house.address("openings.csv?day=2026-06-02"))
    rows = {row[0]: row for row in csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))}
    assert rows[booked.booking_id][1:3] == ["Booked", "2026-06-02 13:15"]
    assert rows[range_house.booking.pk][1:3] == ["Free", "2026-06-02 morning"]


def test_the_page_of_the_opening_shows_it(
    range_house: House, range_desk: Client, booked: Appointment
) -> None:
    text = said(range_desk.get(range_house.address(f"opening/{booked.booking_id}/")))
    assert "Tue, Jun 2, 2026, 1:15 PM Dr. Rosalvason · Rosalva Square Booked" in text
    assert "Ines Okonkwo Booked 555 0100" in text
    assert "1:00 PM" not in text.partition("History")[0]


@pytest.mark.parametrize("page", ["patients/", "openings/"])
def test_the_lists_show_it(
    page: str, range_house: House, range_desk: Client, booked: Appointment
) -> None:
    text = said(range_desk.get(range_house.address(page)))
    assert "Tue, Jun 2, 2026, 1:15 PM" in text
    assert "1:00 PM" not in text


def test_closing_many_shows_it(range_house: House, range_desk: Client, booked: Appointment) -> None:
    days = {"first": "2026-06-02", "last": "2026-06-02", "do": "preview"}
    text = said(range_desk.post(range_house.address("close/"), days))
    assert "Ines Okonkwo Tue, Jun 2, 2026, 1:15 PM · Dr. Rosalvason · Rosalva Square Booked" in text
    assert "1:00 PM" not in text


def test_the_api_shows_it(range_house: House, booked: Appointment) -> None:
    answer = Caller(range_house.key_text)("GET", f"/onlinescheduling/appointment/{booked.pk}")
    assert answer.json()["start_datetime"] == "2026-06-02T13:15:00.000-04:00"


def test_who_waits_for_a_time_is_shown_with_the_part_of_the_day(
    range_house: House, range_desk: Client
) -> None:
    page = range_desk.get(range_house.address("board/?day=2026-06-02"))
    waiting = "Rosalvaette Rosalvafield (needs a time) new"
    assert chips(page) == [f"Morning {waiting} 60 min, 2 free"]
    listed = said(range_desk.get(range_house.address("patients/")))
    assert "Tue, Jun 2, 2026, morning" in listed
    assert "Tue, Jun 2, 9:00 AM" not in listed


def test_patients_of_one_opening_stand_on_the_board_in_order_of_their_times(
    range_house: House, range_desk: Client
) -> None:
    other = range_house.patient(range_house.booking, first_name="Ada", last_name="Brook")
    give(range_house, other, "2026-06-02T08:15")
    give(range_house, range_house.appointment, "2026-06-02T09:20")
    page = range_desk.get(range_house.address("board/?day=2026-06-02"))
    assert chips(page) == [
        "8:15 AM Ada Brook new 60 min, Booked",
        "Morning 60 min, 1 free",
        "9:20 AM Rosalvaette Rosalvafield new 60 min, Booked",
    ]
    assert "1 free 2 booked" in said(page)


def test_a_patient_stands_on_the_day_of_the_exact_time(
    range_house: House, range_desk: Client, booked: Appointment
) -> None:
    give(range_house, booked, "2026-06-04T08:45")
    days = {
        day: chips(range_desk.get(range_house.address(f"board/?day=2026-06-{day}")))
        for day in ("02", "04")
    }
    assert "8:45 AM Ines Okonkwo new 60 min, Booked" in days["04"]
    assert not any("Ines" in chip for chip in days["02"])
    exported = range_desk.get(range_house.address("openings.csv?day=2026-06-04"))
    assert "Booked,2026-06-04 08:45," in exported.content.decode()


def test_a_whole_opening_is_shown_at_the_exact_time_with_which_it_was_booked(
    range_scene: Scene, range_api: Caller, clock: Traveller
) -> None:
    booking = range_scene.booking()
    fields = {"status": "booked", "start_datetime": "2026-06-02T09:20"}
    range_api("PUT", f"/onlinescheduling/booking/{booking.pk}", fields)
    staff = browser(person("staff", range_scene.practice))
    page = staff.get(f"/admin/desk/{range_scene.practice.pk}/board/?day=2026-06-02")
    assert [chip[:7] for chip in chips(page)] == ["9:20 AM"]
    assert "60 min, Booked" in said(page)
