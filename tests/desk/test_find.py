"""The box that finds a visit, on every page of the desk, and the page of what it finds."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from bookings.models import Access, Appointment
from bookings.scheduling import appointments
from tests.desk.world import House, browser, said
from tests.factories import NOON

FAMILY: dict[str, Any] = {
    "last_name": "Núñez",
    "phone": "(212) 555-0177",
    "guardian_name": "Eva Núñez",
}


@pytest.fixture
def ana(house: House) -> Appointment:
    return house.patient(house.publish("1"), first_name="Ana", **FAMILY)


def find(desk: Client, house: House, text: str) -> Any:
    return desk.post(house.address("find/"), {"q": text})


def test_every_page_has_the_box_and_the_page_of_it_begins_there(house: House, desk: Client) -> None:
    box = f'action="{house.address("find/")}" class="oc-find'
    for page in ("board/", "publish/", "patients/", f"opening/{house.booking.pk}/", "find/"):
        assert desk.get(house.address(page)).content.decode().count(box) == 1
    empty = desk.get(house.address("find/"))
    assert "data-focus" in empty.content.decode()
    assert "Last four or more digits of the phone number" in said(empty)
    assert box not in desk.get("/admin/").content.decode()


def test_a_visit_is_found_with_all_that_is_asked_on_the_phone(
    house: House, desk: Client, ana: Appointment
) -> None:
    page = find(desk, house, "nunez ana")
    assert (
        "Ana Núñez , Tue, Jun 2, 2026, 9:00 AM Guardian: Eva Núñez Tue, Jun 2, 2026, 9:00 AM "
        "Dr. Quillonson Quillon Square Booked (212) 555-0177 "
        "Move the visit of Ana Núñez Cancel… the visit of Ana Núñez"
    ) in said(page)
    html = page.content.decode()
    for link in (
        f"{house.address('next-free/')}?visit={ana.pk}",
        f"{house.address(f'opening/{ana.booking_id}/')}#patient-{ana.pk}",
        "tel:+12125550177",
    ):
        assert f'href="{link}"' in html


def test_four_digits_find_both_children_who_move_together(
    house: House, desk: Client, ana: Appointment
) -> None:
    day = datetime(2026, 6, 3, 9)  # noqa: DTZ001  # wall time
    ben = house.patient(house.publish("2", start=day), first_name="Ben", **FAMILY)
    page = find(desk, house, "0177")
    link = f"{house.address('next-free/')}?visit={ana.pk}&amp;visit={ben.pk}"
    assert f'href="{link}">Move Ana Núñez and Ben Núñez together</a>' in page.content.decode()
    appointments.cancel(appointment_id=ben.pk, by=house.actor, now=NOON)
    page = find(desk, house, "0177")
    assert "Cancelled" in said(page)
    assert "together" not in said(page)


def test_nothing_found_says_what_can_be_typed(house: House, desk: Client, ana: Appointment) -> None:
    page = find(desk, house, "Nobody <b>")
    assert "No visit found" in said(page)
    assert 'value="Nobody &lt;b&gt;"' in page.content.decode()
    assert "Name, in any order" in said(page)


def test_who_was_shown_is_logged_and_who_was_only_compared_is_not(
    house: House, desk: Client, ana: Appointment
) -> None:
    house.patient(house.publish("2"), first_name="Joe", **{**FAMILY, "guardian_name": ""})
    Access.objects.all().delete()
    find(desk, house, "nunez an")
    access = Access.objects.get()
    assert (access.appointments, access.route) == ([ana.pk], "/admin/desk/<id:practice_id>/find/")


def test_only_staff_of_the_practice_find_its_visits(house: House, ana: Appointment) -> None:
    other = House("Zyx")
    theirs = browser(other.staff)
    assert find(theirs, house, "nunez").status_code == 404
    assert "No visit found" in said(find(theirs, other, "nunez"))
    assert "No visit found" in said(find(theirs, other, ana.pk))
