"""A code by mail before the confirmation: who books with it, what guesses and mail it costs."""

import re
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import mail, serializers

from bookings.booking_page import holding
from bookings.booking_page.holding import Code, WrongCode
from bookings.messages import queue
from bookings.messages.mail.sending import MailHandler
from bookings.models import Appointment, Delivery, Task
from bookings.patients import codes
from bookings.scheduling import appointments
from bookings.scheduling.actors import PATIENT
from practices.models import MailSettings
from tests.booking_page.journey import REACHED, Browser
from tests.booking_page.test_holding import again, held, openings, page_of
from tests.conftest import only_once
from tests.factories import NOON, Scene

pytestmark = only_once

TYPED = {"phone": "", "email": "anne@example.org", "zip_code": "", "message": ""}
MAILED = {"email": "anne@example.org"}


@pytest.fixture(autouse=True)
def _mail(settings: Any) -> None:
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example"}
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def scene(scene: Scene) -> Scene:
    MailSettings.objects.create(practice=scene.practice, code=True)
    openings(scene, 4)
    return scene


def only() -> Appointment:
    return Appointment.objects.get()


def sent() -> list[Any]:
    """Send the codes that are due, and return what has been sent in all."""
    while (task := queue.claim("code")) is not None:
        MailHandler().run(task)
    return mail.outbox


def code_in(message: Any) -> str:
    return str(re.findall(r"^\d{6}$", message.body, re.MULTILINE)[0])


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def asked(browser: Browser) -> str:
    """Come to the check, and return the code from the mail."""
    browser.check(**MAILED)
    assert browser.step == "check"
    return code_in(sent()[-1])


def test_the_code_from_the_mail_books(scene):
    browser = Browser(scene)
    code = asked(browser)
    assert sent()[0].to == ["anne@example.org"]
    assert "anne@example.org" in browser.page
    assert browser.send("check", code=f" {code[:3]} – {code[3:]} ").step == "done"
    assert Delivery.objects.values_list("kind", "outcome").get() == ("code", "sent")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({}, "Enter the code from our e-mail."),
        ({"code": "12345"}, "The code has six digits."),
        ({"code": "\uff11" * 6}, "The code has six digits."),
        ({"code": "1\0" * 9000}, "Null characters are not allowed."),
    ],
)
def test_what_is_no_code_is_told_at_the_field_and_is_no_try(scene, settings, typed, says):
    settings.PATIENT_TRIES_PER_HOLD = (0, 60)
    browser = Browser(scene).check(**MAILED).send("check", **typed)
    assert (browser.status, browser.page.count(says)) == (400, 2)
    assert "<title>Error: " in browser.page
    assert only().status == "pending"


def test_of_a_hold_five_codes_are_tried_and_then_the_right_one_is_refused_too(scene):
    browser = Browser(scene)
    code = asked(browser)
    for _ in range(5):
        browser.send("check", code=other_than(code))
        assert (browser.status, browser.page.count("That is not the code.")) == (400, 2)
        assert f'value="{other_than(code)}"' in browser.page
    browser.send("check", code=code)
    assert (browser.status, browser.heading) == (429, "Call the office to book a visit")
    assert "Start over" in browser.page
    assert only().status == "pending"


@pytest.mark.parametrize("per", ["HOLD", "ADDRESS", "CONTACT", "PRACTICE"])
def test_tries_are_counted_of_hold_client_address_and_practice(scene, settings, per):
    setattr(settings, f"PATIENT_TRIES_PER_{per}", (1, 60))
    browser = Browser(scene)
    code = asked(browser)
    browser.send("check", code=other_than(code))
    assert browser.send("check", code=code).status == 429


@pytest.mark.parametrize("per", ["ADDRESS", "CONTACT", "PRACTICE"])
def test_codes_that_are_mailed_are_counted_and_what_was_typed_is_kept(scene, settings, per):
    setattr(settings, f"PATIENT_CODES_PER_{per}", (1, 60))
    browser = Browser(scene)
    asked(browser)
    assert browser.send("code").status == 429
    assert len(sent()) == 1
    typed = {**MAILED, "message": "Ring twice"}
    assert Browser(scene, "Ben").check(**typed).heading == "Call the office to book a visit"
    kept = {each.unread_person.message for each in Appointment.objects.all()}
    assert kept == {"", "Ring twice"}


def test_it_is_mailed_once_however_often_the_step_is_sent(scene):
    browser = Browser(scene).check(**MAILED)
    for _ in range(3):
        browser.open("details").send("details", **MAILED, message="Ring twice")
    assert (browser.step, Task.objects.count(), len(sent())) == ("check", 1, 1)


def test_sent_again_it_is_the_same_and_the_place_is_kept_for_longer(scene, clock):
    browser = Browser(scene)
    first = asked(browser)
    clock.shift(200)
    browser.send("code")
    assert "We are sending the code to <b><bdi>anne@example.org</bdi></b> again." in browser.page
    assert code_in(sent()[1]) == first
    assert only().pending_until == NOON + timedelta(seconds=500)


def test_another_address_gets_another_code_and_the_first_one_books_no_more(scene):
    browser = Browser(scene)
    first = asked(browser)
    browser.open("details").send("details", email="ben@example.org")
    second = sent()[1]
    assert second.to == ["ben@example.org"]
    assert code_in(second) != first
    assert browser.send("check", code=first).status == 400
    assert browser.send("check", code=code_in(second)).step == "done"


def test_an_address_that_is_changed_before_the_mail_goes_gets_it_alone(scene):
    browser = Browser(scene).check(**MAILED)
    browser.open("details").send("details", email="ben@example.org")
    assert [each.to for each in sent()] == [["ben@example.org"]]
    assert {*Delivery.objects.values_list("outcome", "reason")} == {
        ("dropped", "overtaken"),
        ("sent", ""),
    }


