"""Browser tests of the desk: publish a month, book a patient by phone, work by keyboard."""

import re
from datetime import date, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LogIn, Person
from tests.conftest import only_once_on_sqlite

pytestmark = only_once_on_sqlite


def next_monday(weeks: int) -> date:
    """Return a Monday some weeks ahead, after all that the demo has."""
    today = date.today()  # noqa: DTZ011  # any day will do
    return today + timedelta(days=-today.weekday(), weeks=weeks)


def fill_pattern(page: Page, first: date) -> None:
    """Type a month of Mondays to Thursdays, three times a day."""
    page.get_by_label("Location").select_option(label="Chesterfield")
    page.get_by_label("Doctor").select_option(label="Dr. Elena Reyes")
    for day in ("Mon", "Tue", "Wed", "Thu"):
        page.get_by_label(day).check()
    page.get_by_label("At", exact=True).fill("9:00, 9:45, 10:30")
    page.get_by_label("Minutes").fill("45")
    page.get_by_label("Places").fill("2")
    page.get_by_label("From").fill(first.isoformat())
    page.get_by_label("Until").fill((first + timedelta(days=27)).isoformat())


def test_a_month_is_published(log_in: LogIn) -> None:
    page = log_in("exact").page
    page.get_by_role("link", name="Publish openings", exact=True).click()
    fill_pattern(page, next_monday(20))
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("48 openings with 96 places")).to_be_visible()
    page.get_by_role("button", name="Publish 48 openings").click()
    expect(page.get_by_role("status")).to_have_text("48 openings published.")
    expect(page.get_by_role("heading", level=1)).to_contain_text("–")  # the week's board
    expect(page.locator(".chip")).to_have_count(12)


def test_on_a_phone_the_preview_begins_at_its_heading(log_in: LogIn) -> None:
    person = log_in("exact", viewport={"width": 390, "height": 844})
    page = person.desk("exact", "publish/")
    fill_pattern(page, next_monday(50))
    page.get_by_role("button", name="Preview").click()
    heading = page.get_by_role("heading", name="Preview")
    expect(heading).to_be_focused()
    expect(heading).to_be_in_viewport()


def test_on_a_phone_an_opening_is_made_on_a_day_with_none(log_in: LogIn) -> None:
    person = log_in("exact", viewport={"width": 390, "height": 844})
    start = next_monday(60)
    page = person.desk("exact", f"board/?day={start.isoformat()}")
    page.get_by_role("link", name="an opening").first.click()
    expect(page.get_by_label("Starts")).to_have_value(f"{start.isoformat()}T09:00")
    expect(page.get_by_label("Location")).not_to_have_value("")


def type_patient(person: Person, first_name: str, last_name: str) -> Page:
    """Open an open booking of next week, and type the patient."""
    page = person.desk("exact", "board/?view=week&status=open")
    page.get_by_role("link", name="Next week").click()
    page.locator(".chip", has_text="Free").first.click()
    page.get_by_label("First name").fill(first_name)
    page.get_by_label("Last name").fill(last_name)
    page.get_by_label("Phone").fill("212 555 0177")
    return page


def test_a_place_is_booked_from_the_board(log_in: LogIn) -> None:
    person = log_in("exact")
    page = type_patient(person, "Wilhelmina", "Castellanos")
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("The visit is booked for")
    expect(page.locator(".oc-timeline")).to_contain_text("Wilhelmina Castellanos: booked")
    page.get_by_role("link", name="Board of that day").click()
    expect(page.locator(".chip", has_text="Wilhelmina Castellanos")).to_be_visible()


