"""The desk's page of one opening: what it begins with, acts on the whole of it, two people."""

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.desk.desk import version
from bookings.models import Appointment, Booking, Event, Status
from bookings.scheduling import bookings, moving
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, said
from tests.factories import NOON

pytestmark = only_once_on_sqlite


@pytest.mark.parametrize(
    ("do", "becomes"), [("hold", "pending"), ("book", "booked"), ("close", "closed")]
)
def test_a_click_holds_books_or_closes(do: str, becomes: str, house: House, desk: Client) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    desk.post(house.address(f"opening/{booking.pk}/act/"), {"do": do, "seen": version(booking)})
    booking.refresh_from_db()
    assert booking.status == becomes
    last = Event.objects.filter(booking=booking, appointment=None).order_by("id").last()
    assert last is not None
    assert (last.user, last.from_status, last.to_status) == (house.staff, "open", becomes)


def test_release_gives_back_what_the_office_took(house: House, desk: Client) -> None:
    act = house.address(f"opening/{house.booking.pk}/act/")
    for do in ("book", "release"):
        desk.post(act, {"do": do, "seen": version(house.booking)})
    # The patient's place is not freed, so the booking was and is open with two free.
    house.booking.refresh_from_db()
    assert (house.booking.status, house.booking.free_places) == ("open", 2)
    assert Appointment.objects.get(pk=house.appointment.pk).status == "booked"


def test_only_what_can_be_done_is_offered(house: House, desk: Client) -> None:
    page = desk.get(house.address(f"opening/{house.booking.pk}/")).content.decode()
    assert re.findall(r'name="do" value="(\w+)"', page) == ["hold", "book"]
    assert "move or cancel it before you close the opening" in page


def test_the_page_begins_with_the_patient_then_books_another(house: House, desk: Client) -> None:
    page = desk.get(house.address(f"opening/{house.booking.pk}/"))
    text = said(page).partition("Board of that day")[2]
    order = [
        "Tue, Jun 2, 2026, 9:00 AM Dr. Quillonson · Quillon Square Free",
        "Quillonette Quillonfield Booked 555 0100 quillon@example.org Move",
        "Book a patient (2 places are free)",
        "History",
        "More for this opening",
        "Book without a name",
    ]
    assert sorted(order, key=text.index) == order
    body = page.content.decode().partition('class="oc-desk"')[2].partition("</main>")[0]
    assert body.count('<button class="oc-button" ') == 1
    assert "autofocus" not in body
    empty = house.publish("N", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    page = desk.get(house.address(f"opening/{empty.pk}/"))
    assert re.findall(r'name="(\w+)"[^>]* autofocus', page.content.decode()) == ["first_name"]


def test_an_opening_that_has_passed_is_neither_offered_nor_held_nor_booked(
    house: House, desk: Client, clock: Traveller
) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 1, 12, 30))  # noqa: DTZ001
    clock.shift(timedelta(hours=1))
    address = house.address(f"opening/{booking.pk}/")
    page = desk.get(address)
    assert "nobody can be booked here" in said(page)
    assert "Quillon Square Unused" in said(page)
    assert "Book" not in said(page).replace("Bookings", "")
    for do in ("hold", "book"):
        refused = desk.post(f"{address}act/", {"do": do, "seen": version(booking)}, follow=True)
        assert "The time of this opening has passed" in said(refused)
    booking.refresh_from_db()
    assert (booking.status, booking.free_places) == ("open", 3)


def test_the_second_of_two_people_is_told_what_the_first_did(house: House, desk: Client) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    act, seen = house.address(f"opening/{booking.pk}/act/"), version(booking)
    desk.post(act, {"do": "hold", "seen": seen})
    second = desk.post(act, {"do": "book", "seen": seen}, follow=True)
    assert (
        "was changed while you had it open: Quillonina made it “on hold” (Mon, Jun 1, 2026,"
        in said(second)
    )
    booking.refresh_from_db()
    assert booking.status == Status.PENDING


