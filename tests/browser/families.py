"""A family that books on a practice's page in Chromium, a method for each step, in its language."""

import re
from collections.abc import Callable
from itertools import count

from django.utils import translation
from django.utils.translation import gettext
from playwright.sync_api import Locator, Page, expect

ADULT = ["Ada Quimby"]
CHILDREN = ["Theophilus Quimby", "Beatrix Quimby"]
GUARDIAN = "Marigold Quimby"
_phones = count(150)  # one for each family, for a number has limits


class Hand:
    """Somebody who taps and types; both are counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.taps = self.fields = self.keys = 0

    def tap(self, target: Locator) -> None:
        """Press a button, follow a link or choose a radio button (its label is what is tapped)."""
        target.click()
        self.taps += 1

    def choose(self, radio: Locator) -> None:
        self.tap(radio.locator("xpath=(following-sibling::label | ancestor::label)[1]"))

    def type(self, field: Locator, text: str) -> None:
        """Tap into a field and type."""
        self.tap(field)
        self.page.keyboard.type(text)
        self.fields += 1
        self.keys += len(text)


class Keyboard(Hand):
    """Somebody who has no mouse and no touch screen, and looks for the focus each time it moves."""

    MOST = 60
    """Most times that Tab is pressed to reach something."""

    def tap(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Enter")

    def choose(self, radio: Locator) -> None:
        """Tab to the group, then arrows: so radio buttons are worked."""
        group = radio.get_attribute("name")
        self._reach(self.page.locator(f"input[name={group}]:focus"))
        while not radio.evaluate("each => each === document.activeElement"):
            self.page.keyboard.press("ArrowDown")
        if not radio.is_checked():
            self.page.keyboard.press("Space")

    def type(self, field: Locator, text: str) -> None:
        self._reach(field)
        self.page.keyboard.type(text)

    def _reach(self, target: Locator) -> None:
        for _ in range(self.MOST):
            self.page.keyboard.press("Tab")
            style = "getComputedStyle(document.activeElement)"
            assert self.page.evaluate(f"parseFloat({style}.outlineWidth)") >= 2, "focus not seen"
            focused = "each => each === document.activeElement"
            if target.count() and target.first.evaluate(focused):
                return
        raise AssertionError(f"Tab does not lead to {target}")


class Family:
    """One to four people; `look` is called on every page, with the step's name."""

    def __init__(
        self,
        page: Page,
        address: str,
        *,
        language: str = "en",
        people: list[str] = ADULT,
        guardian: str = "",
        hand: Hand | None = None,
        look: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.page, self.address, self.language = page, address, language
        self.people, self.guardian = people, guardian
        self.hand = hand or Hand(page)
        self.look = look

    def say(self, text: str) -> str:
        """Return a text of the pages in the family's language."""
        with translation.override(self.language):
            return gettext(text)

    def heading(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(self.say(text))

    def go_on(self, button: str = "Continue") -> None:
        self.hand.tap(self.page.get_by_role("button", name=self.say(button), exact=True))

    def who(self) -> None:
        """Step 1, from the first address on. People need three seconds, robots less."""
        self.page.goto(self.address)
        self.heading("Who is coming?")
        if len(self.people) > 1:
            self.hand.choose(self.page.locator(f"[name=count][value='{len(self.people)}']"))
        for nth, name in enumerate(self.people, 1):
            first, last = name.split()
            self.hand.type(self.page.locator(f"[name=first_name_{nth}]"), first)
            self.hand.type(self.page.locator(f"[name=last_name_{nth}]"), last)
        adult = "no" if self.guardian else "yes"
        self.hand.choose(self.page.locator(f"[name=adult][value={adult}]"))
        if self.guardian:
            self.hand.type(self.page.locator("[name=guardian_name]"), self.guardian)
        self.look("who")
        self.page.wait_for_timeout(3000)
        self.go_on()

    def where(self) -> None:
        """Step 2, with what it begins with: any office, any doctor."""
        self.heading("Where and with whom?")
        self.look("where")
        self.go_on()

    def day(self) -> None:
        """Step 3, the first day."""
        self.heading("Choose a day")
        self.look("day")
        self.hand.choose(self.page.locator("[name=day]").first)
        self.go_on()

    def time(self) -> None:
        """Step 4, the first time of the day; afterwards it is held."""
        self.page.locator("[name=time]").first.wait_for()
        self.look("time")
        self.hand.choose(self.page.locator("[name=time]").first)
        self.go_on()

    def details(self) -> None:
        """Step 5: a phone number is enough."""
        self.heading("How can we reach you?")
        self.look("details")
        self.hand.type(self.page.locator("[name=phone]"), f"212555{next(_phones):04}")
        self.go_on()

    def check(self) -> None:
        """Step 6: the button that books."""
        self.heading("Check before you book")
        for name in self.people:
            expect(self.page.locator("main")).to_contain_text(name)
        self.look("check")
        self.go_on("Book these visits" if len(self.people) > 1 else "Book this visit")

    def done(self) -> None:
        """Step 7."""
        self.page.wait_for_url("**/done?*")
        expect(self.page.locator("main")).to_contain_text(self.people[0])
        self.look("done")

    def visit(self) -> None:
        """From the last step: the page on which the first of them manages the visit."""
        link = self.page.get_by_role("link", name=self.say("Move or cancel this visit"))
        self.hand.tap(link.first)
        self.page.wait_for_url("**/visit/*")
        self.look("visit")

    def manage(self) -> None:
        """Say that the first of them comes, move that visit, and cancel it."""
        self.visit()
        if self.page.get_by_role("button", name=self.say("Confirm this visit")).count():
            self.go_on("Confirm this visit")
            self.page.get_by_text(self.say("You confirmed this visit.")).wait_for()
            self.look("confirmed")
        self.hand.tap(self.page.get_by_role("link", name=self.say("Move this visit")))
        for what in ("day", "time"):
            self.page.wait_for_url(re.compile("/move$" if what == "day" else "/move/time"))
            self.look(f"move, {what}")
            self.hand.choose(self.page.locator("[type=radio]").first)
            self.go_on()
        self.heading("Check the new time")
        self.look("move, check")
        self.go_on("Move this visit")
        cancel = self.page.get_by_role("link", name=self.say("Cancel this visit"))
        cancel.wait_for()
        self.look("moved")
        self.hand.tap(cancel)
        self.heading("Do you want to cancel this visit?")
        self.look("cancel")
        self.go_on("Cancel this visit")
        self.heading("This visit is cancelled")
        self.look("cancelled")

    def book(self) -> None:
        """Go through all seven steps."""
        for step in (self.who, self.where, self.day, self.time):
            step()
        for step in (self.details, self.check, self.done):
            step()
