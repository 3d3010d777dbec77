"""What the desk sees of visits from the booking page: who will come, the family, the source."""

import csv
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment
from bookings.scheduling import appointments, families, moving
from bookings.scheduling.actors import PATIENT
from practices.models import Partner
from tests import factories
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, browser, said
from tests.factories import NOON

pytestmark = only_once_on_sqlite

AT: Any = {"by": PATIENT, "now": NOON}


def book(house: House, *names: str, status: str = "booked", **more: Any) -> list[Appointment]:
    """Take places in the opening of Tuesday, as a family does on the booking page."""
    wanted: Any = [
        {"booking_id": house.booking.pk, "status": status, "first_name": name, "language": "es"}
        for name in names
    ]
    return families.take(wanted=wanted, **AT, **more)


def confirm(visit: Appointment) -> None:
    appointments.confirm(appointment_id=visit.pk, **AT)


def test_a_visit_shows_the_language_the_source_and_the_family(house: House, desk: Client) -> None:
    more = {"booking_referral": "flyer <2>", "utm_campaign": "fall"}
    ada, ben = book(house, "Ada", "Ben", source=house.partner.pk, attribution=more)
    confirm(ada)
    page = said(desk.get(house.address(f"place/{ada.pk}/")))
    assert "Confirmed Mon, Jun 1, 2026, 12:00 PM" in page
    assert "Language Spanish Source Quillon Partner Referral flyer &lt;2&gt;" in page
    assert "Campaign fall" in page
    assert "Booked together Ben Tue, Jun 2, 2026, 9:00 AM · Dr. Quillonson Booked" in page
    assert f"place/{ben.pk}/" in desk.get(house.address(f"place/{ada.pk}/")).content.decode()
    plain = said(desk.get(house.address(f"place/{house.appointment.pk}/")))
    assert not {"Language", "Source", "Booked together"} & {*plain.split("History")[0].split()}


def test_a_strangers_id_is_no_name(house: House, desk: Client, range_house: House) -> None:
    (ada,) = book(house, "Ada", source=range_house.partner.pk)
    page = said(desk.get(house.address(f"place/{ada.pk}/")))
    assert f"Source {range_house.partner.pk}" in page
    assert range_house.partner.name not in page
    Partner.objects.filter(pk=range_house.partner.pk).update(all_practices=True)
    assert range_house.partner.name in said(desk.get(house.address(f"place/{ada.pk}/")))


def test_who_will_come_is_marked_until_the_time_has_come(
    house: House, desk: Client, clock: Traveller
) -> None:
    confirm(book(house, "Ada")[0])
    opening, board = f"opening/{house.booking.pk}/", "board/?day=2026-06-02"
    assert "Ada Booked Confirmed" in said(desk.get(house.address(opening)))
    assert "Prefers Spanish" in said(desk.get(house.address(opening)))
    day = said(desk.get(house.address(board)))
    assert "Ada new ✓ confirmed" in day
    assert "1 ✓ confirmed" in day
    week = said(desk.get(house.address(f"{board}&view=week")))
    assert "Ada ✓" in week
    clock.shift(24 * 3600)
    assert "confirmed" not in said(browser(house.staff).get(house.address(board)))


def test_the_sheet_lists_who_comes_and_has_not_said_so(
    house: House, desk: Client, clock: Traveller
) -> None:
    ada, _ben = book(house, "Ada", "Ben")
    confirm(ada)
    assert "unsure=on" in desk.get(house.address("calls/")).content.decode()
    sheet = house.address("sheet/?day=2026-06-02")
    assert "Ada (confirmed)" in said(desk.get(sheet))
    text = said(desk.get(f"{sheet}&unsure=on"))
    assert "Quillonette" in text
    assert "Ben" in text
    assert "Ada" not in text
    clock.shift(24 * 3600)
    late = said(browser(house.staff).get(f"{sheet}&unsure=on"))
    assert "Every visit still to come on this day is confirmed." in late


