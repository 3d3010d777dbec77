"""A patient's way through the booking page: reads its forms and sends them."""

import html
import re
from typing import Any

from django.test import Client

from practices.models import BookingPage, Practice

ADULT = {"count": "1", "first_name_1": "Ann", "last_name_1": "Lee", "adult": "yes"}
CHILDREN = {
    "count": "2",
    "first_name_1": "Ann",
    "last_name_1": "Lee",
    "first_name_2": "Ben",
    "last_name_2": "Lee",
    "adult": "no",
    "guardian_name": "Joan Lee",
}


def opened(practice: Practice, **said: Any) -> BookingPage:
    """Switch a practice's booking page on, or change it."""
    page, _ = BookingPage.objects.update_or_create(
        practice=practice, defaults={"active": True, **said}
    )
    return page


class Patient:
    """A browser without scripts and cookies, which types slowly enough to be a person."""

    def __init__(self, practice: Practice, clock: Any, language: str = "") -> None:
        self.client = Client()
        self.clock = clock
        self.get(f"{language}/book/{practice.pk}")

    def get(self, address: str) -> "Patient":
        return self._shows(address, self.client.get(address, follow=True))

    def send(self, **said: Any) -> "Patient":
        """Send the form with what is typed, besides its hidden fields, and follow."""
        self.clock.shift(10)
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.html)
        action = re.search(r'<form method="post" action="([^"]*)"', self.html)
        assert action is not None, self.text
        sent = {**{name: html.unescape(value) for name, value in hidden}, **said}
        return self._shows(action[1], self.client.post(action[1], sent, follow=True))

    def follow(self, words: str) -> "Patient":
        """Follow the link with these words."""
        found = re.search(rf'href="([^"]*)"[^>]*>{words}<', self.html)
        assert found is not None, words
        return self.get(html.unescape(found[1]))

    def _shows(self, asked: str, response: Any) -> "Patient":
        self.status = response.status_code
        if response.redirect_chain:
            asked = response.redirect_chain[-1][0]
        self.address = asked
        self.path = asked.partition("?")[0]
        self.response = response
        self.html = response.content.decode()
        return self

    @property
    def step(self) -> str:
        """The end of the path: day, say; empty on the first page."""
        return re.sub(r"^(/es)?/book/[^/]*/?", "", self.path)

    @property
    def text(self) -> str:
        """The page as it is read."""
        body = re.sub(r"<head>.*?</head>|<[^>]*>", " ", self.html, flags=re.DOTALL)
        return " ".join(html.unescape(body).split())

    def choices(self, name: str) -> dict[str, str]:
        """Return the radio buttons of a name: the words of each, and its value."""
        found = re.findall(
            rf'name="{name}" id="([^"]*)" value="([^"]*)"[^>]*><label [^>]*>(.*?)</label>',
            self.html,
        )
        return {
            " ".join(html.unescape(re.sub(r"<[^>]*>", " ", words)).split()): value
            for _, value, words in found
        }

    def choose(self, name: str, words: str = "") -> "Patient":
        """Choose the first radio button whose words begin so, and send."""
        of = self.choices(name)
        return self.send(**{name: next(of[each] for each in of if each.startswith(words))})