def test_whoever_books_the_rest_is_told_of_the_place_that_a_colleague_took(
    house: House, desk: Client
) -> None:
    """The opening was open, and is: its status alone would not tell."""
    booking = house.publish("N", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    seen = version(booking)
    house.patient(booking, first_name="Ada", last_name="Brook")
    act = house.address(f"opening/{booking.pk}/act/")
    refused = said(desk.post(act, {"do": "book", "seen": seen}, follow=True))
    assert "This visit was changed while you had it open: Quillon Partner made it" in refused
    booking.refresh_from_db()
    assert booking.whole_booked == 0


def test_of_an_edit_and_of_a_patient_who_was_moved_away_they_are_told_too(
    house: House, desk: Client
) -> None:
    act, seen = house.address(f"opening/{house.booking.pk}/act/"), version(house.booking)
    fields: bookings.Fields = {"length": 30}
    bookings.edit(booking_id=house.booking.pk, fields=fields, by=house.actor, now=NOON)
    refused = said(desk.post(act, {"do": "hold", "seen": seen}, follow=True))
    assert "Quillon Partner changed length in minutes: 60 → 30" in refused
    seen, to = version(house.booking), {house.appointment.pk: {"booking_id": house.weekly.pk}}
    moving.move(to=to, by=house.actor, now=NOON + timedelta(minutes=1))  # type: ignore[arg-type]
    refused = said(desk.post(act, {"do": "hold", "seen": seen}, follow=True))
    assert "Quillon Partner moved a patient to another opening" in refused


def test_an_edit_does_not_overwrite_anothers(house: House, desk: Client) -> None:
    edit = house.address(f"opening/{house.booking.pk}/edit/")
    page = desk.get(edit).content.decode()
    seen = re.findall(r'name="seen" value="([^"]+)"', page)[0]
    values = {
        "location": house.location.pk,
        "doctor": house.doctor.pk,
        "start": "2026-06-02T09:00",
        "length": "30",
        "places": "3",
        "seen": seen,
    }
    assert desk.post(edit, values).status_code == 302
    refused = desk.post(edit, {**values, "length": "90"})
    assert refused.status_code == 400
    assert "was changed while you had it open" in said(refused)
    assert 'value="90"' in refused.content.decode()
    house.booking.refresh_from_db()
    assert house.booking.length == 30
    # Saved again after the warning, it overwrites.
    seen = re.findall(r'name="seen" value="([^"]+)"', refused.content.decode())[0]
    assert desk.post(edit, {**values, "length": "90", "seen": seen}).status_code == 302


def test_a_login_on_the_way_leads_back_to_the_page(range_house: House, range_desk: Client) -> None:
    booking_page = range_house.address(f"opening/{range_house.booking.pk}/")
    appointment, ranges = range_house.appointment.pk, range_house.address("ranges/")
    pages = {
        f"{booking_page}act/": booking_page,
        f"{booking_page}patient/": booking_page,
        f"{booking_page}name/": booking_page,
        range_house.address("move/"): range_house.address("next-free/"),
        range_house.address(f"place/{appointment}/act/"): booking_page,
        f"{ranges}{appointment}/assign/": ranges,
        f"{ranges}{appointment}/withdraw/": ranges,
    }
    for path, page in pages.items():
        sent_away = Client(headers={"host": "localhost"}).post(path)
        assert sent_away.headers["Location"] == f"/admin/login/?next={path}"
        assert range_desk.get(path).headers["Location"] == page


def test_a_form_older_than_the_login_is_explained(house: House) -> None:
    client = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    client.force_login(house.staff)
    refused = client.post(house.address("new-opening/"), {})
    assert refused.status_code == 403
    assert "This page is older than your login" in said(refused)
    assert 'href="/admin/"' in refused.content.decode()


def test_nothing_new_begins_in_the_past(house: House, desk: Client) -> None:
    """The clock is at Monday noon."""
    values = {
        "location": house.location.pk,
        "doctor": house.doctor.pk,
        "start": "2026-06-01T11:30",
        "length": "45",
        "places": "2",
    }
    refused = desk.post(house.address("new-opening/"), values)
    assert refused.status_code == 400
    assert "This time has passed. Choose a later one." in said(refused)
    assert not Booking.objects.filter(length=45).exists()
    adds = re.compile(r'oc-add" href="[^"]+start=([^"&]+)')
    today = adds.findall(desk.get(house.address("board/?day=2026-06-01")).content.decode())
    assert min(today) == "2026-06-01T12%3A30"
    week = adds.findall(desk.get(house.address("board/?view=week")).content.decode())
    assert min(week) == "2026-06-01T12%3A30"
    gone = desk.get(house.address("board/?day=2026-05-29&view=week")).content.decode()
    assert "oc-add" not in gone


def test_the_desk_says_who_took_places_without_a_patient(house: House, desk: Client) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 2, 14), status="booked")  # noqa: DTZ001
    held = house.publish("H", start=datetime(2026, 6, 2, 15))  # noqa: DTZ001
    desk.post(house.address(f"opening/{held.pk}/act/"), {"do": "hold", "seen": version(held)})
    board = said(desk.get(house.address("board/?day=2026-06-02")))
    assert "3 without names: Quillon Partner" in board
    assert "3 without names: staff 60 min, On hold until 12:15 PM" in board
    assert "3 places taken by Quillon Partner" in said(
        desk.get(house.address(f"opening/{booking.pk}/"))
    )
    days = {"first": "2026-06-02", "last": "2026-06-02", "do": "preview"}
    assert "3 places taken by staff" in said(desk.post(house.address("close/"), days))
