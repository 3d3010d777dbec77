"""Joining the waiting list on the booking page, where no time fits."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from bookings.booking_page import preview
from bookings.booking_page.state import State
from bookings.models import Task, WaitlistEntry
from practices.models import Kind, MailSettings
from tests import factories
from tests.booking_page.journey import REACHED, Browser
from tests.booking_page.visits import House
from tests.booking_page.walk import CHILDREN, Patient
from tests.factories import NOON

pytestmark = pytest.mark.django_db
EMAIL = {"email": "anne@example.org"}


@pytest.fixture
def house(clock: Any) -> House:
    return House()


def only() -> WaitlistEntry:
    return WaitlistEntry.objects.get()


def noted(browser: Browser) -> str:
    """Return the text of the last page, without the address that the language link leads to."""
    return re.sub(r'href="[^"]*"', "", browser.page)


def test_where_nothing_is_free_a_family_joins(house: House, clock: Any) -> None:
    patient = Patient(house.practice, clock).send(**CHILDREN)
    assert patient.step == "day"
    patient.follow("Join the waiting list")
    patient.send(**REACHED, weekdays=["mon", "thu"], parts=["morning"], latest="2026-07-31")
    assert patient.step == "waiting/done"
    assert "A visit for Ann Lee , Ben Lee" in patient.text
    assert "Days of the week Monday, Thursday" in patient.text
    assert "Not after Friday, July 31, 2026" in patient.text
    entry = only()
    assert (entry.people, entry.weekdays, entry.parts) == (2, ["mon", "thu"], ["morning"])
    assert (entry.earliest, str(entry.latest)) == (None, "2026-07-31")
    assert (entry.location_ids, entry.doctor_ids) == ([], [])
    assert (entry.joined_by, entry.language, entry.ends_at) == (
        "patient",
        "en",
        entry.created_at + timedelta(days=90),
    )
    ann, ben = entry.unread_people
    assert (ann.first_name, ann.guardian_name, ann.phone) == ("Ann", "Joan Lee", REACHED["phone"])
    assert (ann.email, ann.message) == (REACHED["email"], REACHED["message"])
    assert (ben.first_name, ben.last_name) == ("Ben", "Lee")
    assert Task.objects.filter(kind="waiting", entry=entry).count() == 1


@pytest.mark.parametrize("step", ["day", "time", "gone"])
def test_pages_with_times_have_a_link_to_the_list(house: House, step: str) -> None:
    house.opening()
    browser = Browser(house)
    browser.open("day").send("day", day="2026-06-03")
    browser.open(step).follow(re.findall(r'href="([^"]*/waiting\?[^"]*)"', browser.page)[0])
    assert browser.heading == "Join the waiting list"


def test_nothing_typed_is_lost_by_a_mistake_or_by_the_other_language(house: House) -> None:
    typed = {
        "phone": "12",
        "email": "anne",
        "zip_code": "10001",
        "message": "Ring twice",
        "weekdays": ["sat"],
        "parts": ["late_afternoon", "noon"],
        "earliest": "6/30/26",
        "latest": "2026-05-31",
    }
    browser = Browser(house).send("waiting", **typed)
    assert browser.status == 400
    for name in ("phone", "email", "earliest"):
        assert f'value="{typed[name]}"' in browser.page
        assert browser.page.count(f'href="#id_{name}"') == 1
    assert "This day is over: choose a later one." in browser.page
    assert "Choose among these" in browser.page
    assert browser.page.count(" checked") == 2
    spanish = browser.client.post(
        f"/es/book/{house.practice.pk}/waiting", {"state": browser.state, "language": "", **typed}
    )
    assert spanish.status_code == 200
    assert 'value="anne"' in spanish.text
    assert "Ring twice" in spanish.text
    assert spanish.text.count(" checked") == 2
    assert not WaitlistEntry.objects.exists()


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({}, "Enter a phone number or an e-mail address."),
        ({"phone": "+49 123"}, "Enter an e-mail address too"),
        ({**EMAIL, "earliest": "2026-08-31"}, "You stay on the list for 90 days"),
        ({**EMAIL, "earliest": "2026-06-09", "latest": "2026-06-08"}, "The last day is before"),
    ],
)
def test_mistakes_are_told(house: House, typed: Any, says: str) -> None:
    browser = Browser(house).send("waiting", **typed)
    assert (browser.status, browser.page.count(says)) == (400, 2)
    assert "<title>Error: " in browser.page


def test_what_is_free_is_not_waited_for(house: House) -> None:
    house.opening(3, 9)  # a Wednesday morning
    browser = Browser(house).send("waiting", **EMAIL, weekdays=["wed", "fri"])
    assert browser.status == 409
    assert "Times like this are free now." in browser.page
    assert EMAIL["email"] in browser.page
    browser.send("waiting", **EMAIL, weekdays=["wed", "fri"], parts=["late_afternoon"])
    assert browser.heading == "You are on the waiting list"


def test_what_the_page_holds_counts_as_free(house: House) -> None:
    house.opening(3, 9)
    browser = Browser(house).hold("2026-06-03")
    assert browser.send("waiting", **EMAIL).status == 409


def test_who_is_on_the_list_already_joins_once_and_nobody_learns_of_it(
    house: House, settings: LazySettings
) -> None:
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example"}
    said = {**EMAIL, "weekdays": ["mon"]}
    first = Browser(house).send("waiting", **said)
    known = only()
    again = Browser(house, address="192.0.2.2").send("waiting", **said)
    assert noted(first) == noted(again)
    assert len(first.url) == len(again.url)
    assert "anne@example.org" in again.page
    assert only() == known
    assert Task.objects.filter(kind="waiting", entry=known).count() == 2
    Browser(house).send("waiting", email="someone@example.org", weekdays=["mon"])
    assert WaitlistEntry.objects.count() == 2


def test_without_mail_the_last_page_has_the_link_of_who_joined_now(house: House) -> None:
    first = Browser(house).send("waiting", phone="212 555 0123")
    assert "/waiting/" in first.page
    again = Browser(house).send("waiting", phone="212 555 0123", message="Who?")
    assert again.heading == first.heading
    assert "Your waiting list page" not in again.page
    assert only().unread_person.message == ""


def test_any_is_what_the_page_shows(house: House) -> None:
    second = factories.location(house.practice, name="Eastside")
    factories.doctor(second)
    shown = factories.doctor(house.location, name="Dr. Shown")
    house.rules.locations.set([house.location])
    house.rules.doctors.set([shown])
    Browser(house).send("waiting", **EMAIL)
    entry = only()
    assert (entry.location_ids, entry.doctor_ids) == ([house.location.pk], [shown.pk])


def test_what_was_chosen_before_is_waited_for(house: House) -> None:
    factories.doctor(factories.location(house.practice, name="Eastside"), name="Dr. East")
    browser = Browser(house).open("where").send("where", location=house.location.pk, doctor="")
    browser.open("waiting")
    assert "Chesterfield" in browser.page
    browser.send("waiting", **EMAIL)
    assert (only().location_ids, only().doctor_ids) == ([house.location.pk], [])


def test_where_they_came_from_goes_with_them(house: House) -> None:
    browser = Browser(house)
    state = State.read(browser.state, house.practice.pk, NOON)
    browser.state = state.but(source="fair", attribution={"utm_medium": "poster"}).sealed()
    browser.send("waiting", **EMAIL)
    assert (only().source, only().attribution) == ("fair", {"utm_medium": "poster"})


def test_where_a_code_is_asked_for_a_phone_number_is_enough(
    house: House, settings: LazySettings
) -> None:
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example"}
    MailSettings.objects.create(practice=house.practice, code=True)
    assert Browser(house).send("waiting", phone="212 555 0123").step == "done"
    assert Task.objects.count() == 0


def test_a_range_practice_has_a_list_too(clock: Any) -> None:
    house = House(Kind.RANGE)
    house.opening(3, 9)
    browser = Browser(house).send("waiting", **EMAIL, parts=["morning"])
    assert browser.status == 409
    assert browser.send("waiting", **EMAIL, parts=["late_morning"]).step == "done"


def test_who_has_booked_here_is_shown_the_visit(house: House) -> None:
    house.opening(2)
    browser = Browser(house).book()
    assert browser.open("waiting").heading == "Your visit is booked"
    assert browser.send("waiting", **EMAIL).heading == "Your visit is booked"
    assert not WaitlistEntry.objects.exists()


def test_so_many_join_with_one_contact_and_nothing_typed_is_lost(house: House) -> None:
    names = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Fay"]
    for nth, name in enumerate(names):
        Browser(house, name, address=f"192.0.2.{nth}").send("waiting", **EMAIL)
    refused = Browser(house, "Gil", address="192.0.2.9").send("waiting", **EMAIL, zip_code="10001")
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert 'value="10001"' in refused.page
    assert WaitlistEntry.objects.count() == len(names)


def test_a_preview_puts_nobody_on_the_list(house: House, clock: Any) -> None:
    patient = Patient(house.practice, clock)
    patient.get(f"/book/{house.practice.pk}?preview={preview.token(house.practice.pk)}")
    patient.send(**CHILDREN).follow("Join the waiting list").send(**EMAIL)
    assert "The preview ends here" in patient.text
    assert not WaitlistEntry.objects.exists()


def test_the_last_page_is_only_shown_as_it_was_sealed_here(house: House) -> None:
    browser = Browser(house).send("waiting", **EMAIL)
    address, other = browser.url, House()
    assert browser.client.get(address).status_code == 200
    moved = address.replace(house.practice.pk, other.practice.pk)
    for wrong in (moved, address[:-9], address.partition("=")[0] + "=é"):
        assert browser.client.get(wrong).status_code == 400
    state = f"{address.partition('?')[0]}?noted={browser.state}"
    assert browser.client.get(state).status_code == 400


def test_who_has_left_is_told_so_when_the_last_page_is_opened_again(house: House) -> None:
    browser = Browser(house).send("waiting", **EMAIL)
    WaitlistEntry.objects.update(status="left", ended_at=NOON)
    assert browser.follow(browser.url).heading == "You are no longer on the waiting list"
