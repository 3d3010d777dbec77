"""The board in a browser: the quiet refresh, attendance by one click, the phone, one screen."""

import re
from datetime import date, timedelta

from playwright.sync_api import Page, expect

from tests.browser.conftest import LogIn
from tests.browser.test_jobs import focused, next_monday, tab_to
from tests.conftest import only_once_on_sqlite

pytestmark = only_once_on_sqlite


def past_weekday() -> date:
    """Return a day of the demo that is over, with visits."""
    return next_monday(0) - timedelta(days=3)


def refresh(page: Page) -> None:
    """Do what the page does every half minute, and wait for the answer."""
    with page.expect_response(lambda answer: "x-refresh" in answer.request.headers):
        page.locator("#live").dispatch_event("refresh")


def test_a_refresh_shows_what_is_new_and_loses_no_focus_scroll_or_typing(log_in: LogIn) -> None:
    person = log_in("exact", viewport={"width": 700, "height": 600})
    start = next_monday(70)
    page = person.desk("exact", f"board/?day={start.isoformat()}")
    page.get_by_role("searchbox", name="Find a visit").fill("Ines")
    tab_to(page, re.compile("New opening at"))
    page.keyboard.press("ArrowDown")
    name = focused(page)
    page.evaluate("scrollTo(0, 150); document.querySelector('.oc-scroll').scrollLeft = 40")
    opening = {
        "location_id": person.practice["exact"]["locations"][0],
        "doctor_id": person.practice["exact"]["doctors"][1],
        "start_datetime": f"{start.isoformat()}T11:00",
    }
    made = person.server.call("POST", "/onlinescheduling/booking", opening)
    assert made.status == 201, made.body
    refresh(page)
    expect(page.locator(".chip", has_text="11:00 AM")).to_be_visible()
    assert focused(page) == name
    assert page.evaluate("[scrollY, document.querySelector('.oc-scroll').scrollLeft]") == [150, 40]
    expect(page.get_by_role("searchbox", name="Find a visit")).to_have_value("Ines")
    refresh(page)  # nothing new: 304
    assert focused(page) == name


def test_a_refresh_after_the_end_of_the_login_asks_no_more(log_in: LogIn) -> None:
    page = log_in("exact").page
    page.context.clear_cookies(name="sessionid")
    refresh(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#live").dispatch_event("refresh")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert [url for url in asked if "/login/" not in url] == []  # where the first was led


def test_each_visit_is_marked_with_one_click_without_leaving_the_place(log_in: LogIn) -> None:
    page = log_in("exact").desk("exact", f"board/?day={past_weekday().isoformat()}")
    url, undo = page.url, page.get_by_role("button", name=re.compile("^Undo"))
    came = page.get_by_role("button", name=re.compile("^Came"))
    for left in range(undo.count(), 0, -1):
        undo.first.click()
        expect(undo).to_have_count(left - 1)
    visits = came.count()
    assert visits >= 3
    for left in range(visits, 0, -1):
        came.first.click()
        expect(came).to_have_count(left - 1)
    expect(undo).to_have_count(visits)
    assert focused(page).startswith("Undo")
    assert page.url == url


def test_a_click_without_scripts_marks_a_visit_and_returns_to_it(log_in: LogIn) -> None:
    person = log_in("exact", java_script_enabled=False)
    day = past_weekday() - timedelta(days=1)
    page = person.desk("exact", f"board/?day={day.isoformat()}")
    undo = page.get_by_role("button", name=re.compile("^Undo"))
    if undo.count():
        undo.first.click()
    page.get_by_role("button", name=re.compile("^No-show")).first.click()
    expect(page.get_by_role("status")).to_contain_text("no-show")
    assert re.search(r"#(opening|visit)-\w+$", page.url)


def test_a_day_fits_one_screen_and_begins_high_up(log_in: LogIn) -> None:
    workday = next_monday(1)
    # On a phone the counts of a location with confirmed visits take two lines.
    for width, height, bar, first in ((1280, 800, 56, 190), (390, 844, 56, 130)):
        person = log_in("exact", viewport={"width": width, "height": height})
        page = person.desk("exact", f"board/?day={workday.isoformat()}")
        tops = page.locator(".oc-block").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect().y)"
        )
        assert min(tops) <= first
        assert page.locator(".oc-bar").evaluate("bar => bar.offsetHeight") <= bar
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width == 1280:
            assert page.evaluate("document.documentElement.scrollHeight") <= height
