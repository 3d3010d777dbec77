"""The page behind a manage link: what it shows of a visit in each state, and confirming it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from bookings.models import Access, Appointment, Event
from bookings.patients import links, purge
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.actors import PATIENT, Actor
from practices.models import Kind, Location, Practice
from tests.booking_page.visits import House, Phone, seen
from tests.desk.world import person, said
from tests.factories import NOON, location

pytestmark = pytest.mark.django_db
BUTTONS = ("Confirm this visit", "Move this visit", "Cancel this visit")


@pytest.fixture
def house(clock: Any, db: None) -> House:
    return House()


def offered(text: str) -> tuple[bool, ...]:
    return tuple(each in text for each in BUTTONS)


def test_a_booked_visit_says_all_that_is_needed(house: House) -> None:
    house.rule(text_en="Bring the X-rays.")
    text = Phone(house.visit()).reads()
    for each in (
        "A visit for Ada Your visit",
        "Wednesday, June 3, 2026, 9:00 AM Eastern Time",
        "Chesterfield",
        "Dr. Reyes",
        "(212) 555-0100",
        "Bring the X-rays.",
        "Add to your calendar",
    ):
        assert each in text
    assert offered(text) == (True, True, True)


def test_it_is_private_and_nobody_can_frame_it(house: House) -> None:
    page = Phone(house.visit()).get()
    assert page["Cache-Control"] == "no-store"
    assert page["Referrer-Policy"] == "no-referrer"
    assert page["X-Robots-Tag"] == "noindex"
    assert page["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert not page.cookies


def test_confirming_is_noted_once_and_for_this_time(house: House) -> None:
    phone = Phone(house.visit())
    answer = phone.press("/come", seen_on="")
    assert (answer.status_code, answer["Location"]) == (303, phone.address)
    assert phone.now().confirmed_at == NOON
    text = phone.reads()
    assert "You confirmed this visit" in text
    assert offered(text) == (False, True, True)
    (event,) = Event.objects.filter(appointment=phone.visit).exclude(from_status="")
    assert event.actor == "patient"


def test_confirming_is_not_noted_for_a_time_that_was_not_shown(house: House) -> None:
    phone = Phone(visit := house.visit())
    was = seen(phone.get().text)
    later: Any = {"start_datetime": NOON + timedelta(days=5)}
    staff = Actor.of_staff(person("ann"))
    bookings.edit(booking_id=visit.booking_id, fields=later, by=staff, now=NOON)
    answer = phone.send("/come", was)
    assert answer.status_code == 409
    assert "This visit changed while you had this page open." in said(answer)
    assert "Saturday, June 6, 2026, 12:00 PM" in said(answer)
    assert phone.now().confirmed_at is None


def test_a_visit_that_the_office_moved_says_from_when_and_where(house: House) -> None:
    phone = Phone(visit := house.visit())
    staff = Actor.of_staff(person("ann"))
    there = location(house.practice, name="Uptown")
    house.doctor.locations.add(there)
    other = house.opening(4, location_id=there.pk)
    moving.move(to={visit.pk: {"booking_id": other.pk}}, by=staff, now=NOON)
    text = phone.reads()
    assert (
        "The office changed the time of this visit. It was Wednesday, June 3, 2026, 9:00 AM."
        in text
    )
    assert "The office changed the location of this visit. It was at Chesterfield." in text
    moving.move(to={visit.pk: {"booking_id": visit.booking_id}}, by=PATIENT, now=NOON)
    assert "The office changed" not in phone.reads()


def test_a_family_sees_its_other_visits_but_not_their_links(house: House) -> None:
    ada, ben, cy = house.family("Ada", "Ben", "Cy")
    house.visit(day=9)  # another family's, with a name that would be seen
    appointments.cancel(appointment_id=cy.pk, by=PATIENT, now=NOON)
    page = Phone(ada).get()
    assert "Ben : Wednesday, June 3, 2026, 9:00 AM" in said(page)
    assert "Cy" not in said(page)
    assert "June 9" not in said(page)
    assert links.give(ben) not in page.text
    assert ben.pk not in page.text


def test_a_range_visit_waits_for_its_time_and_then_has_it(clock: Any, db: None) -> None:
    house = House(Kind.RANGE, "America/Chicago")
    house.rule(promise_en="by noon the next business day")
    phone = Phone(visit := house.visit(hour=13))
    text = phone.reads()
    assert "Wednesday, June 3, 2026: Early afternoon" in text
    assert (
        "The office will set the exact time and let you know: by noon the next business day" in text
    )
    assert offered(text) == (False, True, True)
    exact: Any = {"start_datetime": datetime(2026, 6, 4, 13)}  # noqa: DTZ001  # wall time
    appointments.edit(appointment_id=visit.pk, fields=exact, by=house.actor, now=NOON)
    text = phone.reads()
    assert "Thursday, June 4, 2026, 1:00 PM Central Time" in text
    assert "The office changed" not in text
    assert offered(text) == (True, True, True)


def test_a_hold_says_until_when_and_then_that_it_has_ended(house: House, clock: Any) -> None:
    phone = Phone(house.visit(status="pending"))
    text = phone.reads()
    assert "This time is on hold for you until 12:05 PM." in text
    clock.shift(300)
    text += phone.reads()
    assert "the hold ended before the visit was booked" in text
    assert "Book another visit" in text
    assert offered(text) == (False, False, False)
    assert phone.now().status == "expired"


def test_a_cancelled_visit_has_a_page_that_says_so(house: House) -> None:
    phone = Phone(visit := house.visit())
    appointments.cancel(appointment_id=visit.pk, by=house.actor, now=NOON)
    text = phone.reads()
    assert "This visit is cancelled" in text
    assert "Wednesday, June 3, 2026, 9:00 AM" in text
    assert "(212) 555-0100" in text
    assert offered(text) == (False, False, False)
    assert b"STATUS:CANCELLED" in phone.get("/visit.ics").content


@pytest.mark.parametrize("kind", Kind)
def test_a_past_visit_has_a_page_that_says_so(clock: Any, db: None, kind: Kind) -> None:
    phone = Phone(House(kind).visit())
    clock.shift(timedelta(days=3))
    text = phone.reads()
    assert "This visit is over" in text
    assert "Wednesday, June 3, 2026" in text
    assert offered(text) == (False, False, False)
    assert phone.send("/come", seen(phone.get().text)).status_code == 409


def test_after_the_limit_the_page_says_whom_to_call(house: House, clock: Any) -> None:
    house.rule(cancel_hours=24)
    phone = Phone(house.visit())
    clock.shift(timedelta(hours=20, minutes=59))
    assert offered(phone.reads()) == (True, True, True)
    clock.shift(timedelta(minutes=1))
    text = phone.reads()
    assert "too late to move or cancel this visit here. Call the office." in text
    assert "(212) 555-0100" in text
    assert "Confirm this visit" in text
    assert phone.get("/move").status_code == phone.get("/cancel").status_code == 303


def test_with_the_booking_page_off_a_visit_is_shown_and_cancelled_but_not_moved(
    house: House,
) -> None:
    house.rule(active=False)
    phone = Phone(house.visit())
    text = phone.reads()
    assert offered(text.replace("To move this visit", "")) == (True, False, True)
    assert "To move this visit, call the office." in text
    assert phone.get("/move")["Location"] == phone.address
    assert phone.press("/cancel").status_code == 303
    assert phone.now().status == "cancelled"


def test_a_practice_that_left_shows_no_visit_but_whom_to_call(house: House) -> None:
    phone = Phone(house.visit())
    Practice.objects.update(active=False)
    for page in ("", "/move", "/cancel", "/reminders", "/visit.ics"):
        answer = phone.get(page)
        assert answer.status_code == 404
        assert "(212) 555-0100" in said(answer)
        assert "Ada" not in answer.text


def test_a_visit_whose_patient_was_deleted_is_shown_without_a_name(
    house: House, clock: Any
) -> None:
    phone = Phone(house.visit())
    clock.shift(timedelta(days=30))
    assert sum(purge.purge(NOON + timedelta(days=29), dry_run=False)) == 1
    text = phone.reads()
    assert "This visit is over" in text
    assert "Ada" not in text
    assert phone.get("/visit.ics").status_code == 200


def test_the_calendar_file_is_in_the_pages_language_and_leads_back_to_it(house: House) -> None:
    phone = Phone(house.visit(), "/es")
    file = phone.get("/visit.ics")
    assert file["Content-Type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    assert file["Content-Disposition"] == 'attachment; filename="visit.ics"'
    text = file.content.decode().replace("\r\n ", "")
    assert f"http://testserver{phone.address}" in text
    assert "Ada" not in text


def test_a_hold_has_no_calendar_file_but_its_page(house: House) -> None:
    phone = Phone(house.visit(status="pending"))
    assert phone.get("/visit.ics")["Location"] == phone.address


@pytest.mark.parametrize("token", ["A" * 27, "A" * 26, "x", "%00", "%FF", "é", "A" * 5000, "a%0A"])
def test_a_link_that_is_nobodys_says_what_to_do(house: House, token: str) -> None:
    for page in ("", "/", "/move", "/move/time", "/cancel", "/reminders", "/visit.ics"):
        answer = Client().get(f"/visit/{token}{page}")
        assert answer.status_code == 404
        assert "This link is incomplete" in answer.text
        assert answer["Cache-Control"] == "no-store"


def test_the_link_of_one_visit_does_nothing_to_another(house: House) -> None:
    ada, other = house.visit(), house.visit(day=4)
    phone = Phone(ada)
    shown = phone.get("/cancel").text
    answer = Client().post(f"/visit/{links.give(other)}/cancel", {"seen": seen(shown)})
    assert answer.status_code == 409
    assert {*Appointment.objects.values_list("status", flat=True)} == {"booked"}


def test_patients_who_read_their_own_visits_are_no_access_by_others(house: House) -> None:
    ada, _ = house.family("Ada", "Ben")
    phone = Phone(ada)
    phone.client.force_login(person("ann", house.practice))
    for page in ("", "/move", "/cancel", "/visit.ics"):
        assert phone.get(page).status_code == 200
    phone.press("/come", seen_on="")
    assert not Access.objects.exists()


@pytest.mark.parametrize(("page", "statements"), [("", 12), ("/cancel", 2), ("/visit.ics", 3)])
def test_a_page_takes_a_few_statements(
    house: House, django_assert_num_queries: Any, page: str, statements: int
) -> None:
    visit = house.family("Ada", "Ben")[0]
    fields: Any = {"phone": "212 555 0123"}
    appointments.edit(appointment_id=visit.pk, fields=fields, by=PATIENT, now=NOON)
    phone = Phone(visit)
    with django_assert_num_queries(statements):
        assert phone.get(page).status_code == 200


def test_an_office_without_a_phone_or_address_is_shown_as_it_is(house: House) -> None:
    Location.objects.update(office_phone="")
    assert Phone(house.visit()).get().status_code == 200
