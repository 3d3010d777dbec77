"""The booking page in a frame of a practice's own web site, in Chromium."""

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import LogIn
from tests.conftest import only_once_on_sqlite
from tests.server import Server

pytestmark = only_once_on_sqlite

PHONE: ViewportSize = {"width": 390, "height": 844}
HEARD = """
  window.heard = [];
  addEventListener("message", (event) => heard.push([event.origin, event.data]));
"""
AROUND = "<!doctype html><title>Acme</title><script>%s</script><h1>Acme</h1>%s<p>Below</p>"


class Site:
    """A practice's web site, on an origin of its own; its one page shows `snippet`.

    Called by another name than the server, it is another site to the browser too.
    """

    def __init__(self, port: int) -> None:
        self.origin = f"http://localhost:{port}"
        self.snippet = ""

    def page(self) -> bytes:
        above = "<p>About us</p>" * 5
        return (AROUND % (HEARD, above + self.snippet)).encode()


@contextmanager
def running_site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = site.page()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        site = Site(running.server_address[1])
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture
def named(log_in: LogIn) -> Iterator[Site]:
    """Run a site that the practice names, with the frame as the desk's page prints it."""
    with running_site() as site:
        page = log_in("exact").desk("exact", "online-booking/")
        page.get_by_label("Websites that may show it").fill(site.origin)
        page.get_by_role("button", name="Save").click()
        site.snippet = page.locator("#snippet-frame").inner_text()
        yield site


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Page]:
    """Open a window on a phone whose browser keeps no cookies of other sites."""
    context = chromium.new_context(viewport=PHONE)
    page = context.new_page()
    context.new_cdp_session(page).send(
        "Network.setCookieControls", {"enableThirdPartyCookieRestriction": True}
    )
    yield page
    context.close()


def framed(page: Page, site: Site, address: str) -> str:
    """Show an address in a frame on a site; return what the browser has in the frame."""
    site.snippet = f'<iframe src="{address}"></iframe>'
    page.goto(site.origin)
    page.wait_for_load_state("networkidle")
    return page.frames[1].url


def test_who_is_not_named_cannot_frame_it_and_nothing_else_is_framed_by_anybody(
    named: Site, visitor: Page, server: Server
) -> None:
    book = f"{server.url}/book/{server.demo['practices']['exact']['id']}"
    assert framed(visitor, named, book) == book
    for path in ("/", "/admin/", "/docs/", "/visit/nothing"):
        assert framed(visitor, named, server.url + path).startswith("chrome-error:"), path
    with ExitStack() as stack:
        other = stack.enter_context(running_site())
        assert framed(visitor, other, book).startswith("chrome-error:")


AFTER_3_SECONDS = """new Promise(go => {
  const [page] = performance.getEntriesByType("navigation");
  setTimeout(go, page.responseStart + 3000 - performance.now());
})"""


def test_a_visit_is_booked_in_the_frame_of_another_site(
    named: Site, visitor: Page, server: Server
) -> None:
    cookies: list[str] = []
    visitor.on("response", lambda answer: cookies.extend(answer.header_values("set-cookie")))
    visitor.goto(named.origin)
    _is_as_tall_as_its_page(visitor)
    assert visitor.evaluate("scrollY") == 0
    frame = visitor.frame_locator("iframe")
    frame.get_by_label("First name").first.fill("Maximiliana")
    frame.get_by_label("Last name").first.fill("Featherstone")
    frame.get_by_label("Yes").check()
    # A form that is sent sooner after it was made is taken for a robot's.
    visitor.frames[1].evaluate(AFTER_3_SECONDS)
    proceed = frame.get_by_role("button", name="Continue")
    proceed.click()
    for heading in ("Where and with whom?", "Choose a day", "Choose a time"):
        expect(frame.get_by_role("heading", level=1)).to_have_text(heading)
        frame.get_by_role("radio").first.check()
        proceed.click()
    frame.get_by_label("Phone number").fill("212 555 0188")
    proceed.click()
    frame.get_by_role("button", name="Book this visit").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Your visit is booked")
    visitor.wait_for_function("heard.some(([, data]) => data.type === 'openchair:booked')")
    _is_as_tall_as_its_page(visitor)
    _begins_in_sight(visitor)
    _heard_no_more_than_steps(visitor.evaluate("heard"), server)
    assert (cookies, visitor.context.cookies()) == ([], [])
    frame.get_by_role("link", name="Move or cancel this visit").click()
    expect(visitor).to_have_url(re.compile(f"^{server.url}/visit/"))


def _is_as_tall_as_its_page(page: Page) -> None:
    frame = page.locator("iframe")
    expect(frame).to_have_attribute("title", "Book a visit at Acme Orthodontic Group")
    page.wait_for_function("heard.length && heard.at(-1)[1].type === 'openchair:height'")
    inside = page.frames[1]
    wanted = inside.evaluate("document.documentElement.offsetHeight")
    expect(frame).to_have_js_property("clientHeight", wanted)
    assert inside.evaluate("document.documentElement.scrollHeight") == wanted


def _begins_in_sight(page: Page) -> None:
    top = page.locator("iframe").evaluate("frame => frame.getBoundingClientRect().top")
    assert -1 < top < PHONE["height"]


def _heard_no_more_than_steps(heard: list[Any], server: Server) -> None:
    """Check that each message a site gets is one of those in the docs, with nothing else in it."""
    assert {origin for origin, _ in heard} == {server.url}
    told = [data for _, data in heard]
    steps = [each["step"] for each in told if each["type"] == "openchair:step"]
    assert steps == ["who", "where", "day", "time", "details", "check", "done"]
    heights = [each["height"] for each in told if each["type"] == "openchair:height"]
    assert all(isinstance(each, int) for each in heights)
    rest = [each for each in told if set(each) not in ({"type", "step"}, {"type", "height"})]
    assert rest == [{"type": "openchair:booked"}]
