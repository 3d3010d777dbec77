"""Giving a patient a place at the desk: booked, named, with an exact time, one of a family."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.desk.desk import version
from bookings.models import Access, Appointment
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, named, said

pytestmark = only_once_on_sqlite
ADA = {"first_name": "Ada", "last_name": "Brook", "phone": "212 555 0199"}


def take(house: House, desk: Client, **values: Any) -> Any:
    """Book Ada into the practice's opening, with these fields."""
    path = house.address(f"opening/{house.booking.pk}/patient/")
    return desk.post(path, {**ADA, **values}, follow=True)


def test_three_fields_are_enough(house: House, desk: Client) -> None:
    assert "The visit is booked for Tue, Jun 2, 2026, 9:00 AM." in said(take(house, desk))


def test_what_the_office_notes_is_on_the_page_and_dials(house: House, desk: Client) -> None:
    page = take(house, desk, note="Needs a wheelchair", phone="(212) 555-0199 x4")
    assert "(212) 555-0199 x4" in said(page)
    assert "Note Needs a wheelchair" in said(page)
    assert 'href="tel:+12125550199;ext=4"' in page.content.decode()


@pytest.mark.parametrize("phone", ["abc", "12", "555 555 5555 or 6"])
def test_what_is_no_phone_number_is_refused_and_nothing_typed_is_lost(
    phone: str, house: House, desk: Client
) -> None:
    page = take(house, desk, phone=phone, note="Prefers mornings")
    body = page.content.decode()
    assert (page.status_code, "is not a phone number" in said(page)) == (400, True)
    assert re.search(r"<title>\s*Error: ", body)
    assert f'value="{phone}"' in body
    assert "Prefers mornings</textarea>" in body
    described = re.findall(r'name="phone"[^>]*aria-describedby="(\w+)"', body)
    assert f'id="{described[0]}"' in body
    assert take(house, desk, phone="555 555 5555").status_code == 200


def test_who_has_a_visit_to_come_gets_another_only_on_purpose(house: House, desk: Client) -> None:
    take(house, desk)
    page = take(house, desk, first_name="ada", note="Again")
    text, body = said(page), page.content.decode()
    assert page.status_code == 400
    assert "Ada Brook already has a visit on Tue, Jun 2, 2026, 9:00 AM with Dr. Quillon" in text
    assert f'?visit={named("Ada").pk}"' in body
    assert "Again</textarea>" in body
    assert "is booked for" in said(take(house, desk, first_name="ada", again="on"))


def test_a_sibling_has_an_opening_of_their_own_and_is_not_typed_anew(
    house: House, desk: Client
) -> None:
    after = house.publish("N", start=datetime(2026, 6, 2, 10))  # noqa: DTZ001
    page = take(house, desk, guardian_name="Bo Brook", then=[after.pk, house.weekly.pk])
    body, address = page.content.decode(), page.request["PATH_INFO"]
    assert address == house.address(f"opening/{after.pk}/")
    for value in ("Brook", "212 555 0199", "Bo Brook"):
        assert f'value="{value}"' in body
    assert 'value="Ada"' not in body
    assert re.findall(r'name="then" value="(\w+)"', body) == [house.weekly.pk]
    assert "Brook" not in page.request["QUERY_STRING"]
    assert named("Ada").pk in Access.objects.order_by("pk").last().appointments  # type: ignore[union-attr]  # there is one


def test_in_a_range_practice_a_place_without_a_time_is_reserved(
    range_house: House, range_desk: Client
) -> None:
    done = said(take(range_house, range_desk))
    assert "The visit for Tue, Jun 2, 2026, morning needs a time." in done
    assert named("Ada").status == "reserved"
    held = take(range_house, range_desk, first_name="Cy", status="pending")
    assert "is on hold for the patient until 12:15 PM." in said(held)


def test_a_place_is_taken_for_a_patient_on_the_phone(house: House, desk: Client) -> None:
    values = {"first_name": "Ada", "last_name": "Brook", "phone": "555 0199", "status": "booked"}
    done = desk.post(house.address(f"opening/{house.booking.pk}/patient/"), values, follow=True)
    assert "The visit is booked for Tue, Jun 2, 2026, 9:00 AM." in said(done)
    appointment = named("Ada")
    assert (appointment.status, appointment.person.phone) == ("booked", "555 0199")
    event = appointment.events.get()
    assert (event.user, event.to_status) == (house.staff, "booked")


