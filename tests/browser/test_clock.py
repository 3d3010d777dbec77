"""The clock of a held time in Chromium: what is shown and heard, and where the focus is."""

from playwright.sync_api import Browser, Page, expect

from tests.server import Server

HEARD = """() => {
  window.heard = [];
  const heard = document.getElementById("clock-heard");
  new MutationObserver(() => window.heard.push(heard.textContent))
    .observe(heard, {childList: true, characterData: true, subtree: true});
}"""


def at_details(server: Server, chromium: Browser) -> Page:
    """Go to step 5 as a patient does, in a page whose clock the test turns."""
    page = chromium.new_page()
    page.clock.install()
    page.goto(f"{server.url}/book/{server.demo['practices']['exact']['id']}")
    page.get_by_label("1", exact=True).check()
    page.get_by_label("First name").first.fill("Ada")
    page.get_by_label("Last name").first.fill("Lovelace")
    page.get_by_label("Yes").check()
    # Sent sooner than three seconds after it was made, it is shown once more.
    while page.get_by_role("heading", name="Who is coming?").is_visible():
        page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").click()
    for _ in ("day", "time"):
        page.locator(".choice").last.click()
        page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="How may we reach you?")).to_be_visible()
    return page


def test_the_clock_warns_in_words_that_change_seldom_and_loses_nothing(server, chromium):
    page = at_details(server, chromium)
    page.evaluate(HEARD)
    message, dialog = page.get_by_label("Message to the office"), page.get_by_role("dialog")
    message.fill("Ring twice")
    page.clock.run_for(170_000)
    expect(dialog).to_be_hidden()
    page.clock.run_for(130_000)
    expect(dialog).to_be_visible()
    expect(dialog).to_have_accessible_name("Do you need more time?")
    assert page.evaluate("window.heard") == ["2 minutes", "1 minute", "40 seconds", "20 seconds"]
    expect(dialog.get_by_text("We no longer keep this time for you.")).to_be_visible()
    expect(dialog.get_by_role("button")).to_be_focused()
    # It goes nowhere by itself; closed, it gives the focus back.
    page.keyboard.press("Escape")
    expect(message).to_be_focused()
    expect(page.get_by_text("We no longer keep this time for you.").first).to_be_visible()
    page.get_by_role("button", name="I need more time").click()
    expect(page.get_by_text("We keep this time for you until")).to_be_visible()
    expect(message).to_have_value("Ring twice")
    # From its own button, too.
    page.clock.run_for(200_000)
    dialog.get_by_role("button", name="I need more time").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="I need more time")).to_be_focused()
    page.reload()
    expect(message).to_have_value("Ring twice")
    page.context.close()
