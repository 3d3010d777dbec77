"""A request that the office cannot meet: times are proposed at the desk, and taken on a phone."""

import re

from playwright.sync_api import Browser, expect

from tests.browser.conftest import LogIn, Person
from tests.browser.staff_pages import Week


def proposed(person: Person, week: Week) -> str:
    """Propose two times to somebody who waits for one; return the path of the family's link."""
    request = week.patient(week.family, "Theodora", status="reserved")
    page = person.desk("range", f"ranges/{request}/propose/")
    boxes = page.get_by_role("group", name="Free times").get_by_role("checkbox")
    for nth in (0, 3):
        boxes.nth(nth).check()
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_role("status")).to_contain_text("Proposed, and on hold until")
    row = page.locator(f"#place-{request}")
    expect(row).to_contain_text("Proposed, on hold until")
    page = person.desk("range", f"place/{request}/")
    page.get_by_role("button", name="Copy the text").click()
    text = page.locator("#mail-text").inner_text()
    found = re.search(r"/visit/\S+", text)
    assert found is not None, text
    return found[0]


def test_a_family_takes_a_time_that_the_desk_has_proposed(log_in: LogIn, chromium: Browser) -> None:
    person = log_in("range")
    path = proposed(person, Week(person, "range"))
    for scripts in (True, False):
        context = chromium.new_context(
            viewport={"width": 320, "height": 640}, java_script_enabled=scripts
        )
        page = context.new_page()
        page.goto(person.server.url + path)
        expect(page.get_by_role("heading", level=1)).to_have_text("The office proposes other times")
    page.get_by_role("button", name="Take this time").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a time")
    page.get_by_role("radio").nth(1).check(force=True)
    wanted = page.locator("label.choice").nth(1).inner_text().split("\n")[0]
    page.get_by_role("button", name="Take this time").click()
    expect(page.get_by_role("status")).to_contain_text("Your visit is booked. This is its time.")
    time = re.search(r"\d+:\d\d [AP]M", wanted)
    assert time is not None
    expect(page.locator("main")).to_contain_text(time[0])
    context.close()