def test_the_history_tells_what_the_patient_did(house: House, desk: Client) -> None:
    there = house.publish("T", start=datetime(2026, 6, 4, 10))  # noqa: DTZ001
    (ada,) = book(house, "Ada")
    confirm(ada)
    to: Any = {ada.pk: {"booking_id": there.pk, "language": "en"}}
    moving.move(to=to, **AT)
    text = said(desk.get(house.address(f"place/{ada.pk}/"))).partition("History")[2]
    assert "Patient Ada: booked" in text
    assert "Patient Ada: confirmed" in text
    assert "Patient Ada: moved to another opening Time: Tue, Jun 2, 2026, 9:00 AM" in text
    assert "Patient Ada: changed Language: Spanish → English" in text


def test_the_history_is_silent_on_a_hold_that_is_renewed_within_a_minute(
    house: House, desk: Client
) -> None:
    (ada,) = book(house, "Ada", status="pending")
    later: Any = {"by": PATIENT, "now": NOON + timedelta(seconds=5)}
    families.edit(changes={ada.pk: {"status": "pending"}}, **later)
    text = said(desk.get(house.address(f"place/{ada.pk}/"))).partition("History")[2]
    assert "Patient Ada: on hold" in text
    assert "Hold ends" not in text


def test_a_colleague_is_told_what_the_patient_did(house: House, desk: Client) -> None:
    (ada,) = book(house, "Ada")
    path = house.address(f"place/{ada.pk}/")
    seen = desk.get(path).content.decode().split('name="seen" value="')[1].split('"')[0]
    confirm(ada)
    answer = desk.post(path, {"seen": seen, "first_name": "Adam"})
    assert "Patient confirmed the visit" in said(answer)


@pytest.fixture
def numbers(house: House, clock: Traveller) -> House:
    """Of Tuesday's visits: two from a campaign, one from a partner, one hold that ran out."""
    factories.partner(granted=[house.practice], id="flyers", name="=Flyers & Co")
    ada, ben = book(house, "Ada", "Ben", attribution={"utm_campaign": "fall"})
    other = house.publish("O", start=datetime(2026, 6, 2, 10))  # noqa: DTZ001
    house.booking = other
    book(house, "Cleo", source="flyers")
    book(house, "Dan", source="flyers", status="pending")
    confirm(ada)
    clock.move_to(NOON + timedelta(days=1))
    for visit, attendance in ((ada, "kept"), (ben, "no_show")):
        fields: Any = {"attendance": attendance}
        appointments.edit(appointment_id=visit.pk, fields=fields, by=house.actor, now=NOON)
    return house


def test_numbers_are_by_source_and_campaign(numbers: House) -> None:
    text = said(browser(numbers.staff).get(numbers.address("numbers/")))
    assert "Late cancel Cancelled no source fall 2 2 1 1 1 0 0" in text
    assert "=Flyers &amp; Co – 2 1 0 0 0 0 0" in text
    assert "Online booking 3 3 1 1 0 1 0" in text
    assert "Quillon Partner 1 1 0 0 0 1 0" in text


def test_numbers_by_source_are_a_csv_without_names_and_formulas(numbers: House) -> None:
    answer = browser(numbers.staff).get(numbers.address("sources.csv?period=week"))
    rows = list(csv.reader(StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:4] == ["source", "campaign", "started", "booked"]
    assert rows[1:] == [
        ["no source", "fall", "2", "2", "1", "1", "1", "0", "0"],
        ["'=Flyers & Co", "", "2", "1", "0", "0", "0", "0", "0"],
    ]


def test_range_visits_are_counted_by_source_on_their_day(
    range_house: House, clock: Traveller
) -> None:
    (timed,) = book(range_house, "Ada", status="reserved", source="flyer")
    fields: Any = {"start_datetime": datetime(2026, 6, 8, 9)}  # noqa: DTZ001
    appointments.edit(appointment_id=timed.pk, fields=fields, by=range_house.actor, now=NOON)
    book(range_house, "Ben", status="reserved", source="flyer")
    for day, row in ((2, "flyer – 1 1 0 0 0 0 0"), (8, "flyer – 2 2 0 0 0 0 0")):
        clock.move_to(NOON + timedelta(days=day - 1))
        text = said(browser(range_house.staff).get(range_house.address("numbers/")))
        assert row in text
