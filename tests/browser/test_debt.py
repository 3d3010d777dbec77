"""What a review by hand found, where axe sees nothing: focus, drawn signs, keys."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LogIn
from tests.browser.test_jobs import next_monday
from tests.conftest import only_once_on_sqlite

pytestmark = only_once_on_sqlite

STYLE = "(each, name) => getComputedStyle(each)[name]"


def test_signs_of_the_board_are_seen_with_the_focus(log_in: LogIn) -> None:
    page = log_in("exact").desk("exact", f"board/?day={next_monday(1)}")
    plus = page.locator(".oc-add").first
    plus.focus()
    assert plus.locator("span").first.evaluate(STYLE, "opacity") == "1"
    chip = page.locator(".oc-block .chip").first
    page.keyboard.press("Tab")
    chip.focus()
    # Drawn inside, so that the next row covers nothing of it.
    assert float(chip.evaluate(STYLE, "outlineOffset").removesuffix("px")) < 0
    page.keyboard.press("/")
    expect(chip).to_be_focused()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("searchbox")).to_be_focused()


@pytest.mark.nightly
def test_a_preview_is_gone_to_without_a_box_around_its_heading(log_in: LogIn) -> None:
    page = log_in("exact").desk("exact", "close/")
    for label in ("From", "Until"):
        page.get_by_label(label).fill(next_monday(1).isoformat())
    page.get_by_role("button", name="Preview").click()
    heading = page.locator("h2[data-focus]")
    expect(heading).to_be_focused()
    assert heading.evaluate(STYLE, "outlineStyle") == "none"


def test_the_end_of_an_idle_login_is_announced(log_in: LogIn) -> None:
    person = log_in("exact")
    person.page.clock.install()
    page = person.desk("exact", "find/")
    page.clock.fast_forward("14:10")
    warning = page.get_by_role("dialog", name="You will be logged out in a minute")
    expect(warning.get_by_role("alert")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "name", "begins"),
    [
        ("/docs/reference/create_booking", "Copy Example in curl", "curl"),
        ("/docs/problems/conflict", "Copy Answer", "HTTP/1.1 409"),
    ],
)
def test_code_of_the_docs_is_copied_by_a_button_that_says_what(
    log_in: LogIn, path: str, name: str, begins: str
) -> None:
    page = log_in("exact").go(path)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("button", name=name.replace("Copy", "Copied")).wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith(begins)
