"""Accessibility (axe) of every page of the admin, on a desktop and a phone, dark too.

With each push axe looks at all pages once, and at three of them in the dark and on a phone; at
night at all of them in every look, in both kinds of practice.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import LogIn, Person
from tests.conftest import only_once_on_sqlite

pytestmark = only_once_on_sqlite

BOARDS = ["board/", "board/?view=week", "board/?view=month", "sheet/"]
DESK = [*BOARDS, "publish/", "close/", "ranges/", "numbers/", "new-opening/"]
LISTS = ["bookings/booking", "bookings/appointment", "bookings/event", "bookings/series"]
WORLD = ["practices/practice", "practices/location", "practices/doctor"]
OPERATORS = ["auth/user", "practices/membership", "practices/partner", "practices/apikey"]
THREE = ["board/?view=week", "ranges/", "publish/"]
NIGHTLY = pytest.mark.nightly
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
}


def findings(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {each['id']}: {each['nodes'][0]['html'][:160]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


def pages_of_staff(person: Person, kind: str) -> Iterator[Page]:
    """Visit every page that staff use, with everything folded opened."""
    yield person.page
    for path in DESK:
        yield person.desk(kind, path)
    for model in [*LISTS, *WORLD]:
        yield person.go(f"/admin/{model}/")
    yield person.go("/admin/practices/doctor/add/")
    world = person.practice[kind]
    yield person.go(f"/admin/practices/location/{world['locations'][0]}/change/")
    yield person.go(f"/admin/practices/doctor/{world['doctors'][0]}/change/")
    yield person.go(f"/admin/practices/doctor/{world['doctors'][0]}/history/")
    yield person.go("/admin/password_change/")
    page = person.desk(kind, "board/?view=week")
    page.get_by_role("link", name=re.compile("^Next week")).click()
    page.locator(".chip").first.click()
    open_all(page)
    yield page
    page.get_by_role("link", name="Edit opening").click()
    yield page
    yield from previews(person, kind)
    page = person.desk(kind, "new-opening/")
    page.locator("#oc-idle").evaluate("dialog => dialog.showModal()")
    yield page


def previews(person: Person, kind: str) -> Iterator[Page]:
    """Visit the previews, and a form with mistakes."""
    page = person.desk(kind, "publish/")
    page.locator("form.oc-form").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Preview").click()
    yield page
    page.get_by_label("Location").select_option(index=1)
    page.get_by_label("Doctor").select_option(index=1)
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri"):
        page.get_by_label(day).check()
    page.get_by_label("At", exact=True).fill("8:30, 9:00, 9:45")
    page.get_by_label("Until").fill(f"{page.get_by_label('From').input_value()[:4]}-12-31")
    page.get_by_label("Every week").check()
    page.get_by_role("button", name="Preview").click()
    yield page
    page = person.desk(kind, "close/")
    first = page.evaluate("new Date(Date.now() + 864e5).toISOString().slice(0, 10)")
    last = page.evaluate("new Date(Date.now() + 9 * 864e5).toISOString().slice(0, 10)")
    page.get_by_label("From").fill(first)
    page.get_by_label("Until").fill(last)
    page.get_by_role("button", name="Preview").click()
    assert page.get_by_role("heading", name="Left alone").first.is_visible()
    yield page


def open_all(page: Page) -> None:
    """Open what is folded."""
    page.evaluate("for (const each of document.querySelectorAll('#main details')) each.open = true")


@pytest.mark.parametrize(
    ("kind", "look"),
    [
        ("exact", "light"),
        pytest.param("range", "dark", marks=NIGHTLY),
        pytest.param("range", "phone", marks=NIGHTLY),
    ],
)
def test_pages_of_staff(kind: str, look: str, log_in: LogIn) -> None:
    person = log_in(kind, **LOOKS[look])
    found, visited = [], 0
    for page in pages_of_staff(person, kind):
        found += findings(page)
        visited += 1
    assert found == []
    assert visited >= 25


@pytest.mark.parametrize("look", ["dark", "phone"])
def test_three_pages(look: str, log_in: LogIn) -> None:
    person = log_in("range", **LOOKS[look])
    for path in THREE:
        assert findings(person.desk("range", path)) == []


def test_no_page_of_staff_is_wider_than_a_phone(log_in: LogIn) -> None:
    person = log_in("range", **LOOKS["phone"])
    widths = {
        page.url: page.evaluate("document.documentElement.scrollWidth")
        for page in pages_of_staff(person, "range")
    }
    assert {url: width for url, width in widths.items() if width > 390} == {}
    assert len(widths) >= 20


@pytest.mark.parametrize("look", ["light", pytest.param("dark", marks=NIGHTLY)])
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
    assert found == []


@pytest.mark.parametrize("look", LOOKS)
def test_the_login_page(look: str, log_in: LogIn) -> None:
    person = log_in("exact", **LOOKS[look])
    person.page.context.clear_cookies()
    page = person.go("/admin/")
    assert page.get_by_role("heading", name="Staff login").is_visible()
    assert findings(page) == []