def test_what_is_typed_while_the_mail_waits_gets_none(scene):
    browser = Browser(scene).check(**MAILED)
    browser.send("extend", step="book_details", email="ben@example.org")
    assert sent() == []
    assert Delivery.objects.get().reason == "overtaken"


def test_an_address_changed_in_another_tab_at_the_last_moment_is_not_booked(scene):
    """The code is compared with the address once more, when nobody can change it any more."""
    page = page_of(scene)
    rows = held(page, scene.booking(start_datetime=NOON.replace(day=9)))
    holding.keep(page, TYPED, code=Code.ONCE)
    [visit], confirm = holding.visits(page), holding._confirm
    code = codes.of(visit)
    holding.keep(again(page), {**TYPED, "email": "ben@example.org"})
    with pytest.raises(WrongCode):
        confirm(again(page), holding.shown(rows).split("."), code)


def test_who_mistyped_the_address_is_told_that_there_is_no_such_address(scene):
    browser = Browser(scene)
    asked(browser)
    Delivery.objects.update(outcome="refused")
    wrong = browser.send("check", code="000000").page
    assert "Our e-mail to <b><bdi>anne@example.org</bdi></b> came back" in wrong
    assert "spam folder" not in wrong


def test_a_code_of_another_hold_is_wrong(scene):
    code = asked(Browser(scene))
    other = Browser(scene, "Ben").hold(nth=1).send("details", **MAILED)
    assert other.send("check", code=code).status == 400


def test_the_code_of_another_practice_is_another(scene):
    visit = Appointment(group_id="g", booking=openings(scene, 1)[0])
    first = codes.of(visit)
    visit.booking.practice_id = "other"
    assert codes.of(visit) != first


def test_a_family_has_one_code_and_books_with_it_late_too(scene, clock):
    browser = Browser(scene, "Ada", "Ben")
    code = asked(browser)
    assert len(sent()) == 1
    clock.shift(301)
    assert browser.send("check", code=code).step == "done"
    assert Appointment.objects.filter(status="booked").count() == 2


def test_a_code_of_a_hold_that_was_given_back_is_of_no_use(scene):
    browser = Browser(scene)
    code = asked(browser)
    appointments.cancel(appointment_id=only().pk, by=PATIENT, now=NOON)
    assert browser.send("check", code=code).step == "gone"
    assert only().status == "cancelled"


@pytest.mark.parametrize(
    ("until", "reason"), [("late", "too_late"), ("booked", "overtaken"), ("off", "turned_off")]
)
def test_nobody_gets_a_code_who_is_not_waiting_for_it(scene, clock, until, reason):
    browser = Browser(scene).check(**MAILED)
    if until == "late":
        clock.shift(301)
    elif until == "booked":
        browser.send("check", code=codes.of(only()))
    else:
        MailSettings.objects.update(code=False)
    assert sent() == []
    assert Delivery.objects.get(kind="code").reason == reason


def test_a_code_is_right_while_the_patients_keys_are_changed(scene, settings):
    browser = Browser(scene)
    code = asked(browser)
    settings.PATIENT_KEYS = [Fernet.generate_key().decode(), *settings.PATIENT_KEYS]
    browser.open("details").send("details", **MAILED)
    assert len(sent()) == 1
    assert browser.send("check", code=code).step == "done"


def test_whoever_has_only_a_phone_is_told_to_call(scene):
    browser = Browser(scene).hold()
    assert "If you have no e-mail address, call the office" in browser.page
    browser.send("details", phone="212 555 0123")
    assert (browser.status, browser.page.count("Enter an e-mail address, or call")) == (400, 2)
    assert browser.open("check").step == "details"
    assert Task.objects.count() == 0


def test_more_time_and_the_other_language_send_nothing_and_lose_nothing(scene):
    browser = Browser(scene).hold().send("extend", step="book_details", **MAILED)
    browser.send("details", language="", **MAILED)
    assert (browser.step, Task.objects.count()) == ("details", 0)
    assert browser.open("check").step == "details"  # the address has no code yet
    browser.send("details", **MAILED)
    for step in ("extend", "check"):
        browser.send(step, step="book_check", language="", code="12 34")
        assert 'value="12 34"' in browser.page
    assert only().status == "pending"


def test_the_mail_is_in_the_language_of_the_page(scene):
    browser = Browser(scene).check(**MAILED)
    browser.follow(f"/es/book/{scene.practice.pk}/details?state={browser.state}")
    browser.client.post(f"/es/book/{scene.practice.pk}/details", {"state": browser.state, **MAILED})
    assert "código" in sent()[0].body


def test_no_row_page_or_log_has_the_code(scene, caplog):
    browser = Browser(scene).check(**MAILED)
    page = browser.page
    code = code_in(sent()[0])
    browser.send("check", code=other_than(code))
    rows = serializers.serialize("json", [*Task.objects.all(), *Delivery.objects.all()])
    assert not [each for each in (page, browser.page, rows, caplog.text) if code in each]


def test_no_code_is_asked_for_where_no_mail_is_sent(scene, settings):
    settings.EMAIL_URL = {}
    browser = Browser(scene).book()
    assert (browser.step, Task.objects.filter(kind="code").count()) == ("done", 0)
    assert REACHED["email"] not in browser.page


def test_nothing_is_asked_of_whoever_is_booked_already(scene):
    browser = Browser(scene)
    code = asked(browser)
    address = browser.url
    browser.send("check", code=code)
    for step in ("check", "code", "details"):
        assert browser.send(step, **MAILED).step == "done"
    assert browser.follow(address).step == "done"
    assert len(sent()) == 1
