"""Accessibility (axe) and width of every page of the admin, on a desktop and a phone, dark too.

With each push axe looks at three pages on a phone; at night at all of them, in both kinds of
practice, and their widths are measured.
"""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import LogIn
from tests.browser.staff_pages import WORLD, open_all, pages_of_staff
from tests.browser.test_onboarding import Hand, onboard
from tests.conftest import only_once_on_sqlite

pytestmark = only_once_on_sqlite

OPERATORS = ["auth/user", "practices/membership", "practices/partner", "practices/apikey"]
THREE = ["board/?view=week", "ranges/", "publish/"]
NIGHTLY = pytest.mark.nightly
PHONE = {"width": 390, "height": 844}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": PHONE},
    "dark phone": {"viewport": PHONE, "color_scheme": "dark"},
}


def findings(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {each['id']}: {each['nodes'][0]['html'][:160]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


def too_wide(page: Page) -> list[str]:
    """Name the windows (and 200 % text) in which the page has to be scrolled sideways."""
    size = page.viewport_size
    assert size is not None
    found = []
    for width, text in ((390, 100), (320, 100), (1280, 200)):
        page.set_viewport_size({**size, "width": width})
        page.evaluate("size => (document.documentElement.style.fontSize = size)", f"{text}%")
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            found.append(f"{page.url}: {needed} pixels in {width}, text {text} %")
    page.evaluate("document.documentElement.style.fontSize = ''")
    page.set_viewport_size(size)
    return found


@NIGHTLY
@pytest.mark.parametrize("kind", ["exact", "range"])
@pytest.mark.parametrize("look", LOOKS)
def test_pages_of_staff(kind: str, look: str, log_in: LogIn) -> None:
    person = log_in(kind, **LOOKS[look])
    found, visited = [], 0
    for name, page in pages_of_staff(person, kind):
        found += [f"{name}: {each}" for each in [*findings(page), *too_wide(page)]]
        visited += 1
    assert found == []
    assert visited >= 55


@pytest.mark.parametrize(
    "look", [pytest.param(each, marks=[] if each == "phone" else NIGHTLY) for each in LOOKS]
)
def test_three_pages(look: str, log_in: LogIn) -> None:
    person = log_in("range", **LOOKS[look])
    for path in THREE:
        page = person.desk("range", path)
        assert [*findings(page), *too_wide(page)] == []


@NIGHTLY
@pytest.mark.parametrize("look", ["light", "dark"])
def test_pages_of_operators(look: str, log_in: LogIn) -> None:
    person = log_in("operator", **LOOKS[look])
    found = findings(person.page)
    for model in [*OPERATORS, *WORLD]:
        found += findings(person.go(f"/admin/{model}/"))
        if model != "practices/apikey":
            found += findings(person.go(f"/admin/{model}/add/"))
    found += findings(person.go("/admin/practices/partner/demoFull/change/"))
    page = person.go("/admin/partners/demoFull/keys/")
    open_all(page)
    found += findings(page)
    page = person.go("/admin/onboard/")
    open_all(page)
    found += [*findings(page), *too_wide(page)]
    page.get_by_role("button", name="Onboard the practice").click()
    page.locator(".oc-mistakes").wait_for()
    found += findings(page)
    onboard(person.go("/admin/"), Hand(), f"Maple {look}")
    page.locator("#key-text").wait_for()
    found += [*findings(page), *too_wide(page)]
    page.get_by_role("link", name="Go to Maple").click()
    found += [*findings(page), *too_wide(page)]
    assert found == []


@pytest.mark.parametrize(
    "look", [pytest.param(each, marks=[] if each == "phone" else NIGHTLY) for each in LOOKS]
)
def test_the_login_page(look: str, log_in: LogIn) -> None:
    person = log_in("exact", **LOOKS[look])
    person.page.context.clear_cookies()
    page = person.go("/admin/")
    assert page.get_by_role("heading", name="Staff login").is_visible()
    assert findings(page) == []
