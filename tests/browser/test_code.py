"""A family books with the code from its mail, in Chromium, with the worker and a mail server."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.families import CHILDREN, GUARDIAN, Family, Hand, Keyboard
from tests.browser.looks import EVERY, PHONE, faults
from tests.conftest import only_once_on_sqlite
from tests.messages.smtp import Receiver, receiving
from tests.server import ROOT, Server, running_server

pytestmark = [only_once_on_sqlite, pytest.mark.nightly]
_ASK = "from practices.models import *; MailSettings.objects.create(practice_id={!r}, code=True)"


@dataclass
class House:
    """A practice that asks for a code, with what its mail server got."""

    server: Server
    receiver: Receiver

    def address(self, language: str) -> str:
        prefix = "" if language == "en" else f"/{language}"
        return f"{self.server.url}{prefix}/book/{self.server.demo['practices']['exact']['id']}"

    def code(self, nth: int = 1) -> str:
        """Wait for the nth mail, and return its code."""
        until = time.monotonic() + 30
        while len(self.codes) < nth:
            assert time.monotonic() < until, "no mail came"
            time.sleep(0.1)
        return self.codes[-1][1]

    @property
    def codes(self) -> list[tuple[str, str]]:
        """The addresses and codes that came; families of the demo are reminded of visits, too."""
        mails = [(each["To"], each.get_body(("plain",))) for each in self.receiver.got]
        texts = [(to, mail.get_content()) for to, mail in mails if mail is not None]
        return [
            (to, code) for to, text in texts for code in re.findall(r"^\d{6}\b", text, re.MULTILINE)
        ]


@pytest.fixture
def house() -> Iterator[House]:
    receiver = Receiver()
    with (
        receiving(receiver) as port,
        running_server(
            EMAIL_URL=f"smtp://127.0.0.1:{port}", EMAIL_FROM="office@example.com"
        ) as server,
    ):
        server.manage("shell", "-c", _ASK.format(server.demo["practices"]["exact"]["id"]))
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "worker"], cwd=ROOT, env=server.environment
        )
        yield House(server, receiver)
        worker.terminate()
        assert worker.wait(timeout=30) == 0


@pytest.mark.parametrize(
    ("language", "scripts", "by"), [("en", True, Keyboard), ("es", False, Hand)]
)
def test_the_code_from_the_mail_is_typed_and_books(
    language: str, scripts: bool, by: type[Hand], house: House, chromium: Browser
) -> None:
    context = chromium.new_context(
        viewport={"width": PHONE[0], "height": 844}, java_script_enabled=scripts
    )
    page, found = context.new_page(), list[str]()

    def look(step: str) -> None:
        if scripts:
            found.extend(f"{step}: {each}" for each in faults(page, EVERY))

    family = Family(
        page,
        house.address(language),
        language=language,
        people=CHILDREN,
        guardian=GUARDIAN,
        hand=by(page),
    )
    for step in (family.who, family.where, family.day, family.time):
        step()
    family.look = look
    family.heading("How can we reach you?")
    family.go_on()
    expect(page.locator("main")).to_contain_text(
        family.say("Enter an e-mail address, or call the office to book.")
    )
    look("details with a mistake")
    family.hand.type(page.locator("[name=email]"), "wrong@example.org")
    family.go_on()
    family.heading("Check before you book")
    first = house.code()
    family.hand.tap(page.get_by_role("link", name=family.say("Use another address")))
    page.locator("[name=email]").fill("marigold@example.org")
    family.go_on()
    expect(page.locator("#sent")).to_contain_text("marigold@example.org")
    code = house.code(2)
    look("check")
    family.hand.type(page.get_by_label(family.say("Code from our e-mail")), first)
    family.go_on("Book these visits")
    expect(page.locator("main")).to_contain_text(
        family.say("That is not the code. Check our latest e-mail to you.")
    )
    look("check with a mistake")
    family.go_on("Send the code again")
    expect(page.locator("#sent")).to_have_attribute("role", "status")
    assert house.code(3) == code
    page.get_by_role("link", name="English" if language == "es" else "Español").click()
    page.get_by_role("link", name="Español" if language == "es" else "English").click()
    family.hand.type(
        page.get_by_label(family.say("Code from our e-mail")), f"{code[:3]} {code[3:]}"
    )
    page.keyboard.press("Enter")
    family.done()
    expect(page.locator("main")).to_contain_text("marigold@example.org")
    assert [to for to, _ in house.codes] == [
        "wrong@example.org",
        *["marigold@example.org"] * 2,
    ]
    assert found == []
    context.close()
