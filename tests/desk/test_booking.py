"""The desk's page of one booking: buttons, patients, what a colleague did meanwhile."""

import re
from datetime import datetime

import pytest
from django.test import Client

from bookings.models import Appointment, Booking, Event, Status
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, named, said

pytestmark = only_once_on_sqlite


@pytest.mark.parametrize(
    ("do", "becomes"), [("hold", "pending"), ("book", "booked"), ("close", "closed")]
)
def test_a_click_holds_books_or_closes(do: str, becomes: str, house: House, desk: Client) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    desk.post(house.address(f"opening/{booking.pk}/act/"), {"do": do, "seen": "open"})
    booking.refresh_from_db()
    assert booking.status == becomes
    last = Event.objects.filter(booking=booking, appointment=None).order_by("id").last()
    assert last is not None
    assert (last.user, last.from_status, last.to_status) == (house.staff, "open", becomes)


def test_release_gives_back_what_the_office_took(house: House, desk: Client) -> None:
    act = house.address(f"opening/{house.booking.pk}/act/")
    desk.post(act, {"do": "book", "seen": "open"})
    desk.post(act, {"do": "release", "seen": "booked"})
    # The patient's place is not given back, so the booking was and is open with two free.
    house.booking.refresh_from_db()
    assert (house.booking.status, house.booking.free_places) == ("open", 2)
    assert Appointment.objects.get(pk=house.appointment.pk).status == "booked"


def test_only_what_can_be_done_is_offered(house: House, desk: Client) -> None:
    page = desk.get(house.address(f"opening/{house.booking.pk}/")).content.decode()
    assert re.findall(r'name="do" value="(\w+)"', page) == ["hold", "book", "give_back"]
    assert "give it back before closing the opening" in page


def test_the_second_of_two_people_is_told_what_the_first_did(house: House, desk: Client) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    act = house.address(f"opening/{booking.pk}/act/")
    desk.post(act, {"do": "hold", "seen": "open"})
    second = desk.post(act, {"do": "book", "seen": "open"}, follow=True)
    assert "was changed while you looked: Quillonina made it “on hold”" in said(second)
    booking.refresh_from_db()
    assert booking.status == Status.PENDING


def test_who_closes_or_gives_back_what_a_colleague_has_is_told_so(
    house: House, desk: Client
) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    close = f"opening/{booking.pk}/act/", {"do": "close", "seen": "open"}
    give_back = f"place/{house.appointment.pk}/act/", {"do": "give_back", "seen": "booked"}
    for path, form in (close, give_back):
        desk.post(house.address(path), form)
        second = said(desk.post(house.address(path), form, follow=True))
        assert "was changed while you looked: Quillonina made it" in second


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
    assert "was changed while you looked" in said(refused)
    assert 'value="90"' in refused.content.decode()
    house.booking.refresh_from_db()
    assert house.booking.length == 30
    # Saved again after the warning, it overwrites.
    seen = re.findall(r'name="seen" value="([^"]+)"', refused.content.decode())[0]
    assert desk.post(edit, {**values, "length": "90", "seen": seen}).status_code == 302


def test_a_place_is_taken_for_a_patient_on_the_phone(house: House, desk: Client) -> None:
    values = {"first_name": "Ada", "last_name": "Brook", "phone": "555 0199", "status": "booked"}
    done = desk.post(house.address(f"opening/{house.booking.pk}/patient/"), values, follow=True)
    assert "Ada Brook: place booked." in said(done)
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
    assert "The last place was taken a moment ago" in said(refused)
    text = said(refused)
    assert "You typed: First name Ada Last name Brook Phone 555 0199" in text
    assert "Guardian Bo Brook ZIP code 10001" in text
    assert "None" not in text
    assert all(each.person.first_name != "Ada" for each in Appointment.objects.all())


def test_a_range_place_is_booked_with_its_exact_time_only(
    range_house: House, range_desk: Client
) -> None:
    values = {"first_name": "Ada", "last_name": "Brook", "phone": "1", "status": "booked"}
    take = range_house.address(f"opening/{range_house.booking.pk}/patient/")
    assert "Say the exact time" in said(range_desk.post(take, values))
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
    patient = {"first_name": "Ada", "last_name": "Brook", "phone": "1", "status": "booked"}
    booking = f"opening/{range_house.booking.pk}"
    sent: list[tuple[str, dict[str, str]]] = [
        (f"{booking}/patient/", {**patient, "exact": exact}),
        (f"place/{held.pk}/act/", {"do": "booked", "seen": "pending", "start": exact}),
        (
            f"place/{range_house.appointment.pk}/act/",
            {"do": "booked", "seen": "reserved", "start": exact},
        ),
        (f"{booking}/act/", {"do": "book", "seen": "open", "start": exact}),
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


def test_a_login_on_the_way_leads_back_to_the_page(range_house: House, range_desk: Client) -> None:
    booking_page = range_house.address(f"opening/{range_house.booking.pk}/")
    appointment, ranges = range_house.appointment.pk, range_house.address("ranges/")
    pages = {
        f"{booking_page}act/": booking_page,
        f"{booking_page}patient/": booking_page,
        range_house.address(f"place/{appointment}/act/"): booking_page,
        f"{ranges}{appointment}/assign/": ranges,
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
    desk.post(house.address(f"opening/{held.pk}/act/"), {"do": "hold", "seen": "open"})
    board = said(desk.get(house.address("board/?day=2026-06-02")))
    assert "3 places taken by Quillon Partner" in board
    assert "3 places taken by staff (on hold until 12:15 PM)" in board
    assert "3 places taken by Quillon Partner" in said(
        desk.get(house.address(f"opening/{booking.pk}/"))
    )
    days = {"first": "2026-06-02", "last": "2026-06-02", "do": "preview"}
    assert "3 places taken by staff" in said(desk.post(house.address("close/"), days))


def test_one_of_these_places_is_given_to_a_patient_with_a_name(house: House, desk: Client) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 2, 14), status="booked")  # noqa: DTZ001
    path = house.address(f"opening/{booking.pk}/name/")
    typed = {"first_name": "Ada", "last_name": "Brook", "phone": ""}
    refused = desk.post(path, typed)
    assert refused.status_code == 400
    assert 'value="Brook"' in refused.content.decode()
    done = said(desk.post(path, {**typed, "phone": "555 0199"}, follow=True))
    assert "Ada Brook: place booked." in done
    assert "2 places taken by Quillon Partner" in done
    assert "Places booked without a patient: 3 → 2" in done
    appointment = named("Ada")
    assert (appointment.status, appointment.booking, appointment.partner) == (
        "booked",
        booking,
        None,
    )
    desk.post(house.address(f"opening/{booking.pk}/act/"), {"do": "release", "seen": "booked"})
    gone = desk.post(path, {**typed, "phone": "555 0199"})
    assert "taken without a patient any longer" in said(gone)
    assert 'value="Brook"' in gone.content.decode()
