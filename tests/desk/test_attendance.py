"""Whether a patient came: marked at the desk, undone, and by two people at once."""

from datetime import datetime

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.models import Attendance
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, said

pytestmark = only_once_on_sqlite


@pytest.fixture
def visit(house: House, clock: Traveller) -> str:
    """Return the path that marks a visit of this morning."""
    booking = house.publish("N", start=datetime(2026, 6, 1, 12, 5), total_appointments=1)  # noqa: DTZ001
    house.appointment = house.patient(booking)
    clock.move_to("2026-06-01T16:10:00+00:00")
    return house.address(f"place/{house.appointment.pk}/attendance/")


def mark(desk: Client, path: str, attendance: str, seen: str = "unknown", **more: str) -> str:
    """Mark a visit, and return what the page says afterwards."""
    return said(desk.post(path, {"attendance": attendance, "seen": seen, **more}, follow=True))


def test_a_visit_is_marked_and_unmarked(house: House, desk: Client, visit: str) -> None:
    for attendance, seen in (("kept", "unknown"), ("unknown", "kept"), ("no_show", "unknown")):
        mark(desk, visit, attendance, seen)
        house.appointment.refresh_from_db()
        assert house.appointment.attendance == attendance
    event = house.appointment.events.order_by("id").last()
    assert event is not None
    assert (event.user, event.changes) == (house.staff, {"attendance": ["unknown", "no_show"]})


def test_of_two_people_who_mark_a_visit_the_second_is_told(
    house: House, desk: Client, visit: str
) -> None:
    mark(desk, visit, "kept")
    told = mark(desk, visit, "no_show")
    assert "was changed while you had it open: Quillonina marked it “came”" in told
    house.appointment.refresh_from_db()
    assert house.appointment.attendance == Attendance.KEPT


def test_before_its_time_a_visit_cannot_be_marked(
    house: House, desk: Client, visit: str, clock: Traveller
) -> None:
    clock.move_to("2026-06-01T16:04:00+00:00")
    assert "The time of this visit has not come yet" in mark(desk, visit, "kept")
    house.appointment.refresh_from_db()
    assert house.appointment.attendance == Attendance.UNKNOWN


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("/admin/desk/QuillonP/board/?day=2026-06-01#at", True),
        ("/admin/desk/ZyxwvutP/board/", False),
        ("https://elsewhere.example/admin/desk/QuillonP/board/", False),
        ("//elsewhere.example/admin/desk/QuillonP/", False),
        ("", False),
    ],
)
def test_marking_returns_only_to_a_page_of_the_same_desk(
    asked: str, there: bool, house: House, desk: Client, visit: str
) -> None:
    answer = desk.post(visit, {"attendance": "kept", "seen": "unknown", "next": asked})
    opening = house.address(f"opening/{house.appointment.booking_id}/")
    assert answer.headers["Location"] == (asked if there else opening)


def test_an_attendance_that_does_not_exist_is_a_404(desk: Client, visit: str) -> None:
    assert desk.post(visit, {"attendance": "late", "seen": "unknown"}).status_code == 404
    assert desk.get(visit).status_code == 302
