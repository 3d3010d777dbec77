"""Texts that no page of the desk sends, where an id or a number belongs."""

import pytest
from django.test import Client

from tests.conftest import only_once
from tests.desk.world import House

pytestmark = only_once


@pytest.mark.parametrize("text", ["\0", "9" * 5000, "²", ""])
def test_what_is_no_id_is_not_there(text: str, house: House, desk: Client) -> None:
    opening, visit = f"opening/{house.booking.pk}/", house.appointment.pk
    sent = {"visit": visit, "to": house.weekly.pk, "seen": f"booked {house.booking.pk}"}
    for name in ("visit", "to"):
        assert desk.get(house.address("move/"), {**sent, name: text}).status_code == 404
        assert desk.post(house.address("move/"), {**sent, name: text}).status_code == 404
    for page in ("next-free/", "waiting-list/add/"):
        assert desk.get(house.address(page), {"visit": text}).status_code == 404
    assert desk.get(house.address(opening), {"like": text}).status_code == 404
    assert desk.post(house.address(f"{opening}patient/"), {"then": text}).status_code == 404
    asked = dict.fromkeys(("first", "people", "part", "location", "doctor", "page"), text)
    for page in ("", "add/", "free/"):
        assert desk.get(house.address(f"waiting-list/{page}"), asked).status_code == 200
    new = desk.get(house.address("new-opening/"), {"doctor": text, "location": text})
    assert new.status_code == 200


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "²", "٣", "9" * 5000])
def test_what_is_no_page_is_the_first(text: str, house: House, desk: Client) -> None:
    page = desk.get(house.address("next-free/"), {"page": text})
    assert page.status_code == 200
    assert "Earlier" not in page.content.decode()
