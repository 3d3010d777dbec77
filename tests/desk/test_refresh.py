"""The board's quiet refresh: what it sends, when it sends nothing, and that it keeps nobody in."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from bookings.models import Access
from openchair.staff.sessions import REFRESH_HEADER
from practices.models import Doctor, Location
from tests import factories
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, said

pytestmark = only_once_on_sqlite

QUIETLY = {REFRESH_HEADER: "board"}


def again(desk: Client, house: House, etag: str = "") -> Any:
    """Ask for the board of June 2 as its page does by itself."""
    headers = {**QUIETLY, "If-None-Match": etag}
    return desk.get(house.address("board/?day=2026-06-02"), headers=headers)


def test_a_refresh_is_the_board_alone(house: House, desk: Client) -> None:
    answer = again(desk, house)
    assert "Quillonette Quillonfield" in said(answer)
    assert "<html" not in answer.content.decode()


def test_a_refresh_of_what_has_not_changed_is_empty_cheap_and_no_access(
    house: House, desk: Client, clock: Traveller
) -> None:
    etag = again(desk, house).headers["ETag"]
    before = Access.objects.count()
    with CaptureQueriesContext(connection) as queries:
        same = again(desk, house, etag)
    assert (same.status_code, same.content) == (304, b"")
    assert len(queries) <= 8, [query["sql"][:100] for query in queries]
    assert Access.objects.count() == before


def test_a_change_and_a_time_that_has_come_are_new(
    house: House, desk: Client, clock: Traveller
) -> None:
    first = again(desk, house).headers["ETag"]
    house.patient(house.booking)
    second = again(desk, house, first)
    assert second.status_code == 200
    clock.move_to("2026-06-02T13:00:00+00:00")
    desk.force_login(house.staff)
    third = again(desk, house, second.headers["ETag"])
    assert "1 unused" in said(third)


def test_a_renamed_location_and_doctor_are_new(house: House, desk: Client) -> None:
    first = again(desk, house).headers["ETag"]
    Location.objects.filter(pk=house.location.pk).update(name="Harbor")
    second = again(desk, house, first)
    assert "Harbor" in said(second)
    Doctor.objects.filter(pk=house.doctor.pk).update(name="Dr. Renamed")
    assert "Dr. Renamed" in said(again(desk, house, second.headers["ETag"]))


def test_a_board_stays_where_it_is_whatever_is_chosen_beside_it(house: House, desk: Client) -> None:
    """In another tab of the browser, which shares the cookie."""
    there = factories.location(house.practice, name="Quillon Hills")
    page = desk.get(house.address("board/?day=2026-06-02")).content.decode()
    found = re.search(r'data-address="([^"]+)"', page)
    assert found is not None
    desk.get(house.address(f"board/?location={there.pk}"))
    answer = desk.get(house.address("board/") + unescape(found[1]), headers=QUIETLY)
    assert "Quillonette Quillonfield" in said(answer)


def test_a_refresh_keeps_nobody_logged_in(house: House, desk: Client, clock: Traveller) -> None:
    desk.get(house.address("board/"))
    for _ in range(3):
        clock.shift(timedelta(seconds=settings.SESSION_IDLE / 3))
        answer = again(desk, house)
    assert answer.status_code == 302
    assert "You were logged out" in said(desk.get("/admin/login/"))


def test_only_reading_can_be_quiet(house: House, desk: Client, clock: Traveller) -> None:
    """An attendance marked from the board is work, and counts."""
    for _ in range(3):
        clock.shift(timedelta(seconds=settings.SESSION_IDLE / 2))
        path = house.address(f"place/{house.appointment.pk}/attendance/")
        desk.post(path, {"attendance": "kept", "seen": "unknown"}, headers=QUIETLY)
    assert desk.get(house.address("board/")).status_code == 200
