"""The coordinator's day, counted: how many clicks and typed fields her jobs take."""

import re
from datetime import date, timedelta
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import LogIn
from tests.browser.staff_pages import Week
from tests.conftest import only_once_on_sqlite

pytestmark = only_once_on_sqlite


class Counted:
    """A page of which clicks and fields are counted; keys such as Enter are not."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = self.fields = 0

    def click(self, role: Any, name: str | re.Pattern[str], within: Locator | None = None) -> None:
        (within or self.page).get_by_role(role, name=name).first.click()
        self.clicks += 1

    def fill(self, label: str, value: str) -> None:
        self.page.get_by_label(label, exact=True).fill(value)
        self.fields += 1

    def find(self, text: str) -> Locator:
        """Find a visit by keyboard, from whatever page it is."""
        self.page.keyboard.press("Control+k")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.fields += 1
        self.page.wait_for_url("**/find/")
        return self.page.locator("main table tbody tr")


def test_a_father_calls_and_both_children_are_moved_without_typing_anything_again(
    log_in: LogIn,
) -> None:
    desk = Counted(log_in("exact").page)
    found = desk.find("0107")
    both = [found.filter(has_text=name) for name in ("Theo Marchetti", "Bianca Marchetti")]
    was = []
    for row in both:
        expect(row).to_contain_text(re.compile(r"20\d\d, \d+:\d\d [AP]M.*Dr\. ", re.DOTALL))
        expect(row).to_contain_text("Guardian: Lucia Marchetti")
        was.append(row.locator("td").first.inner_text())
    assert (desk.clicks, desk.fields) == (0, 1)
    desk.click("link", re.compile("^Move .* together$"))
    desk.click("button", re.compile("^Move to"))
    # The mail is seen before it goes, and the cursor is where words for it are typed.
    expect(desk.page.get_by_label("E-mail the family")).to_be_checked()
    expect(desk.page.get_by_label("Your note")).to_be_focused()
    desk.click("button", "Move all")
    expect(desk.page.get_by_role("status")).to_contain_text("Moved from")
    assert (desk.clicks, desk.fields) == (3, 1)
    desk.find("0107")
    for row, when in zip(both, was, strict=True):
        expect(row.locator("td").first).not_to_have_text(when)
        expect(row).to_contain_text("Guardian: Lucia Marchetti")


def test_a_visit_is_cancelled_with_two_clicks_and_its_mail_is_seen_without_scripts_too(
    log_in: LogIn,
) -> None:
    person = log_in("exact", java_script_enabled=False)
    week = Week(person, "exact")
    desk = Counted(person.desk("exact", f"opening/{week.family}/"))
    desk.click("link", re.compile("^Cancel… the visit of Theophilus"))
    expect(desk.page.get_by_label("Reason")).to_be_focused()
    expect(desk.page.get_by_text("El consultorio ha cancelado su cita")).to_be_visible()
    desk.fill("Your note (optional)", "The doctor is ill.")
    desk.click("button", "Cancel the visit")
    expect(desk.page.get_by_role("status")).to_contain_text("is cancelled.")
    assert (desk.clicks, desk.fields) == (2, 1)


def test_a_caller_gets_a_place_with_three_clicks_and_three_fields(log_in: LogIn) -> None:
    desk = Counted(log_in("exact").page)
    desk.click("link", "Book a patient")
    desk.click("link", re.compile(r"20\d\d · "))
    expect(desk.page.get_by_label("First name")).to_be_focused()
    for label, value in (
        ("First name", "Genoveva"),
        ("Last name", "Castellanos"),
        ("Phone", "646 555 0188"),
    ):
        desk.fill(label, value)
    desk.click("button", "Book")
    expect(
        desk.page.get_by_role("heading", name=re.compile("Genoveva Castellanos"))
    ).to_be_visible()
    assert (desk.clicks, desk.fields) == (3, 3)


def test_of_a_doctor_who_is_ill_there_is_a_list_that_stays(log_in: LogIn) -> None:
    desk = Counted(log_in("exact").page)
    desk.page.get_by_text("More", exact=True).click()
    desk.clicks += 1
    desk.click("link", "Close openings")
    desk.page.get_by_label("Doctor").select_option(label="Dr. Mia Lindqvist")
    # A week: late in the day nobody may be left of today's.
    today = date.fromisoformat(desk.page.get_by_label("From").input_value())
    desk.page.get_by_label("Until").fill(f"{today + timedelta(days=7)}")
    desk.click("button", "Preview")
    desk.click("button", re.compile("to call$"))
    expect(desk.page.get_by_role("heading", level=1)).to_contain_text("Call list")
    assert desk.clicks == 4
    left = desk.page.get_by_role("button", name=re.compile("^Reached"))
    calls = left.count()
    assert calls > 0
    left.first.click()
    desk.page.get_by_role("link", name="Board").first.click()
    desk.page.get_by_role("link", name=re.compile("Call list")).first.click()
    expect(left).to_have_count(calls - 1)
