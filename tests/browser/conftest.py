"""Fixtures of browser tests: Chromium by Playwright, logged-in people, the product."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.chromium import running_chromium
from tests.server import Server

# Long, for a busy machine.
PATIENCE = 30_000  # milliseconds
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Start the browser, once for all of these modules: none uses the database itself."""
    with running_chromium() as browser:
        yield browser


class Person:
    """Somebody logged in, whose requests and console messages are recorded."""

    def __init__(self, server: Server, context: BrowserContext, login: dict[str, str]) -> None:
        self.server = server
        self.practice = server.demo["practices"]
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)
        self._login = login
        self.go("/admin/")
        if self.page.get_by_label("Password").is_visible():
            self.log_in()

    def log_in(self) -> None:
        """Type name and password."""
        self.page.get_by_label("Username").fill(self._login["username"])
        self.page.get_by_label("Password").fill(self._login["password"])
        self.page.get_by_role("button", name="Log in").click()
        self.page.locator(".oc-account").wait_for()

    def _heard(self, message: ConsoleMessage) -> None:
        # So answers a form with a mistake, and one that asks whether something is meant.
        expected = re.search("status of (400|409)", message.text) is not None
        if message.type in {"error", "warning"} and not expected:
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.server.url, "data:", "blob:")):
            self.complaints.append(f"asked {request.url}")

    def go(self, path: str) -> Page:
        self.page.goto(self.server.url + path)
        return self.page

    def desk(self, kind: str, page: str) -> Page:
        """Open a page of the desk of one of the demo's practices."""
        return self.go(f"/admin/desk/{self.practice[kind]['id']}/{page}")


LogIn = Callable[..., Person]


@pytest.fixture(scope="package")
def sessions() -> dict[tuple[str, str], Any]:
    """Keep the cookies of who has logged in at which server, for the other tests."""
    return {}


@pytest.fixture
def log_in(
    server: Server, chromium: Browser, sessions: dict[tuple[str, str], Any]
) -> Iterator[LogIn]:
    """Return a function that logs somebody in; at the end no console may have errors."""
    opened: list[tuple[BrowserContext, Person]] = []

    def enter(who: str, **options: Any) -> Person:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        known = (server.url, who)
        context = chromium.new_context(storage_state=sessions.get(known), **options)
        person = Person(server, context, server.demo["staff"][who])
        sessions[known] = context.storage_state()
        opened.append((context, person))
        return person

    yield enter
    complaints = [complaint for _, person in opened for complaint in person.complaints]
    for context, _ in opened:
        context.close()
    assert complaints == []
