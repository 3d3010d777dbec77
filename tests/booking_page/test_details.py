"""Steps 5 to 7: how the family is reached, the check, the last page; and the clock."""

from datetime import timedelta
from typing import Any

import pytest

from bookings.booking_page.state import State
from bookings.models import Appointment, ManageLink
from tests.booking_page.journey import REACHED, Browser
from tests.conftest import only_once
from tests.factories import NOON, Scene

# What is held and booked on either engine: test_holding, test_outcomes. Odd texts fail PostgreSQL.
pytestmark = only_once


@pytest.fixture
def scene(scene: Scene) -> Scene:
    for hour in (21, 22):
        scene.booking(start_datetime=NOON + timedelta(hours=hour))
    return scene


def only() -> Appointment:
    return Appointment.objects.get()


@pytest.mark.parametrize(
    "typed",
    [
        {"phone": "(212) 555-0123 ext. 4"},
        {"email": "anne@example.org"},
        {**REACHED, "zip_code": "10001"},
    ],
)
def test_one_of_phone_and_e_mail_is_enough_and_is_kept_as_it_was_typed(scene, typed):
    assert Browser(scene).check(**typed).send("check").step == "done"
    known = only().unread_person._asdict()
    assert {name: known[name] for name in typed} == typed


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"message": "Hello"}, "Enter a phone number or an e-mail address."),
        ({"phone": "12"}, "Enter the phone number with its area code"),
        ({"email": "anne"}, "Enter an e-mail address like name@example.com."),
        ({"phone": "212 555 0123", "message": "x" * 2001}, "Use 2000 characters or fewer."),
        ({"phone": "2\0", "email": "\u202e😀@x"}, "Enter an e-mail address like"),
    ],
)
def test_a_mistake_is_told_above_and_at_the_field_and_everything_stays(scene, typed, says):
    browser = Browser(scene).hold().send("details", **typed)
    assert (browser.status, browser.page.count(says)) == (400, 2)
    assert "<title>Error: " in browser.page
    for name, value in typed.items():
        assert getattr(only().unread_person, name) == value.replace("\0", "")
        assert value.replace("\0", "") in browser.page
    # The check is not reached by its address either.
    assert browser.open("check").step == "details"


def test_the_check_shows_everything_with_a_way_to_change_it(scene):
    browser = Browser(scene, "Ada", "Ben").check(**REACHED, zip_code="10001")
    for each in ("Ada Lovelace", "Ben Lovelace", "Tuesday, June 2, 2026", "9:00 AM", "10:00 AM"):
        assert each in browser.page
    for each in (*REACHED.values(), "ZIP code 10001", "Chesterfield", "Eastern Time"):
        assert each in browser.page
    assert browser.page.count(">Change<") == 4
    assert "Book these visits" in browser.page


def test_the_last_page_has_a_calendar_file_and_a_link_for_each_patient(scene):
    browser = Browser(scene, "Ada", "Ben").book()
    assert browser.heading == "Your visits are booked"
    assert ManageLink.objects.count() == 2
    assert browser.page.count("Add to your calendar") == 2
    assert browser.page.count("Move or cancel this visit") == 2
    assert browser.headers["X-Robots-Tag"] == "noindex"


def test_a_range_practice_says_by_when_the_office_answers(range_scene):
    range_scene.booking(start_datetime=NOON + timedelta(hours=21))
    browser = Browser(range_scene).check()
    page = range_scene.practice.booking_page
    page.promise_en, page.text_en = "by noon", "Park behind the house"
    page.save()
    assert "by noon" in browser.open("check").page
    booked = browser.send("check")
    assert booked.heading == "Your place is reserved"
    assert "by noon" in booked.page
    assert "Park behind the house" in booked.page
    assert only().status == "reserved"


def test_until_when_the_time_is_kept_is_a_time_of_day(scene, clock):
    browser = Browser(scene).hold()
    assert '<b id="until">12:05 PM</b>' in browser.page
    assert 'data-seconds="300"' in browser.page
    clock.shift(120)
    browser.send("extend", phone="2", step="book_details")
    assert (browser.step, '<b id="until">12:07 PM</b>' in browser.page) == ("details", True)
    assert 'value="2"' in browser.page
    clock.shift(301)
    late = browser.open("details").page
    assert 'data-seconds="0"' in late
    assert '<p data-kept="over">' in late


def test_the_button_answers_the_script_with_the_seconds_that_are_left(scene, clock):
    browser = Browser(scene).hold()
    clock.shift(60)
    answer = browser.client.post(
        f"/book/{scene.practice.pk}/extend",
        {"state": browser.state, "step": "book_details", "message": "Ring twice"},
        headers={"Accept": "application/json"},
    )
    assert answer.json() == {"seconds": 300, "until": "12:06 PM"}
    assert only().unread_person.message == "Ring twice"


def test_enter_goes_on_and_does_not_ask_for_more_time(scene):
    page = Browser(scene).hold().page
    assert page.index(">Continue</button>") < page.index(">I need more time</button>")


def test_steps_out_of_order_lead_to_one_that_can_be_taken(scene):
    assert Browser(scene).open("details").step == "gone"
    assert Browser(scene).send("check").step == "gone"
    assert Browser(scene).open("extend").step == "gone"
    nobody = Browser(scene)
    nobody.state = ""
    assert nobody.open("details").step == scene.practice.pk


def test_whoever_is_refused_is_told_to_call_the_office(scene, settings):
    scene.location.office_phone = "212 555 0100"
    scene.location.save()
    settings.PATIENT_HOLDS_PER_ADDRESS = (1, 60)
    Browser(scene).hold()
    refused = Browser(scene, "Eve").hold()
    assert (refused.status, refused.headers["Retry-After"]) == (429, "60")
    assert "Call the office" in refused.heading
    assert 'href="tel:+12125550100"' in refused.page


def test_a_preview_holds_nothing(scene):
    browser = Browser(scene)
    state = State.begin(scene.practice.pk, NOON, people=(("Ada", "Lovelace"),), preview=True)
    browser.state = state.sealed()
    assert browser.hold().heading == "The preview ends here"
    assert not Appointment.objects.exists()


ODD = ("\0", "\ud83d", "x" * 10_000, "9999-12-31.a", "gAAAA")


@pytest.mark.parametrize("step", ["details", "extend", "check", "gone", "done"])
def test_nothing_odd_that_is_sent_is_an_error_of_ours(scene, step):
    browser = Browser(scene).check()
    url, state = f"/book/{scene.practice.pk}/{step}", browser.state
    for odd in ODD:
        said: Any = odd.encode("utf-8", "surrogatepass")
        names = ("phone", "email", "zip_code", "message", "seen", "time", "typed", "step", "visits")
        data: Any = {"state": state, **dict.fromkeys(names, said)}
        sent, read = browser.client.post(url, data), browser.client.get(url, data)
        assert max(sent.status_code, read.status_code) < 500, odd
        assert browser.client.post(url, {"state": said}).status_code in {303, 400}


def test_the_other_language_takes_along_what_is_typed_right_or_wrong(scene):
    browser = Browser(scene).hold().send("details", language="", phone="12", message="Hello")
    assert (browser.status, browser.step) == (200, "details")
    assert 'value="12"' in browser.page
    assert "Hello</textarea>" in browser.page
    assert "Error:" not in browser.page