def test_an_opening_is_held_released_and_closed_by_keyboard_alone(log_in: LogIn) -> None:
    """No mouse: Tab finds, Enter presses."""
    person = log_in("exact")
    start = next_monday(30)
    page = person.desk("exact", f"board/?day={start.isoformat()}")
    tab_to(page, re.compile("New opening at"))
    expect(page.get_by_text("Tab goes from opening to opening").first).to_be_visible()
    arrow_to(page, "ArrowRight", re.compile("with Dr. Mia"))
    arrow_to(page, "ArrowDown", re.compile("New opening at 10:30 AM with Dr. Mia"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Starts")).to_have_value(f"{start.isoformat()}T10:30")
    tab_to(page, re.compile("^Publish opening$"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Opening published.")
    tab_to(page, re.compile("10:30 AM.*Free", re.DOTALL))
    page.keyboard.press("Enter")
    opening = page.locator(".oc-opening .oc-status")
    expect(opening).to_have_text("Free")
    for button, status in (("Hold", "On hold"), ("Release", "Free")):
        tab_to(page, re.compile("^More for this opening"))
        page.keyboard.press("Enter")
        tab_to(page, re.compile(f"^{button}$"))
        page.keyboard.press("Enter")
        expect(opening).to_have_text(status)
    for button in ("More for this opening", "Close…", "Close this opening"):
        tab_to(page, re.compile(f"^{button}"))
        page.keyboard.press("Enter")
    expect(opening).to_have_text("Closed")


@pytest.mark.parametrize(
    "key",
    ["Enter", *(pytest.param(each, marks=pytest.mark.nightly) for each in ("Space", "Escape"))],
)
def test_one_key_stays_logged_in_a_minute_before_the_idle_end_and_nothing_typed_is_lost(
    log_in: LogIn, key: str
) -> None:
    person = log_in("exact")
    person.page.clock.install()
    page = type_patient(person, f"Persephone {key}", "Abernathy")
    warning = page.get_by_role("dialog", name="You will be logged out in a minute")
    page.clock.fast_forward("13:30")
    expect(warning).to_be_hidden()
    page.clock.fast_forward("00:40")
    expect(warning).to_be_visible()
    expect(page.get_by_role("button", name="Stay logged in")).to_be_focused()
    with page.expect_response("**/admin/stay/") as told:
        page.keyboard.press(key)
    assert told.value.status == 204
    expect(warning).to_be_hidden()
    page.clock.fast_forward("13:30")
    expect(warning).to_be_hidden()
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("The visit is booked for")


def test_who_comes_too_late_is_told_and_can_copy_what_was_typed(log_in: LogIn) -> None:
    person = log_in("exact")
    person.page.clock.install()
    page = type_patient(person, "Persephone", "Abernathy")
    page.context.clear_cookies(name="sessionid")
    page.clock.fast_forward("14:10")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("You were logged out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_label("First name")).to_have_value("Persephone")


def test_what_is_done_in_another_window_counts(log_in: LogIn) -> None:
    person = log_in("exact")
    person.page.clock.install()
    page = person.desk("exact", "board/")
    page.clock.fast_forward("13:30")
    other = page.context.new_page()
    other.goto(page.url)
    page.wait_for_timeout(200)
    page.clock.fast_forward("00:40")
    expect(page.get_by_role("dialog")).to_be_hidden()
    other.close()


def test_logging_out_needs_no_mouse(log_in: LogIn) -> None:
    page = log_in("exact").page
    tab_to(page, re.compile("demo-acme"))
    page.keyboard.press("Enter")
    tab_to(page, re.compile("^Log out$"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Log in again")).to_be_visible()


def tab_to(page: Page, name: re.Pattern[str]) -> None:
    """Press Tab until the element of this name has the focus."""
    press_until(page, "Tab", name, at_most=60)


def arrow_to(page: Page, key: str, name: re.Pattern[str]) -> None:
    """Press an arrow key until the element of this name has the focus."""
    if not name.search(focused(page)):
        press_until(page, key, name, at_most=30)


def press_until(page: Page, key: str, name: re.Pattern[str], *, at_most: int) -> None:
    """Press a key until the element of this name has the focus; fail after so many times."""
    for _ in range(at_most):
        page.keyboard.press(key)
        if name.search(focused(page)):
            return
    pytest.fail(f"{key} does not lead to {name.pattern!r}.")


def focused(page: Page) -> str:
    """Return the name of what has the focus."""
    return str(
        page.evaluate(
            "(e => (e.getAttribute('aria-label') || e.innerText || '')"
            ".replace(/\\s+/g, ' ').trim())(document.activeElement)"
        )
    )


def test_a_range_is_given_its_exact_time(log_in: LogIn) -> None:
    person = log_in("range")
    page = person.desk("range", "ranges/")
    waiting = page.locator(".oc-rows > li")
    count = waiting.count()
    card = waiting.filter(has_text="Priscilla Aldana")
    suggested = card.get_by_role("button", name="Book Priscilla Aldana at").first
    asked = datetime.fromisoformat(suggested.get_attribute("value") or "")
    card.locator("summary", has_text="Other").click()
    card.get_by_label("Exact time").fill((asked + timedelta(days=1)).isoformat(timespec="minutes"))
    card.get_by_role("button", name="at this time").click()
    expect(page.get_by_role("alert")).to_contain_text("This is outside")
    suggested.click()
    expect(page.get_by_role("status")).to_contain_text("The visit is booked for")
    expect(page.get_by_role("status")).to_contain_text(f"{asked:%-I:%M %p}")
    expect(waiting).to_have_count(count - 1)


def test_of_two_people_at_the_range_desk_the_second_is_told(log_in: LogIn) -> None:
    first, second = log_in("range"), log_in("range")
    pages = [person.desk("range", "ranges/") for person in (first, second)]
    for page in pages:
        card = page.locator(".oc-rows > li").filter(has_text="Lena Haddad")
        card.get_by_role("button", name="Book Lena Haddad at").first.click()
    expect(pages[0].get_by_role("status")).to_contain_text("The visit is booked for")
    expect(pages[1].get_by_role("alert")).to_contain_text(
        re.compile("demo-abc-[a-z]+ made it “booked for")
    )


def test_an_operator_hands_out_a_key_and_it_works(log_in: LogIn) -> None:
    person = log_in("operator")
    page = person.go("/admin/practices/partner/")
    page.get_by_role("link", name="Keys of OrthoDesk (demo)").click()
    page.get_by_label("Label").fill("Browser test")
    page.get_by_role("button", name="Issue a key").click()
    key = page.locator("#key-text").inner_text()
    assert person.server.call("GET", "/scheduling/practices", key=key).status == 200
    row = page.locator(".oc-keys > li", has_text="Browser test")
    row.locator("summary", has_text="Revoke").click()
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_contain_text("is revoked")
    assert person.server.call("GET", "/scheduling/practices", key=key).status == 401


def test_the_desk_works_without_scripts(log_in: LogIn) -> None:
    person = log_in("exact", java_script_enabled=False)
    page = person.desk("exact", "publish/")
    fill_pattern(page, next_monday(40))
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("48 openings with 96 places")).to_be_visible()
    page.locator("summary", has_text="demo-acme").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("Log in again")).to_be_visible()
