"""Takes the screenshots of docs/ anew, with the settings of the tests.

`python manage.py shell -c "from tests.browser.pictures import main; main()"`
"""

from base64 import b64decode, b64encode
from datetime import date, timedelta

from playwright.sync_api import Browser, Page

from tests.browser.conftest import Person
from tests.browser.families import Family
from tests.browser.test_jobs import fill_pattern, next_monday
from tests.chromium import running_chromium
from tests.server import ROOT, Server, running_server

FOLDER = ROOT / "docs" / "pictures"


def enter(
    server: Server, browser: Browser, who: str, width: int = 1280, dark: bool = False
) -> Person:
    """Log somebody in, in a window of this width (pixels)."""
    context = browser.new_context(
        viewport={"width": width, "height": 844 if width < 500 else 800},
        color_scheme="dark" if dark else "light",
    )
    return Person(server, context, server.demo["staff"][who])


def keep(page: Page, name: str) -> None:
    """Save a screenshot, without waiting for a caret to blink."""
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(300)
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


SHRINK = """async ([address, width]) => {
  const picture = await createImageBitmap(await (await fetch(address)).blob());
  const canvas = Object.assign(document.createElement("canvas"), {width});
  canvas.height = Math.round(width * picture.height / picture.width);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, canvas.height);
  return canvas.toDataURL("image/webp", 0.8);
}"""


def shrink(browser: Browser, name: str, width: int) -> None:
    """Save a picture once more, this wide (pixels), as WebP: the front page's."""
    page = browser.new_page()
    page.goto("about:blank")
    png = b64encode((FOLDER / f"{name}.png").read_bytes()).decode()
    data: str = page.evaluate(SHRINK, [f"data:image/png;base64,{png}", width])
    (FOLDER / f"{name}-small.webp").write_bytes(b64decode(data.partition(",")[2]))
    page.close()


def take(server: Server, browser: Browser) -> None:
    day = date.today() + timedelta(days=1)  # noqa: DTZ011  # any day will do
    workday = day + timedelta(days=max(0, 7 - day.weekday()) % 7 if day.weekday() > 4 else 0)
    front = enter(server, browser, "exact")
    keep(front.desk("exact", f"board/?day={workday}"), "board")
    shrink(browser, "board", 960)
    keep(front.desk("exact", f"board/?view=week&day={workday}"), "week")
    page = front.desk("exact", "board/")
    page.keyboard.press("Control+k")
    page.keyboard.type("0107")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="together").wait_for()
    keep(page, "find")
    page.get_by_role("link", name="together").click()
    page.get_by_role("button", name="Move to").first.wait_for()
    keep(page, "next-free")
    page.get_by_role("button", name="Move to").first.click()
    page.get_by_role("button", name="Move all").wait_for()
    keep(page, "move")
    page = front.desk("exact", "publish/")
    fill_pattern(page, next_monday(1))
    page.get_by_role("button", name="Preview").click()
    page.locator("#preview").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#preview').scrollIntoView()")
    keep(page, "publishing")
    keep(front.desk("exact", "online-booking/"), "online-booking")
    keep(front.desk("exact", "waiting-list/"), "waiting-list")
    keep(enter(server, browser, "range", dark=True).desk("range", "ranges/"), "range-desk")
    keep(enter(server, browser, "exact", 390).desk("exact", f"board/?day={workday}"), "phone")
    keep(enter(server, browser, "operator").go("/admin/partners/demoFull/keys/"), "keys")


def take_booking(server: Server, browser: Browser) -> None:
    """Keep every page of a mother's journey, who books for two children on her phone."""
    context = browser.new_context(viewport={"width": 390, "height": 700})
    page = context.new_page()

    def keep_step(step: str) -> None:
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=FOLDER / f"book-{step}.png", animations="disabled", full_page=True)

    family = Family(
        page,
        f"{server.url}/book/{server.demo['practices']['exact']['id']}",
        people=["Theo Marchetti", "Bianca Marchetti"],
        guardian="Lucia Marchetti",
        look=keep_step,
    )
    family.book()
    family.visit()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running_server() as server, running_chromium() as browser:
        take(server, browser)
        take_booking(server, browser)


if __name__ == "__main__":
    main()
