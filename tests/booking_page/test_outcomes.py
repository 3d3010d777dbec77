"""What each step does when the hold has ended, or all is booked: nothing typed is ever lost."""

from datetime import timedelta
from typing import Any

import pytest

from bookings.models import Appointment
from bookings.patients import purge
from bookings.scheduling import appointments, bookings, moving
from tests import factories
from tests.booking_page.journey import REACHED, Browser
from tests.factories import NOON, Scene

STEPS = {
    "details": ({**REACHED, "message": "Typed late"}, "check"),
    "extend": ({**REACHED, "message": "Typed late", "step": "book_details"}, "details"),
    "check": ({}, "done"),
}
"""What is sent at each step, and where it leads if the place can be had."""


@pytest.fixture
def scene(scene: Scene) -> Scene:
    for hour in (21, 22, 23):
        scene.booking(start_datetime=NOON + timedelta(hours=hour))
    return scene


def theirs() -> Appointment:
    """The visit of the browser that came first."""
    return Appointment.objects.order_by("created_at", "id")[0]


@pytest.mark.parametrize("place", ["free", "gone"])
@pytest.mark.parametrize("step", STEPS)
def test_a_hold_that_has_ended_loses_nothing_typed(scene, clock, step, place):
    sent, leads_to = STEPS[step]
    browser = Browser(scene).check() if step == "check" else Browser(scene).hold()
    clock.shift(301)
    if place == "gone":
        Browser(scene, "Eve", address="192.0.2.2").hold()
    late = browser.send(step, **sent)
    if place == "gone":
        assert (late.step, late.heading) == ("gone", "This time is no longer free")
        late.send("gone", time=late.times()[0])
        assert late.step == "check"
    else:
        assert late.step == leads_to
    known = theirs().unread_person
    message = "Typed late" if step != "check" else REACHED["message"]
    assert (known.phone, known.email, known.message) == (
        REACHED["phone"],
        REACHED["email"],
        message,
    )
    assert message in late.open("details").page or late.step == "done"


@pytest.mark.parametrize("step", ["details", "extend"])
def test_what_was_typed_outlasts_an_office_that_cancels_the_hold(scene, step):
    browser = Browser(scene).hold()
    appointments.cancel(appointment_id=theirs().pk, by=scene.actor, now=NOON)
    gone = browser.send(step, **STEPS[step][0])
    assert (gone.status, gone.heading) == (409, "This time is no longer free")
    assert "Typed late" not in gone.page  # it is sealed in the form
    gone.send("gone").send("gone", time=gone.times()[1])
    assert gone.step == "check"
    assert "Typed late" in gone.page


def test_reading_a_step_whose_hold_was_cancelled_says_so(scene):
    browser = Browser(scene).check()
    appointments.cancel(appointment_id=theirs().pk, by=scene.actor, now=NOON)
    assert browser.open("check").step == "gone"
    assert browser.send("check").step == "gone"


def test_a_time_that_was_taken_meanwhile_leads_to_others(scene):
    browser = Browser(scene).open("day").send("day", day="2026-06-02")
    first = browser.times()[0]
    Browser(scene, "Eve", address="192.0.2.2").hold()
    assert browser.send("time", time=first).step == "gone"
    assert len(browser.times()) == 2


def test_where_another_time_was_taken_the_first_is_still_there(scene):
    browser = Browser(scene).check().open("day").send("day", day="2026-06-02")
    second = browser.times()[1]
    Browser(scene, "Eve", address="192.0.2.2").hold()
    browser.send("time", time=second)
    assert "Keep the time you chose before" in browser.page
    assert browser.open("check").send("check").step == "done"


def test_one_moved_by_the_office_is_shown_again_before_it_is_booked(scene):
    browser = Browser(scene).check()
    later = scene.booking(start_datetime=NOON + timedelta(days=3))
    moving.move(to={theirs().pk: {"booking_id": later.pk}}, by=scene.actor, now=NOON)
    again = browser.send("check")
    assert (again.status, again.step) == (409, "check")
    assert "This visit has changed" in again.page
    assert "Thursday, June 4, 2026" in again.page
    assert again.send("check").step == "done"
    assert theirs().booking_id == later.pk


def test_sending_twice_and_going_back_book_once(scene):
    browser = Browser(scene).check()
    check, state = browser.page, browser.state
    booked = browser.send("check").url
    browser.page, browser.state = check, state
    assert browser.send("check").url == booked  # the second press, or tab
    for step in ("check", "details"):
        browser.state = state
        assert browser.open(step).url == booked
    browser.state = state
    assert browser.hold(nth=1).url == booked
    browser.state = state
    sent = {"count": 1, "first_name_1": "Eve", "last_name_1": "Doe", "adult": "yes"}
    assert browser.open("").send("", **sent).step == "done"
    assert Appointment.objects.count() == 1