def test_a_patient_who_comes_too_late_is_told_and_nothing_typed_is_lost(
    house: House, desk: Client
) -> None:
    for name in ("One", "Two"):
        house.patient(house.booking, first_name=name)
    values = {
        "first_name": "Ada",
        "last_name": "Brook",
        "phone": "555 0199",
        "guardian_name": "Bo Brook",
        "zip_code": "10001",
        "status": "booked",
    }
    refused = desk.post(house.address(f"opening/{house.booking.pk}/patient/"), values)
    assert refused.status_code == 400
    assert "The last place was just taken" in said(refused)
    text = said(refused)
    assert "You typed: First name Ada Last name Brook Phone 555 0199" in text
    assert "Guardian Bo Brook ZIP code 10001" in text
    assert "None" not in text
    assert all(each.person.first_name != "Ada" for each in Appointment.objects.all())


def test_a_range_place_is_booked_with_its_exact_time_only(
    range_house: House, range_desk: Client
) -> None:
    values = {"first_name": "Ada", "last_name": "Brook", "phone": "555 0199", "status": "booked"}
    take = range_house.address(f"opening/{range_house.booking.pk}/patient/")
    assert "Enter the exact time" in said(range_desk.post(take, values))
    range_desk.post(take, {**values, "exact": "2026-06-02T09:20"})
    appointment = named("Ada")
    assert appointment.start_datetime is not None
    assert appointment.start_datetime.isoformat() == "2026-06-02T13:20:00+00:00"


@pytest.mark.parametrize(
    ("exact", "text"),
    [
        ("2026-05-02T09:20", "This time has passed"),
        ("2026-06-02T19:00", "This is outside Tue, Jun 2, morning"),
        ("2026-06-03T09:20", "This is outside Tue, Jun 2, morning"),
    ],
)
def test_no_range_place_gets_a_time_that_was_not_asked_for(
    exact: str, text: str, range_house: House, range_desk: Client
) -> None:
    """Not a new, held or reserved place, nor the whole booking."""
    held = range_house.patient(range_house.booking, status="pending")
    patient = {"first_name": "Ada", "last_name": "Brook", "phone": "555 0199", "status": "booked"}
    booking = f"opening/{range_house.booking.pk}"
    sent: list[tuple[str, dict[str, str]]] = [
        (f"{booking}/patient/", {**patient, "exact": exact}),
        (f"place/{held.pk}/act/", {"do": "booked", "seen": "pending", "start": exact}),
        (
            f"place/{range_house.appointment.pk}/act/",
            {"do": "booked", "seen": "reserved", "start": exact},
        ),
        (f"{booking}/act/", {"do": "book", "seen": version(range_house.booking), "start": exact}),
    ]
    for path, values in sent:
        assert text in said(range_desk.post(range_house.address(path), values, follow=True))
    assert not Appointment.objects.filter(status="booked").exists()
    if "outside" in text:
        for nth, (path, values) in enumerate(sent[:3]):
            later = f"{exact[:11]}{int(exact[11:13]) + nth:02}{exact[13:]}"
            again = {name: later if value == exact else value for name, value in values.items()}
            range_desk.post(range_house.address(path), {**again, "outside": "on"})
        assert Appointment.objects.filter(status="booked").count() == 3


def test_one_of_these_places_is_given_to_a_patient_with_a_name(house: House, desk: Client) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 2, 14), status="booked")  # noqa: DTZ001
    path = house.address(f"opening/{booking.pk}/name/")
    typed = {"first_name": "Ada", "last_name": "Brook", "phone": ""}
    refused = desk.post(path, typed)
    assert refused.status_code == 400
    assert 'value="Brook"' in refused.content.decode()
    done = said(desk.post(path, {**typed, "phone": "555 0199"}, follow=True))
    assert "The visit is booked for Tue, Jun 2, 2026, 2:00 PM." in done
    assert "2 places taken by Quillon Partner" in done
    assert "Places booked, no patient named: 3 → 2" in done
    appointment = named("Ada")
    assert (appointment.status, appointment.booking, appointment.partner) == (
        "booked",
        booking,
        None,
    )
    desk.post(
        house.address(f"opening/{booking.pk}/act/"), {"do": "release", "seen": version(booking)}
    )
    gone = desk.post(path, {**typed, "phone": "555 0199"})
    assert "waiting for a name any longer" in said(gone)
    assert "You typed: First name Ada Last name Brook Phone 555 0199" in said(gone)


def test_who_came_without_a_name_is_named_afterwards(
    house: House, desk: Client, clock: Traveller
) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 1, 12, 30), status="booked")  # noqa: DTZ001
    clock.shift(timedelta(hours=1))
    page = desk.post(house.address(f"opening/{booking.pk}/name/"), ADA, follow=True)
    assert "Ada Brook Booked 212 555 0199 Came" in said(page)
