"""Tenant isolation of the admin: no form and no POST touches another practice."""

from typing import Any

import pytest
from django.test import Client

from bookings.desk import calls
from bookings.desk.desk import version
from bookings.models import Appointment, Booking, Call, Event
from practices.models import BookingPage, Doctor, Membership
from tests.conftest import only_once_on_sqlite
from tests.desk.addresses import DESK_LISTS, filled, leaks, lists
from tests.desk.world import House, User, browser, person
from tests.factories import NOON

pytestmark = only_once_on_sqlite


def test_deleting_is_no_action_of_staff(mine: House, other: House, staff: Client) -> None:
    for path in lists():
        staff.post(path, {"action": "delete_selected", "_selected_action": ["1"], "post": "yes"})
    for model, row in {**mine.rows(), **other.rows()}.items():
        assert model._default_manager.filter(pk=row.pk).exists()


def test_a_form_takes_nothing_of_another_practice(mine: House, other: House, staff: Client) -> None:
    add = {"name": "Dr. New", "practice": other.practice.pk, "locations": []}
    refused = staff.post("/admin/practices/doctor/add/", add)
    assert refused.status_code == 200
    assert not Doctor.objects.filter(name="Dr. New").exists()
    change = f"/admin/practices/doctor/{mine.doctor.pk}/change/"
    refused = staff.post(change, {"name": "Dr. Q", "locations": [other.location.pk]})
    assert refused.status_code == 200
    assert mine.doctor.locations.get() == mine.location
    staff.post(change, {"name": "Dr. Q", "practice": other.practice.pk, "locations": []})
    mine.doctor.refresh_from_db()
    assert mine.doctor.practice == mine.practice
    change = f"/admin/practices/location/{mine.location.pk}/change/"
    values = {"name": "Moved", "practice": other.practice.pk, "timezone": "Asia/Tokyo"}
    assert staff.post(change, values).status_code == 302
    mine.location.refresh_from_db()
    assert (mine.location.name, mine.location.practice) == ("Moved", mine.practice)
    assert mine.location.timezone == "America/New_York"


def test_an_id_that_another_practice_has_is_not_told(
    mine: House, other: House, staff: Client
) -> None:
    add = {"id": other.doctor.pk, "name": "Dr. New", "practice": mine.practice.pk}
    assert staff.post("/admin/practices/doctor/add/", add).status_code == 302
    assert Doctor.objects.get(name="Dr. New").pk != other.doctor.pk


def test_an_operator_cannot_mix_practices_up(mine: House, other: House) -> None:
    client = browser(person("operator", is_superuser=True))
    mixed = {"name": "Dr. Q", "practice": mine.practice.pk, "locations": [other.location.pk]}
    refused = client.post("/admin/practices/doctor/add/", mixed)
    assert "Choose others" in refused.content.decode()
    refused = client.post(f"/admin/practices/doctor/{mine.doctor.pk}/change/", mixed)
    assert "is not one of the available choices" in refused.content.decode()
    assert not Doctor.objects.filter(name="Dr. Q").exists()
    assert mine.doctor.locations.get() == mine.location


def test_no_post_to_the_desk_touches_another_practice(
    mine: House, other: House, staff: Client
) -> None:
    before = _everything(other)
    bodies = [
        {"do": do, "seen": seen, "start": "2026-06-02T10:00"}
        for do in ("hold", "release", "book", "close", "booked", "publish")
        for seen in ("open", "booked", "reserved", "pending")
    ]
    values = {
        "location": other.location.pk,
        "doctor": other.doctor.pk,
        "start": "2026-06-04T10:00",
        "length": 30,
        "places": 1,
        "seen": version(other.booking),
        "weekdays": ["0"],
        "times": "9",
        "first": "2026-06-01",
        "last": "2026-06-30",
        "opening": [other.booking.pk],
        "first_name": "A",
        "last_name": "B",
        "phone": "555 555 5555",
        "then": other.booking.pk,
        "attendance": "kept",
        "status": "reserved",
    }
    sent = 0
    for path in {path for path in filled(mine, other) if path.startswith("/admin/desk/")}:
        own = path.startswith(mine.address("")) and other.word not in path
        if own and other.appointment.pk not in path and "publish" not in path and "new" not in path:
            continue
        for body in [*bodies, values, {**values, "do": "publish"}, {**values, "do": "close"}]:
            response = staff.post(path, body)
            sent += 1
            assert response.status_code in {200, 400, 404, 405}, path
            assert not leaks(response, other, str(values)), path
    assert sent > 500
    assert _everything(other) == before


