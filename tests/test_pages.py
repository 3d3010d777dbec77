"""Public pages in a browser: docs, problem pages, accessibility, no other hosts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Request, expect

from openchair.api.problems import CATALOGUE
from tests.chromium import running_chromium
from tests.conftest import only_once_on_sqlite
from tests.server import Server

pytestmark = only_once_on_sqlite

PAGES = [
    "/",
    "/docs/",
    "/docs/guides/api",
    "/docs/reference/take_place",
    "/docs/problems/",
    "/docs/problems/conflict",
    "/docs/search?q=hold",
    "/docs/try/",
    "/nothing-here",
]
PROBLEMS = [f"/docs/problems/{slug}" for slug in CATALOGUE]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as started:
        yield started


@dataclass
class Visit:
    """A page in a browser, and the errors in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def watch(self, host: str) -> None:
        """Record errors of the console and of scripts, and requests to other hosts."""

        def note(request: Request) -> None:
            if urlsplit(request.url).scheme in {"http", "https"} and host not in request.url:
                self.complaints.append(f"asked {request.url}")

        self.page.on("request", note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)

    def _listen(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """Open a page of the server."""
    context = browser.new_context(base_url=server.url, color_scheme="light")
    made = Visit(context.new_page())
    made.watch(urlsplit(server.url).netloc)
    yield made
    context.close()


def policy_of(server: Server, path: str) -> dict[str, str]:
    header = server.call("GET", path).headers["Content-Security-Policy"]
    return dict(part.split(" ", 1) for part in header.split("; "))


@pytest.mark.parametrize("path", ["/", "/docs/", "/openapi.json", "/docs/problems/", *PROBLEMS])
def test_a_page_needs_no_key_and_lets_nothing_of_another_host_in(path: str, server: Server) -> None:
    answer = server.call("GET", path, key="")
    assert answer.status == 200
    policy = policy_of(server, path)
    assert policy["default-src"] == policy["script-src"] == "'self'"
    assert policy["object-src"] == policy["frame-ancestors"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_every_problem_leads_to_its_page(server: Server) -> None:
    problem = server.call("GET", "/scheduling/practices", key="").json()
    assert problem["type"] == f"{server.url}/docs/problems/unauthenticated"
    page = server.call("GET", urlsplit(problem["type"]).path)
    assert problem["title"].encode() in page.body


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_without_complaint_or_help_from_another_host(path: str, visit: Visit) -> None:
    visit.page.goto(path, wait_until="networkidle")
    expected = ["404 (Not Found)"] if path == "/nothing-here" else []
    assert [text for text in visit.complaints if not any(one in text for one in expected)] == []


def try_it(page: Page, key: str) -> Locator:
    """Paste a key, try out the list of practices, and return what is shown."""
    page.goto("/docs/try/#/Practices/list_practices")
    page.get_by_label("Your API key").fill(key)
    page.get_by_role("button", name="Use this key").click()
    operation = page.locator("#operations-Practices-list_practices")
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    return operation.locator(".live-responses-table .response")


def test_try_it_works_with_a_pasted_key(visit: Visit, server: Server) -> None:
    answer = try_it(visit.page, server.key)
    expect(answer.locator(".response-col_status")).to_have_text("200")
    expect(answer).to_contain_text("Acme Orthodontic Group")
    assert visit.complaints == []


def test_try_it_shows_why_a_key_was_not_enough(visit: Visit, server: Server) -> None:
    answer = try_it(visit.page, server.demo["keys"]["read_only"])
    expect(answer.locator(".response-col_status")).to_contain_text("403")
    expect(answer).to_contain_text("special authorization")


def test_a_key_outlives_a_reload_and_not_its_tab(visit: Visit, server: Server) -> None:
    page = visit.page
    expect(try_it(page, server.key)).to_contain_text("200")
    page.reload()
    used = page.locator("#key-state")
    expect(used).to_have_text(f"In use: {server.key[:9]}…")
    assert page.evaluate("JSON.stringify(localStorage)") == "{}"
    page.get_by_role("button", name="Forget it").click()
    expect(used).to_be_empty()
    assert page.evaluate("JSON.stringify(sessionStorage)") == "{}"


def test_a_link_of_before_leads_to_its_operation(visit: Visit) -> None:
    visit.page.goto("/docs/#/Bookings/create_booking")
    opened = visit.page.locator(".opblock.is-open")
    expect(opened).to_contain_text("/onlinescheduling/booking")
    assert "/docs/try/#/" in visit.page.url


def show(page: Page, path: str) -> None:
    """Open a page, and wait until it looks as it stays."""
    page.goto(path)
    if path == "/docs/try/":  # made by a script
        page.locator(".opblock").last.wait_for()
    page.evaluate("document.fonts.ready.then(() => true)")


def test_a_page_of_each_kind_has_no_barrier(visit: Visit, server: Server) -> None:
    found: list[str] = []
    for path in PAGES:
        show(visit.page, path)
        found += in_light_and_dark(visit.page)
    expect(try_it(visit.page, server.key)).to_contain_text("200")
    assert [*found, *in_light_and_dark(visit.page)] == []


def in_light_and_dark(page: Page) -> list[str]:
    light = barriers(page)
    page.emulate_media(color_scheme="dark")
    dark = barriers(page)
    page.emulate_media(color_scheme="light")
    return [*light, *(f"dark: {each}" for each in dark)]


def barriers(page: Page) -> list[str]:
    """List what axe finds, but for what it calls minor."""
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {each['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for each in found
        for node in each["nodes"]
        if each["impact"] != "minor"
    ]


@pytest.mark.parametrize(
    "path",
    ["/", "/docs/", "/docs/guides/settings", "/docs/reference/edit_appointment", "/docs/try/"],
)
def test_a_page_fits_a_phone(path: str, visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 360, "height": 740})
    show(visit.page, path)
    width = visit.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360


def test_the_language_of_the_examples_is_kept_and_a_link_opens_what_is_folded(visit: Visit) -> None:
    page = visit.page
    page.goto("/docs/reference/get_location")
    page.get_by_role("radio", name="Python").check()
    page.goto("/docs/reference/take_place#answer-pending_until")
    expect(page.get_by_role("radio", name="Python")).to_be_checked()
    expect(page.locator("pre", has_text="urlopen")).to_be_visible()
    expect(page.locator("pre", has_text="curl")).to_be_hidden()
    expect(page.get_by_text("When it was made.")).to_be_visible()