def test_the_last_page_stays_when_the_practice_switches_its_page_off(scene):
    browser = Browser(scene).book()
    scene.practice.booking_page.active = False
    scene.practice.booking_page.save()
    assert browser.follow(browser.url).heading == "Your visit is booked"


def test_the_last_page_says_what_has_become_of_a_visit(scene):
    browser = Browser(scene).book()
    later = scene.booking(start_datetime=NOON + timedelta(days=3))
    moving.move(to={theirs().pk: {"booking_id": later.pk}}, by=scene.actor, now=NOON)
    assert "Thursday, June 4, 2026" in browser.follow(browser.url).page
    appointments.cancel(appointment_id=theirs().pk, by=scene.actor, now=NOON)
    assert browser.follow(browser.url).heading == "This visit is cancelled"


def test_the_last_page_of_a_visit_that_is_over_says_so(scene, clock):
    browser = Browser(scene).book()
    clock.shift(timedelta(days=200))
    assert [*purge.purge(NOON + timedelta(days=100), dry_run=False)] == [1]
    assert browser.follow(browser.url).heading == "This visit is over"
    assert "looking forward" not in browser.page.replace("We look forward", "looking forward")
    assert "<bdi></bdi>" not in browser.page


def test_the_last_page_names_the_office_of_each_of_a_family(scene):
    west = factories.location(scene.practice, name="West", office_phone="(212) 555-0199")
    there = scene.booking(location_id=west.pk, doctor_id=factories.doctor(west).pk)
    browser = Browser(scene, "Ada", "Ben").book()
    moving.move(to={theirs().pk: {"booking_id": there.pk}}, by=scene.actor, now=NOON)
    browser.follow(browser.url)
    assert browser.page.count("West<br>") == browser.page.count("Chesterfield<br>") + 1 == 2
    assert 'href="tel:+12125550199"' in browser.page


def test_a_hold_that_has_ended_is_gone_where_its_opening_has_lost_its_time(range_scene, clock):
    browser, opening = Browser(range_scene), range_scene.booking()
    browser.hold()
    clock.shift(301)
    no_time: Any = {"fields": {"start_datetime": None}, "by": range_scene.actor}
    bookings.edit(booking_id=opening.pk, now=NOON + timedelta(seconds=301), **no_time)
    for step in ("details", "check", "gone"):
        assert browser.open(step).heading == "This time is no longer free"
    browser.send("details", **REACHED)
    assert browser.heading == "This time is no longer free"
    assert theirs().unread_person.message == "Ring twice"


def test_the_last_page_of_a_cancelled_visit_needs_no_time(range_scene):
    browser, opening = Browser(range_scene), range_scene.booking()
    browser.book()
    at: Any = {"by": range_scene.actor, "now": NOON}
    appointments.cancel(appointment_id=theirs().pk, **at)
    bookings.edit(booking_id=opening.pk, fields={"start_datetime": None}, **at)
    assert browser.follow(browser.url).heading == "This visit is cancelled"


@pytest.mark.parametrize("visits", ["", "x", "\0", "WyJhIl0:1abc:def"])
def test_an_address_of_a_last_page_that_is_none_begins_anew(scene, visits):
    browser = Browser(scene)
    answer = browser.client.get(f"/book/{scene.practice.pk}/done", {"visits": visits})
    assert (answer.status_code, "Start over" in answer.text) == (400, True)


def test_a_last_page_is_none_of_another_practice(scene):
    url = Browser(scene).book().url
    other = Scene()
    browser = Browser(other)
    assert "Ada" not in browser.follow(url.replace(scene.practice.pk, other.practice.pk)).page
    assert browser.status == 400


def test_other_names_at_the_check_change_the_held_visit(scene):
    browser = Browser(scene).check().open("")
    sent = {"count": 1, "first_name_1": "Grace", "last_name_1": "Hopper", "adult": "no"}
    browser.send("", **sent, guardian_name="Anne Hopper")
    assert browser.step == "check"
    assert "Grace Hopper" in browser.page
    assert "Parent or guardian: Anne Hopper" in browser.page
    assert theirs().status == "pending"


def test_one_person_more_after_the_hold_chooses_a_time_for_both(scene):
    browser = Browser(scene).check().open("")
    names: Any = {"first_name_2": "Ben", "last_name_2": "Lovelace"}
    browser.send("", count=2, first_name_1="Ada", last_name_1="Lovelace", adult="yes", **names)
    assert browser.step == "day"
    assert browser.hold().step == "details"
    assert browser.send("details", **REACHED).send("check").step == "done"
    taken = Appointment.objects.filter(status="booked")
    assert {each.unread_person.phone for each in taken} == {REACHED["phone"]}
    assert Appointment.objects.taken().count() == 2


def test_a_second_tab_shows_what_the_first_one_changed(scene):
    browser = Browser(scene).check()
    page, state = browser.page, browser.state
    browser.hold(nth=1)
    browser.page, browser.state = page, state
    assert (browser.send("check").status, browser.step) == (409, "check")
    assert "10:00 AM" in browser.page