def test_no_field_of_ones_own_pages_reaches_another_practice(
    mine: House, other: House, staff: Client
) -> None:
    before = _everything(other)
    calls.ask([other.appointment], user_id=other.staff.pk, now=NOON)
    visit, opening, call = other.appointment.pk, other.booking.pk, Call.objects.get()
    move = {"visit": mine.appointment.pk, "to": mine.weekly.pk, "seen": "x"}
    named = {"first_name": "A", "last_name": "B", "phone": "555 555 5555", "exact": ""}
    days = {"first": "2026-06-01", "last": "2026-06-30"}
    sent: list[tuple[str, dict[str, str]]] = [
        (f"waiting-list/add/?visit={visit}", {"language": "en"}),
        *(("move/", {**move, name: pk}) for name, pk in (("visit", visit), ("to", opening))),
        *(("find/", {"q": q}) for q in (visit, opening, "zyx", "zyxw 0100")),
        ("find/", {"q": "zyxwvut@example.org"}),
        (f"opening/{mine.booking.pk}/patient/", {**named, "then": opening}),
        (f"calls/{call.pk}/reached/", {}),
        *(("close/", {**days, "do": do, "doctor": other.doctor.pk}) for do in ("", "close")),
        ("close/", {**days, "do": "close", "location": other.location.pk, "opening": opening}),
    ]
    for page, fields in sent:
        response = staff.post(mine.address(page), fields)
        assert response.status_code in {200, 400, 404}, (page, fields)
        assert not leaks(response, other, "".join(fields.values())), (page, fields)
    where = {"location": other.location.pk, "doctor": other.doctor.pk}
    pages = ("board/", "sheet/", "next-free/", "openings.csv", "numbers/", "numbers.csv")
    for page in (*pages, "waiting-list.csv", *DESK_LISTS):
        response = staff.get(mine.address(page), {**where, "day": "2026-06-02"})
        assert not leaks(response, other, "".join(where.values())), page
    call.refresh_from_db()
    assert (_everything(other), call.done_at) == (before, None)


def test_an_opening_of_ones_own_is_not_moved_into_another_practice(
    mine: House, other: House, staff: Client
) -> None:
    values = {
        "location": other.location.pk,
        "doctor": other.doctor.pk,
        "start": "2026-06-04T10:00",
        "length": 30,
        "places": 3,
        "seen": version(mine.booking),
    }
    refused = staff.post(mine.address(f"opening/{mine.booking.pk}/edit/"), values)
    assert refused.status_code == 400
    mine.booking.refresh_from_db()
    assert mine.booking.practice == mine.practice


def _everything(house: House) -> list[Any]:
    rows = [
        list(Booking.objects.filter(practice=house.practice).order_by("pk").values()),
        list(Appointment.objects.filter(booking__practice=house.practice).order_by("pk").values()),
        list(BookingPage.objects.filter(practice=house.practice).values()),
    ]
    return [*rows, Event.objects.filter(practice=house.practice).count()]


@pytest.mark.parametrize(
    "path", ["auth/user/{me}/change/", "auth/user/add/", "practices/membership/add/"]
)
def test_staff_cannot_raise_their_own_rights(
    path: str, mine: House, other: House, staff: Client
) -> None:
    values = {
        "username": "raised",
        "password1": "a long pass phrase 2",
        "password2": "a long pass phrase 2",
        "is_superuser": "on",
        "is_active": "on",
        "user": mine.staff.pk,
        "practice": other.practice.pk,
    }
    response = staff.post("/admin/" + path.format(me=mine.staff.pk), values)
    assert response.status_code in {302, 403}
    mine.staff.refresh_from_db()
    assert not mine.staff.is_superuser
    assert User.objects.filter(is_superuser=True).count() == 0
    assert Membership.objects.get(user=mine.staff).practice == mine.practice
