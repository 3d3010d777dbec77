"""Moving and cancelling a visit by its link: one act, the practice's rules, whoever is quicker."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from bookings.models import Booking, Event
from bookings.scheduling import appointments, bookings
from bookings.scheduling.actors import PATIENT
from practices.models import Kind
from tests.booking_page.visits import House, Phone, seen
from tests.desk.world import said
from tests.factories import NOON, doctor, location
from tests.test_races import inconsistencies

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(clock: Any, db: None) -> House:
    return House()


def choices(page: Any) -> dict[str, str]:
    """Return the radio buttons of a page: label by value."""
    found = re.findall(
        r'type="radio"[^>]* value="([^"]+)"[^>]*><label[^>]*>(.*?)</label>', page.text
    )
    return {value: " ".join(re.sub(r"<[^>]+>", " ", label).split()) for value, label in found}


def test_a_visit_moves_in_three_pages_and_one_act(house: House) -> None:
    phone, there = Phone(visit := house.visit()), house.opening(4, 15)
    phone.press("/come", seen_on="")
    days = choices(phone.get("/move"))
    assert days == {"2026-06-04": "Thursday, June 4, 2026"}
    assert choices(phone.get("/move/time", day="2026-06-04")) == {there.pk: "3:00 PM"}
    text = phone.reads("/move/check", time=there.pk, day="2026-06-04")
    assert (
        "Now Wednesday, June 3, 2026, 9:00 AM New Thursday, June 4, 2026, 3:00 PM Eastern Time"
        in text
    )
    events = Event.objects.count()
    answer = phone.press("/move/check", query=f"?time={there.pk}")
    assert (answer.status_code, answer["Location"]) == (303, f"{phone.address}?moved=1")
    text = phone.reads(moved="1")
    assert "Your visit has been moved. This is its new time." in text
    assert "Thursday, June 4, 2026, 3:00 PM" in text
    assert "Confirm this visit" in text  # said of the old time
    assert Booking.objects.get(pk=visit.booking_id).free_places == 1
    made = Event.objects.order_by("id")[events:]
    assert {each.actor for each in made} == {"patient"}
    assert [each.appointment_id for each in made if each.appointment_id] == [visit.pk]
    assert inconsistencies() == []


def test_a_family_moves_its_visits_so_often_a_day(house: House, settings: Any) -> None:
    settings.PATIENT_MOVES_PER_CONTACT = (1, 86_400)
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example"}
    phone = Phone(visit := house.visit())
    appointments.edit(
        appointment_id=visit.pk, fields={"email": "anne@example.org"}, by=house.actor, now=NOON
    )
    first, second = house.opening(4), house.opening(5)
    phone.press("/move/check", query=f"?time={first.pk}")
    assert "You will get an e-mail about it, too." in phone.reads(moved="1")
    answer = phone.press("/move/check", query=f"?time={second.pk}")
    assert (answer.status_code, phone.now().booking_id) == (429, first.pk)
    assert "This one stays as it is" in said(answer)
    assert 0 < int(answer["Retry-After"]) <= 86_400


def test_pressed_twice_it_has_moved_once(house: House) -> None:
    phone, there = Phone(house.visit()), house.opening(4, total_appointments=2)
    was = seen(phone.get("/move/check", time=there.pk).text)
    for _ in range(2):
        answer = phone.send("/move/check", was, f"?time={there.pk}")
        assert answer["Location"] == f"{phone.address}?moved=1"
    assert Booking.objects.get(pk=there.pk).free_places == 1


def test_a_place_lost_meanwhile_offers_the_nearest_others(house: House) -> None:
    phone, there = Phone(house.visit()), house.opening(9, 15)
    house.opening(4)
    nearest = [house.opening(8, 8), house.opening(9, 8), house.opening(9, 16), house.opening(30)]
    was = seen(phone.get("/move/check", time=there.pk).text)
    rival = appointments.take(
        booking_id=there.pk, fields={"status": "pending"}, by=PATIENT, now=NOON
    )
    for answer in (
        phone.send("/move/check", was, f"?time={there.pk}"),
        phone.get("/move/check", time=there.pk),
    ):
        assert answer.status_code == 409
        assert "This time is no longer free" in said(answer)
        assert "Your visit now: Wednesday, June 3, 2026, 9:00 AM." in said(answer)
        assert [*choices(answer)] == [each.pk for each in nearest]
    assert phone.now().booking_id == phone.visit.booking_id
    appointments.cancel(appointment_id=rival.pk, by=PATIENT, now=NOON)
    assert phone.send("/move/check", was, f"?time={there.pk}").status_code == 303


def test_one_that_was_held_is_free_once_the_hold_has_ended(house: House, clock: Any) -> None:
    phone, there = Phone(house.visit()), house.opening(4)
    appointments.take(booking_id=there.pk, fields={"status": "pending"}, by=PATIENT, now=NOON)
    assert "There are no other free times" in phone.reads("/move")
    clock.shift(300)
    assert choices(phone.get("/move"))
    assert phone.press("/move/check", query=f"?time={there.pk}").status_code == 303


@pytest.mark.parametrize(
    ("rules", "day", "hour"),
    [({"notice_hours": 48}, 3, 11), ({"horizon_days": 10}, 12, 9), ({}, 1, 12)],
)
def test_what_the_practice_does_not_offer_cannot_be_chosen(
    house: House, rules: dict[str, int], day: int, hour: int
) -> None:
    phone = Phone(house.visit(day=4))
    house.rule(**rules)
    hidden, shown = house.opening(day, hour), house.opening(9)
    assert [*choices(phone.get("/move"))] == ["2026-06-09"]
    was = seen(phone.get("/move/check", time=shown.pk).text)
    answer = phone.send("/move/check", was, f"?time={hidden.pk}")
    assert answer.status_code == 409
    assert [*choices(answer)] == [shown.pk]
    assert phone.now().booking_id == phone.visit.booking_id


def test_only_shown_offices_and_doctors_are_offered(house: House) -> None:
    phone = Phone(house.visit())
    hidden = doctor(house.location)
    there = location(house.practice, name="Uptown")
    house.doctor.locations.add(there)
    by_hidden = house.opening(4, doctor_id=hidden.pk)
    elsewhere = house.opening(5, location_id=there.pk)
    house.rules.doctors.add(house.doctor)
    assert choices(phone.get("/move")) == {}
    everywhere = phone.get("/move/time", offices="all", day="2026-06-05")
    assert choices(everywhere) == {elsewhere.pk: "9:00 AM Uptown"}
    house.rules.locations.add(house.location)
    assert choices(phone.get("/move", offices="all")) == {}
    for opening in (by_hidden, elsewhere):
        assert phone.get("/move/check", time=opening.pk).status_code == 409


def test_where_the_visits_office_is_hidden_each_time_says_where_it_is_and_in_which_zone(
    house: House,
) -> None:
    phone = Phone(house.visit())
    for nth, zone in enumerate(["America/Chicago", "America/Denver"]):
        there = location(house.practice, zone, name=f"West {nth}")
        house.opening(4, location_id=there.pk, doctor_id=doctor(there).pk)
        house.rules.locations.add(there)
    shown = phone.get("/move/time", day="2026-06-04")
    assert [*choices(shown).values()] == [
        "9:00 AM Dr. Reyes · West 0 · Central Time",
        "9:00 AM Dr. Reyes · West 1 · Mountain Time",
    ]
    assert "Eastern Time" not in said(shown)


def test_another_practices_opening_is_as_one_that_does_not_exist(house: House) -> None:
    phone, other = Phone(house.visit()), House().opening(4)
    pages = {phone.reads("/move/check", time=to) for to in (other.pk, "nobody")}
    assert len(pages) == 1


def test_a_visit_that_changed_meanwhile_is_not_moved_and_not_cancelled(house: House) -> None:
    phone, there = Phone(visit := house.visit()), house.opening(4)
    was = seen(phone.get("/move/check", time=there.pk).text)
    fields: Any = {"start_datetime": NOON + timedelta(days=5)}
    bookings.edit(booking_id=visit.booking_id, fields=fields, by=house.actor, now=NOON)
    for answer in (phone.send("/move/check", was, f"?time={there.pk}"), phone.send("/cancel", was)):
        assert answer.status_code == 409
        assert "Saturday, June 6, 2026, 12:00 PM" in said(answer)
    assert (phone.now().status, phone.now().booking_id) == ("booked", visit.booking_id)


@pytest.mark.parametrize("exact", [False, True])
def test_a_moved_range_visit_gets_its_time_from_the_office_again(
    clock: Any, db: None, exact: bool
) -> None:
    house = House(Kind.RANGE, "America/Chicago")
    phone, there = Phone(visit := house.visit()), house.opening(5, 15)
    if exact:
        at: Any = {"start_datetime": datetime(2026, 6, 4, 10)}  # noqa: DTZ001  # wall time
        appointments.edit(appointment_id=visit.pk, fields=at, by=house.actor, now=NOON)
    label = "Late afternoon, from 2:30 PM"
    assert choices(phone.get("/move/time", day="2026-06-05")) == {there.pk: label}
    assert phone.press("/move/check", query=f"?time={there.pk}").status_code == 303
    moved = phone.now()
    assert (moved.status, moved.booking_id, moved.start_datetime) == ("reserved", there.pk, None)
    assert "Your visit has been moved. The office will give you its new time." in phone.reads(
        moved="1"
    )


def test_ten_days_are_on_a_page_and_the_later_ones_on_the_next(house: House) -> None:
    phone = Phone(house.visit())
    for day in range(10, 22):
        house.opening(day)
    page = phone.get("/move")
    assert len(choices(page)) == 10
    assert "/move?first=2026-06-20" in page.text
    assert [*choices(phone.get("/move", first="2026-06-20"))] == ["2026-06-20", "2026-06-21"]


def test_nothing_chosen_is_a_mistake_that_says_what_to_choose(house: House) -> None:
    phone, there = Phone(house.visit()), house.opening(4)
    for page, query, words, kept in (
        ("/move/time", {}, "Choose a day", "2026-06-04"),
        ("/move/check", {"day": "2026-06-04"}, "Choose a time", there.pk),
    ):
        answer = phone.get(page, **query)
        assert answer.status_code == 400
        assert "<title>Error: " in answer.text
        assert "There is a problem " + words in said(answer)
        assert [*choices(answer)] == [kept]


@pytest.mark.parametrize(
    "odd", ["", "\0", "x" * 10_000, "9999-12-31", "0001-01-01", "2026-02-30", "é\u202e🦷", "-1"]
)
def test_odd_input_is_a_page(house: House, odd: str) -> None:
    phone = Phone(house.visit())
    house.opening(4)
    answers = [
        phone.get("/move", first=odd, offices=odd),
        phone.get("/move/time", day=odd),
        phone.get("/move/check", time=odd),
        phone.get("/move/check", day=odd),
        phone.send("/move/check", odd, f"?time={'x' * 40}"),
        phone.send("/cancel", odd),
        phone.send("/come", odd),
    ]
    assert {each.status_code for each in answers} <= {200, 400, 409}
    assert phone.now().status == "booked"


def test_cancelling_asks_first_and_frees_the_place(house: House) -> None:
    phone = Phone(visit := house.visit())
    page = phone.get("/cancel")
    assert page.text.count("<button") == 1
    assert "Do you want to cancel this visit?" in said(page)
    assert "Move it to another time instead" in said(page)
    was = seen(page.text)
    assert phone.send("/cancel", was)["Location"] == f"{phone.address}?cancelled=1"
    assert phone.send("/cancel", was)["Location"] == phone.address  # pressed twice
    assert "This visit is cancelled" in phone.reads()
    assert Booking.objects.get(pk=visit.booking_id).free_places == 1
    event = Event.objects.filter(appointment=visit).latest("id")
    assert (event.to_status, event.actor) == ("cancelled", "patient")


def test_one_of_a_family_is_cancelled_alone(house: House) -> None:
    ada, ben = house.family("Ada", "Ben")
    phone = Phone(ada)
    phone.press("/cancel")
    assert (phone.now().status, Phone(ben).now().status) == ("cancelled", "booked")


@pytest.mark.parametrize("page", ["/cancel", "/move/check"])
def test_the_limit_holds_for_a_page_that_was_opened_before_it(
    house: House, clock: Any, page: str
) -> None:
    house.rule(cancel_hours=24)
    phone, there = Phone(house.visit()), house.opening(9)
    was = seen(phone.get(page, time=there.pk).text)
    clock.shift(timedelta(hours=21))
    phone.send(page, was, f"?time={there.pk}")
    assert phone.now().status == "booked"
    assert phone.now().booking_id == phone.visit.booking_id
