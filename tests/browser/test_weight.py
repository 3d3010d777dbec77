"""What pages weigh over the network, in Chromium: the first time, and with its cache filled."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import LogIn
from tests.conftest import only_once_on_sqlite
from tests.server import Server

pytestmark = only_once_on_sqlite


def weight(page: Page, open_it: Callable[[], Any]) -> int:
    """Return the bytes that came in, with headers, as compressed."""
    received: list[int] = []
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.on("Network.loadingFinished", lambda done: received.append(done["encodedDataLength"]))
    open_it()
    page.wait_for_load_state("networkidle")
    devtools.detach()
    return sum(received)


def test_the_board_weighs_30_kb_and_200_the_first_time(log_in: LogIn) -> None:
    person = log_in("exact")
    devtools = person.page.context.new_cdp_session(person.page)
    devtools.send("Network.clearBrowserCache")
    first = weight(person.page, lambda: person.desk("exact", "board/"))
    assert 50_000 < first <= 200_000  # the font alone has 48 kB
    again = person.page.context.new_page()
    person.page = again
    assert weight(again, lambda: person.desk("exact", "board/")) <= 30_000


@pytest.mark.parametrize(("path", "most"), [("/docs/", 300_000), ("/book/rtGB2", 20_000)])
def test_a_public_page_is_light_the_first_time(
    path: str, most: int, server: Server, chromium: Browser
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    assert 5_000 < weight(page, lambda: page.goto(server.url + path)) <= most
    context.close()
