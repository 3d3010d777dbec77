"""Families book, and manage their visits, in Chromium: on a phone, by keyboard, without scripts.

With each push one adult books; at night families do in both languages and kinds of practice, with
scripts and without, and every page on their way is looked at in every look.
"""

import re
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.families import ADULT, CHILDREN, GUARDIAN, Family, Keyboard
from tests.browser.looks import EVERY, PHONE, faults
from tests.conftest import only_once_on_sqlite
from tests.server import Server, running_server

pytestmark = only_once_on_sqlite

MOST_BYTES = 60_000
"""Of the whole journey, pages and files, as they are sent."""
_numbers = count(10)


@pytest.fixture(scope="module")
def many_addresses() -> Iterator[Server]:
    """Run a server that takes each family's address from a header: an address has limits."""
    with running_server(TRUSTED_PROXIES="127.0.0.1") as running:
        yield running


class Phone:
    """A browser of somebody's own: its requests, bytes and complaints are recorded."""

    def __init__(self, server: Server, chromium: Browser, *, scripts: bool = True) -> None:
        self.server, self.has_scripts = server, scripts
        self._copy: Page | None = None
        address = {"X-Forwarded-For": f"198.51.100.{next(_numbers)}"}
        self.context = chromium.new_context(
            viewport={"width": PHONE[0], "height": 844},
            extra_http_headers=address,
            java_script_enabled=scripts,
        )
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.bytes = 0
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfinished", self._asked)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.server.url, "data:")):
            self.complaints.append(f"asked {request.url}")
        sizes = request.sizes()
        self.bytes += sizes["responseBodySize"] + sizes["responseHeadersSize"]

    def close(self) -> None:
        self.context.close()
        if self._copy is not None:
            self._copy.close()

    def to_look_at(self) -> Page:
        """Return the page; of one without scripts a copy in which only its own do not run.

        axe is a script, too.
        """
        if self.has_scripts:
            return self.page
        if self._copy is None:
            self._copy = self.page.context.browser.new_page()  # type: ignore[union-attr]  # launched
            self._copy.route("**/*.js", lambda route: route.abort())
        self._copy.goto(self.page.url)
        return self._copy

    def address(self, kind: str, language: str = "en") -> str:
        prefix = "" if language == "en" else f"/{language}"
        return f"{self.server.url}{prefix}/book/{self.server.demo['practices'][kind]['id']}"


@pytest.fixture
def phone(many_addresses: Server, chromium: Browser) -> Iterator[Callable[..., Phone]]:
    """Return a function that gives somebody a phone; at the end none may have complained."""
    phones: list[Phone] = []

    def given(*, scripts: bool = True) -> Phone:
        phones.append(Phone(many_addresses, chromium, scripts=scripts))
        return phones[-1]

    yield given
    complaints = [each for one in phones for each in one.complaints]
    cookies = [each for one in phones for each in one.context.cookies()]
    for one in phones:
        one.close()
    assert (complaints, cookies) == ([], [])


def test_an_adult_books_with_twelve_taps_three_fields_and_sixty_kilobytes(
    phone: Callable[..., Phone],
) -> None:
    own = phone()
    found: list[str] = []
    family = Family(
        own.page,
        own.address("exact"),
        look=lambda step: found.extend(f"{step}: {each}" for each in faults(own.page, [PHONE])),
    )
    family.book()
    assert found == []
    assert (family.hand.taps <= 12, family.hand.fields) == (True, 3)
    assert own.bytes <= MOST_BYTES


@pytest.mark.nightly
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", ["exact", "range"])
def test_two_children_get_a_visit_and_move_and_cancel_it(
    kind: str, language: str, scripts: bool, phone: Callable[..., Phone]
) -> None:
    own = phone(scripts=scripts)
    found: list[str] = []
    looked: list[str] = []

    def look(step: str) -> None:
        looked.append(step)
        found.extend(f"{step}: {each}" for each in faults(own.to_look_at(), EVERY))

    family = Family(
        own.page,
        own.address(kind, language),
        language=language,
        people=CHILDREN,
        guardian=GUARDIAN,
        look=look,
    )
    family.book()
    family.manage()
    assert found == []
    assert len(looked) >= 14


@pytest.mark.nightly
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_family_joins_the_waiting_list_where_no_time_fits(
    language: str, phone: Callable[..., Phone]
) -> None:
    own, found = phone(), list[str]()

    def look(step: str) -> None:
        found.extend(f"{step}: {each}" for each in faults(own.page, EVERY))

    family = Family(
        own.page,
        own.address("exact", language),
        language=language,
        people=CHILDREN,
        guardian=GUARDIAN,
    )
    family.who()
    family.where()
    link = own.page.get_by_role("link", name=family.say("Join the waiting list"))
    family.hand.tap(link)
    family.heading("Join the waiting list")
    look("waiting")
    family.go_on("Join the waiting list")
    own.page.locator(".mistakes").wait_for()
    look("nobody can be reached")
    family.hand.type(own.page.locator("[name=phone]"), "2125550199")
    family.go_on("Join the waiting list")
    look("times like this are free")
    family.hand.choose(own.page.locator("[name=weekdays][value=sun]"))
    family.go_on("Join the waiting list")
    family.heading("You are on the waiting list")
    look("done")
    own.complaints[:] = [each for each in own.complaints if "status of 40" not in each]
    assert found == []


