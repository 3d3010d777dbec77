"""A practice onboarded from the operator's first page in Chromium, its clicks counted, and used."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import LogIn
from tests.conftest import only_once_on_sqlite
from tests.server import Server, running_server

pytestmark = only_once_on_sqlite

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Run a product apart: other tests compare which practices theirs lists."""
    with running_server() as running:
        yield running


class Hand:
    """Counts what a person has to do: each click and choice is one, and each field typed into."""

    def __init__(self) -> None:
        self.clicks = self.fields = 0

    def click(self, target: Locator) -> None:
        self.clicks += 1
        target.click()

    def choose(self, target: Locator, label: str) -> None:
        self.clicks += 1
        target.select_option(label=label)

    def type(self, target: Locator, text: str) -> None:
        self.fields += 1
        target.fill(text)


def onboard(page: Page, hand: Hand, word: str) -> None:
    """Onboard a practice with two locations, two doctors, an account and a partner with a key."""
    hand.click(page.get_by_role("link", name="Onboard a practice"))
    expect(page.get_by_label("Practice name")).to_be_focused()
    hand.type(page.get_by_label("Practice name"), f"{word} Orthodontics")
    for row, name in enumerate(["Downtown", "Lakeside"]):
        hand.type(page.get_by_label("Location name").nth(row), name)
    hand.choose(page.get_by_label("Time zone").first, "Central (Chicago)")
    for row, name in enumerate(["Dr. Ana Maple", "Dr. Bo Maple"]):
        hand.type(page.get_by_label("Doctor’s name").nth(row), name)
    hand.type(page.get_by_label("Person’s name").first, "Grace Vega")
    hand.type(page.get_by_label("New partner’s name"), f"{word} Partner")
    hand.click(page.get_by_role("button", name="Onboard the practice"))


def test_a_practice_is_onboarded_with_few_clicks_and_what_is_made_works(
    log_in: LogIn, chromium: Browser
) -> None:
    operator, hand = log_in("operator"), Hand()
    page = operator.page
    onboard(page, hand, "Maple")
    expect(page.get_by_role("heading", level=1)).to_have_text("Maple Orthodontics is ready")
    assert (hand.clicks, hand.fields) == (3, 7)
    key, link = page.locator("#key-text").inner_text(), page.locator("#link-1").inner_text()
    listed = operator.server.call("GET", "/scheduling/practices", key=key).json()
    assert "Maple Orthodontics" in {each["name"] for each in listed}
    context = chromium.new_context()
    invited = context.new_page()
    invited.goto(link)
    for field in invited.locator("input[type=password]").all():
        field.fill(PASSWORD)
    invited.keyboard.press("Enter")
    invited.get_by_label("Username").fill("grace.vega")
    invited.get_by_label("Password").fill(PASSWORD)
    invited.keyboard.press("Enter")
    expect(invited).to_have_url(re.compile("/board/$"))
    expect(invited.locator("main")).to_contain_text("Downtown")
    context.close()


def test_more_rows_come_without_scripts_and_enter_sends_the_form(log_in: LogIn) -> None:
    page = log_in("operator", java_script_enabled=False).go("/admin/onboard/")
    page.get_by_label("Practice name").fill("No Scripts")
    page.get_by_role("button", name="More doctors").click()
    expect(page.get_by_label("Doctor’s name")).to_have_count(4)
    expect(page.get_by_label("Practice name")).to_have_value("No Scripts")
    page.get_by_label("Practice name").press("Enter")
    expect(page.get_by_text("Nothing was created yet.")).to_be_visible()
    expect(page).to_have_title("Error: Onboard a practice · OpenChair")
