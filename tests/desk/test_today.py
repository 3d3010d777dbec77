"""A truthful day: what has passed, what is taken, what is dimmed, and where one works."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.desk.board.query import LOCATION_COOKIE
from tests import factories
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, said

pytestmark = only_once_on_sqlite


def at(hour: int, minute: int = 0) -> datetime:
    """Return a time of June 2."""
    return datetime(2026, 6, 2, hour, minute)  # noqa: DTZ001  # wall time


def adds(page: Any) -> list[str]:
    """Return the empty times of a day's board: 9:30 AM with Dr. Quillonson."""
    return re.findall(r'aria-label="New opening at ([^"]+)"', page.content.decode())


def block(page: Any, booking_id: str) -> str:
    """Return an opening's HTML on a day's board."""
    found = re.search(rf'<li id="opening-{booking_id}".*?</li>', page.content.decode())
    assert found is not None
    return found[0]


def test_what_has_passed_is_neither_free_nor_open(
    house: House, desk: Client, clock: Traveller
) -> None:
    house.publish("P", start=at(8), total_appointments=1)
    clock.move_to("2026-06-02T14:00:00+00:00")  # 10 AM in New York
    desk.force_login(house.staff)
    page = desk.get(house.address("board/"))
    assert "8:00 AM 60 min, Unused" in said(page)
    assert "2 unused" in block(page, house.booking.pk)
    assert "0 free 1 booked 3 unused" in said(page)
    assert "Now, 10:00 AM" in said(page)
    assert adds(page)[0] == "10:30 AM with Dr. Quillonson"


def test_a_day_that_is_over_has_no_line_of_now_and_no_empty_times(
    house: House, desk: Client
) -> None:
    page = desk.get(house.address("board/?day=2026-05-29"))
    assert (adds(page), "Now," in said(page)) == ([], False)


def test_no_time_in_which_a_doctor_has_something_is_empty_anywhere(
    house: House, desk: Client
) -> None:
    annex = factories.location(house.practice, name="Annex")
    house.doctor.locations.add(annex)
    house.publish("O", start=at(14, 15), length=45)
    for query in ("", "&status=booked", f"&location={annex.pk}"):
        empty = adds(desk.get(house.address(f"board/?day=2026-06-02{query}")))
        taken = {"9:00", "9:30", "2:00", "2:30"}
        assert not taken & {each.partition(" ")[0] for each in empty}
        assert {"8:30 AM with Dr. Quillonson", "10:00 AM with Dr. Quillonson"} <= {*empty}


def test_filters_dim_what_they_do_not_ask_for(house: House, desk: Client) -> None:
    day = house.address("board/?day=2026-06-02")
    assert "is-dim" not in block(desk.get(f"{day}&status=open"), house.booking.pk)
    assert "is-dim" in block(desk.get(f"{day}&status=booked"), house.booking.pk)
    other = factories.doctor(house.location)
    assert "is-dim" in block(desk.get(f"{day}&doctor={other.pk}"), house.booking.pk)


def test_openings_stand_at_their_minute_and_side_by_side_where_they_overlap(
    house: House, desk: Client
) -> None:
    late = house.publish("L", start=at(9, 45), length=30)
    after = house.publish("A", start=at(10, 15), length=20)
    page = desk.get(house.address("board/?day=2026-06-02"))
    assert "--t:30;--l:60;--c:0;--a:0;--w:2" in block(page, house.booking.pk)
    assert "--t:75;--l:30;--c:0;--a:1;--w:2" in block(page, late.pk)
    assert "--t:105;--l:20;--c:0;--a:0;--w:1" in block(page, after.pk)


def test_a_visit_made_since_last_night_is_new(house: House, desk: Client, clock: Traveller) -> None:
    day = house.address("board/?day=2026-06-02")
    assert "Quillonfield new" in said(desk.get(day))
    clock.move_to("2026-06-02T12:00:00+00:00")
    desk.force_login(house.staff)
    assert "Quillonfield new" not in said(desk.get(day))


def test_the_location_one_works_at_is_remembered_until_all_are_asked_for(
    house: House, desk: Client
) -> None:
    annex = factories.location(house.practice, name="Annex")
    board = house.address("board/")
    answer = desk.get(f"{board}?location={annex.pk}")
    cookie = answer.cookies[LOCATION_COOKIE]
    assert (cookie["path"], cookie["samesite"]) == (house.address(""), "Lax")
    assert cookie["httponly"]
    assert "Quillon Square New York" not in said(desk.get(board))
    assert "Quillon Square New York" in said(desk.get(f"{board}?location="))
    assert "Quillon Square New York" in said(desk.get(board))


@pytest.mark.parametrize("given", ["ZyxwvutL", "nothing", ""])
def test_a_remembered_location_that_is_not_there_shows_all(
    given: str, house: House, desk: Client
) -> None:
    desk.cookies[LOCATION_COOKIE] = given
    assert "Quillon Square New York" in said(desk.get(house.address("board/")))