@pytest.mark.nightly
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_family_asks_for_an_earlier_time_and_stops_it(
    language: str, phone: Callable[..., Phone]
) -> None:
    own, found = phone(), list[str]()

    def look(step: str) -> None:
        found.extend(f"{step}: {each}" for each in faults(own.page, EVERY))

    family = Family(own.page, own.address("exact", language), language=language)
    family.who()
    family.where()
    family.hand.choose(own.page.locator("[name=day]").last)
    family.go_on()
    family.time()
    family.hand.choose(own.page.locator("[name=earlier]"))
    family.look = look
    for step in (family.details, family.check, family.done, family.visit):
        step()
    told = "We will tell you if an earlier time becomes free."
    expect(own.page.get_by_text(family.say(told))).to_be_visible()
    family.hand.tap(own.page.get_by_role("link", name=family.say("Stop telling me")))
    family.heading("You are on the waiting list for an earlier time")
    look("told")
    family.go_on("Stop telling me")
    family.heading("Do you want to come earlier?")
    look("asked")
    assert found == []


@pytest.mark.nightly
def test_a_mail_scanner_that_runs_scripts_opens_every_link_and_changes_nothing(
    phone: Callable[..., Phone],
) -> None:
    own, links = phone(), set[str]()

    def look(step: str = "") -> None:
        here = own.page.evaluate("[location.href, ...[...document.links].map(each => each.href)]")
        links.update(each for each in here if each.startswith(own.server.url))

    Family(own.page, own.address("exact"), people=CHILDREN, guardian=GUARDIAN, look=look).book()
    look()
    manage = next(each for each in sorted(links) if re.search("/visit/[^/]+$", each))
    own.page.goto(manage)
    look()
    practice_id = own.server.demo["practices"]["exact"]["id"]
    newest = f"/onlinescheduling/practice/{practice_id}/changes?after=latest"
    before = own.server.call("GET", newest).json()["cursor"]
    scanner = phone()
    for link in sorted(links):
        for _ in range(50):
            if link.endswith(".ics"):
                assert scanner.context.request.get(link).ok
            else:
                scanner.page.goto(link)
    assert len(links) > 12
    assert own.server.call("GET", newest).json()["cursor"] == before
    own.page.goto(manage)
    expect(own.page.get_by_role("button", name="Confirm this visit")).to_be_visible()


@pytest.mark.nightly
@pytest.mark.parametrize(("kind", "people"), [("exact", CHILDREN), ("range", ADULT)])
def test_everything_is_done_by_keyboard_alone(
    kind: str, people: list[str], phone: Callable[..., Phone]
) -> None:
    own = phone()
    family = Family(
        own.page,
        own.address(kind),
        people=people,
        guardian=GUARDIAN if people == CHILDREN else "",
        hand=Keyboard(own.page),
    )
    family.book()
    family.manage()


@pytest.mark.nightly
@pytest.mark.parametrize("language", ["en", "es"])
def test_pages_that_refuse_or_warn(language: str, phone: Callable[..., Phone]) -> None:
    own, found = phone(), list[str]()

    def look(step: str) -> None:
        found.extend(f"{step}: {each}" for each in faults(own.page, EVERY))

    def send_empty(step: str) -> None:
        if step in {"day", "time", "details"}:
            with own.page.expect_navigation():
                own.page.get_by_role("button", name=family.say("Continue")).click()
            assert own.page.title().startswith("Error:")
            look(f"{step} with a mistake")

    address = own.address("exact", language)
    family = Family(own.page, address, language=language, look=send_empty)
    own.page.goto(address)
    family.go_on()
    look("who with mistakes")
    for step in (family.who, family.where, family.day, family.time, family.details):
        step()
    family.heading("Check before you book")
    own.page.locator("#clock").evaluate("dialog => dialog.showModal()")
    look("the clock")
    for wrong in (
        f"{address}?state=worn",
        own.address("ungranted", language),
        address.replace("/book/", "/visit/no"),
    ):
        own.page.goto(wrong)
        look(wrong)
    own.complaints[:] = [each for each in own.complaints if "status of 40" not in each]
    assert found == []


@pytest.mark.nightly
def test_neither_back_nor_the_other_language_loses_what_is_typed(
    phone: Callable[..., Phone],
) -> None:
    own = phone()
    family = Family(own.page, own.address("exact"), people=CHILDREN, guardian=GUARDIAN)
    family.who()
    family.heading("Where and with whom?")
    own.page.go_back()
    last = own.page.locator("[name=last_name_2]")
    expect(last).to_have_value("Quimby")
    last.fill("Brook")
    own.page.get_by_role("link", name="Español").click()
    expect(own.page.get_by_role("heading", level=1)).to_have_text("¿Quién viene?")
    expect(last).to_have_value("Brook")
    expect(own.page.get_by_label("2", exact=True)).to_be_checked()
