"""Every page and opened state in every look: axe, what axe cannot see, targets and widths.

A new page is a line in PUBLIC or OPERATORS here, or in PLAIN of staff_pages. With each push a few
pages are looked at, each in a look of its own; at night all of them in all four.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.account_pages import pages_of_an_account
from tests.browser.conftest import LogIn, Person
from tests.browser.looks import FOUR, Look, faults
from tests.browser.staff_pages import WORLD, open_all, pages_of_staff
from tests.browser.test_onboarding import Hand, onboard
from tests.conftest import only_once_on_sqlite
from tests.server import Server

pytestmark = only_once_on_sqlite

PUBLIC = [
    "/",
    "/docs/",
    "/docs/search?q=hold",
    "/docs/changelog",
    "/docs/guides/partners",
    "/docs/reference/",
    "/docs/reference/create_booking",
    "/docs/problems/",
    "/docs/problems/conflict",
    "/nothing",
    "/admin/login/",
    "/admin/invitation/MQ/nothing/",
]
OPERATED = [
    "auth/user",
    "practices/membership",
    "practices/partner",
    *WORLD,
]
"""What operators add and change."""
READ = ["practices/apikey", "bookings/access", "bookings/task", "bookings/webhook"]
OPERATORS = [
    "/admin/",
    "/admin/?q=nothing",
    *(f"/admin/{each}/" for each in [*OPERATED, *READ]),
    *(f"/admin/{each}/add/" for each in OPERATED),
    "/admin/practices/location/?q=nothing",
    "/admin/practices/location/?practice__id__exact=rtGB2",
    "/admin/practices/practice/rtGB2/change/",
    "/admin/practices/partner/demoFull/change/",
    "/admin/practices/partner/demoFull/history/",
    "/admin/practices/doctor/DD3456/change/",
    "/admin/practices/doctor/DD3456/delete/",
    "/admin/partners/demoFull/keys/",
    "/admin/partners/demoFull/webhooks/",
]
PUSHED: list[tuple[str, str, Look]] = [
    ("exact", "board/?view=week", FOUR[3]),
    ("range", "ranges/", FOUR[2]),
    ("exact", "publish/", FOUR[0]),
    ("exact", "patients/", FOUR[3]),
    ("operator", "/admin/practices/partner/", FOUR[3]),
    ("operator", "/admin/practices/location/add/", FOUR[1]),
]
"""Who looks at which page in which look, with each push."""
NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(("who", "path", "look"), PUSHED)
def test_a_few_pages(who: str, path: str, look: Look, log_in: LogIn) -> None:
    person = log_in(who)
    page = person.go(path) if who == "operator" else person.desk(who, path)
    assert faults(page, [look], doubled=1280) == []


@pytest.mark.parametrize("path", ["/", "/admin/login/"])
def test_two_pages_for_anybody(path: str, server: Server, chromium: Browser) -> None:
    with chromium.new_page() as page:
        page.goto(server.url + path)
        assert faults(page, [FOUR[2]], doubled=1280) == []


@NIGHTLY
@pytest.mark.parametrize("kind", ["exact", "range"])
def test_pages_of_staff(kind: str, log_in: LogIn) -> None:
    found, visited = [], 0
    for name, page in pages_of_staff(log_in(kind), kind):
        found += [f"{name}: {each}" for each in faults(page, FOUR, doubled=1280)]
        page.set_viewport_size({"width": 1280, "height": 900})
        visited += 1
    assert found == []
    assert visited >= 65


@NIGHTLY
def test_pages_of_operators(log_in: LogIn) -> None:
    found = []
    for page in _pages_of_operators(log_in("operator")):
        open_all(page)
        found += faults(page, FOUR, doubled=1280)
        page.set_viewport_size({"width": 1280, "height": 900})
    assert found == []


def _pages_of_operators(person: Person) -> Iterator[Page]:
    for path in OPERATORS:
        yield person.go(path)
    for model in OPERATED:
        page = person.go(f"/admin/{model}/add/")
        page.get_by_role("button", name="Save", exact=True).click()
        page.locator(".oc-mistakes").wait_for()
        yield page
    page = person.go("/admin/practices/location/")
    page.get_by_role("checkbox", name="Select all").check()
    page.get_by_role("combobox", name="Action").select_option("delete_selected")
    page.get_by_role("button", name="Go").click()
    page.get_by_role("heading", level=1).wait_for()
    yield page
    yield person.go("/admin/onboard/")
    page.get_by_role("button", name="Onboard the practice").click()
    page.locator(".oc-mistakes").wait_for()
    yield page
    yield from _pages_of_a_webhook(person)
    onboard(person.go("/admin/"), Hand(), "Maple")
    page.locator("#key-text").wait_for()
    yield page
    page.get_by_role("link", name="Go to Maple").click()
    yield page


def _pages_of_a_webhook(person: Person) -> Iterator[Page]:
    page = person.go("/admin/partners/demoFull/webhooks/")
    add = page.get_by_role("button", name="Add and show its secret")
    add.click()
    page.locator(".oc-mistakes").wait_for()
    yield page
    page.get_by_label("Address").fill("https://a-partner-with-a-long-name.example.com/openchair")
    add.click()
    page.locator("#secret-text").wait_for()
    yield page
    page.get_by_role("button", name="Send a test").click()
    page.get_by_text("A test is on its way").wait_for()
    page.get_by_text("New secret…").click()
    page.get_by_role("button", name="Make a new secret").click()
    page.locator("#secret-text").wait_for()
    yield page


@NIGHTLY
def test_pages_of_an_account(log_in: LogIn, chromium: Browser) -> None:
    found = []
    for page in pages_of_an_account(log_in("operator"), chromium):
        found += faults(page, FOUR)
        page.set_viewport_size({"width": 1280, "height": 900})
    assert found == []


def _links_to_an_opening(server: Server) -> Iterator[str]:
    """Yield what search sites link to: a free opening and one that is gone, in both languages."""
    practice = server.demo["practices"]["exact"]
    path = f"/onlinescheduling/location/{practice['locations'][0]}/bookings?status="
    for status in ("open", "booked"):
        found = server.call("GET", f"{path}{status}").json()
        for language in ("", "/es"):
            yield f"{language}/book/{practice['id']}?opening={found[-1]['id']}"


@NIGHTLY
def test_pages_for_anybody(server: Server, chromium: Browser) -> None:
    found = []
    with chromium.new_page() as page:
        for path in [*PUBLIC, *_links_to_an_opening(server)]:
            page.goto(server.url + path)
            found += faults(page, FOUR, doubled=1280)
        page.goto(f"{server.url}/admin/login/")
        page.get_by_label("Username").fill("nobody")
        page.get_by_label("Password").fill("nothing")
        page.get_by_role("button", name="Log in").click()
        page.locator(".oc-mistakes").wait_for()
        found += faults(page, FOUR, doubled=1280)
    assert found == []


@pytest.mark.parametrize(
    ("path", "start"),
    [("/docs/", "export "), ("/docs/reference/take_place", "curl "), ("/docs/guides/api", "")],
)
def test_the_button_at_an_example_copies_it(
    path: str, start: str, server: Server, chromium: Browser
) -> None:
    with chromium.new_page(permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(server.url + path)
        page.get_by_role("button", name="Copy").first.click()
        page.get_by_role("button", name="Copied").wait_for()
        code = page.locator(".oc-code code").first.text_content()
        assert page.evaluate("navigator.clipboard.readText()") == code
        assert (code or "").startswith(start)
