"""The clock of a held time in Chromium: what is shown and heard, and where the focus is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.families import Family
from tests.browser.test_embedding import Site, named  # noqa: F401  # a fixture
from tests.conftest import only_once_on_sqlite
from tests.server import Server

pytestmark = only_once_on_sqlite
HEARD = """() => {
  window.heard = [];
  const heard = document.getElementById("clock-heard");
  new MutationObserver(() => window.heard.push(heard.textContent))
    .observe(heard, {childList: true, characterData: true, subtree: true});
}"""


@pytest.fixture
def details(server: Server, chromium: Browser) -> Iterator[Page]:
    """Go to step 5 as a patient does, in a page whose clock the test turns.

    Afterwards the visit is booked, for the address that other tests have too can hold only two.
    """
    page = chromium.new_page()
    page.clock.install()
    family = Family(page, f"{server.url}/book/{server.demo['practices']['exact']['id']}")
    for step in (family.who, family.where, family.day, family.time):
        step()
    family.heading("How can we reach you?")
    address = page.url
    yield page
    page.goto(address)
    family.details()
    family.check()
    family.done()
    page.context.close()


def test_the_clock_warns_in_words_that_change_seldom_and_loses_nothing(details):
    page = details
    page.evaluate(HEARD)
    message, dialog = page.get_by_label("Message to the office"), page.get_by_role("dialog")
    message.fill("Ring twice")
    page.clock.run_for(170_000)
    expect(dialog).to_be_hidden()
    page.clock.run_for(130_000)
    expect(dialog).to_be_visible()
    expect(dialog).to_have_accessible_name("Do you need more time?")
    assert page.evaluate("window.heard") == ["2 minutes", "1 minute", "40 seconds", "20 seconds"]
    expect(dialog.get_by_text("We are no longer holding this time for you.")).to_be_visible()
    expect(dialog.get_by_role("button")).to_be_focused()
    # It goes nowhere by itself; closed, it gives the focus back.
    page.keyboard.press("Escape")
    expect(message).to_be_focused()
    expect(page.get_by_text("We are no longer holding this time for you.").first).to_be_visible()
    page.get_by_role("button", name="I need more time").click()
    expect(page.get_by_text("We are holding this time for you")).to_be_visible()
    expect(message).to_have_value("Ring twice")
    # From its own button, too.
    page.clock.run_for(200_000)
    dialog.get_by_role("button", name="I need more time").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="I need more time")).to_be_focused()
    page.reload()
    expect(message).to_have_value("Ring twice")


@pytest.mark.nightly
def test_in_a_frame_the_clock_warns_where_it_is_and_takes_no_focus(
    details: Page,
    named: Site,  # noqa: F811  # the fixture
) -> None:
    page = details
    named.snippet = f'<iframe src="{page.url}" height="1800"></iframe>'
    page.goto(named.origin)
    frame = page.frame_locator("iframe")
    frame.get_by_label("Phone number").wait_for()
    page.clock.run_for(200_000)
    expect(frame.get_by_role("dialog")).to_be_visible()
    assert page.evaluate("[document.activeElement.tagName, scrollY]") == ["BODY", 0]
    frame.get_by_role("dialog").get_by_role("button").click()
    expect(frame.get_by_role("dialog")).to_be_hidden()
