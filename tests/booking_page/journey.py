"""A browser without scripts on the booking page: it follows links and sends forms, step by step."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from bookings.booking_page.state import State
from practices.models import BookingPage
from tests.factories import NOON, Scene

REACHED = {"phone": "212 555 0123", "email": "anne@example.org", "message": "Ring twice"}


class Browser:
    """At the step that `url` is the address of, with `page` as its text."""

    def __init__(self, scene: Scene, *names: str, address: str = "192.0.2.1") -> None:
        self.practice = scene.practice
        self.client = Client(REMOTE_ADDR=address)
        BookingPage.objects.get_or_create(practice=scene.practice, defaults={"active": True})
        people = tuple((name, "Lovelace") for name in names or ("Ada",))
        self.state = State.begin(
            scene.practice.pk, NOON - timedelta(minutes=1), people=people
        ).sealed()
        self.url = self.page = ""
        self.status = 0

    def open(self, step: str) -> "Browser":
        """Open a step with the state that the browser has."""
        return self.follow(f"/book/{self.practice.pk}/{step}?state={self.state}")

    def follow(self, url: str) -> "Browser":
        return self._arrive(self.client.get(url, follow=True), url)

    def send(self, step: str, /, **fields: Any) -> "Browser":
        """Send the form of a step, with the hidden fields that the page has."""
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.page))
        url = f"/book/{self.practice.pk}/{step}"
        data = {"state": self.state, **hidden, **fields}
        return self._arrive(self.client.post(url, data, follow=True), url)

    def _arrive(self, answer: Any, url: str) -> "Browser":
        self.url = answer.redirect_chain[-1][0] if answer.redirect_chain else url
        self.page, self.status = answer.text, answer.status_code
        self.headers = answer.headers
        sent = parse_qs(urlsplit(self.url).query).get("state")
        self.state = sent[0] if sent else self.state
        return self

    @property
    def step(self) -> str:
        return urlsplit(self.url).path.rpartition("/")[2]

    @property
    def heading(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.page, re.DOTALL)
        return found[1].strip() if found else ""

    def times(self) -> list[str]:
        return re.findall(r'name="time"[^>]* value="([^"]*)"', self.page)

    def hold(self, day: str = "2026-06-02", nth: int = 0) -> "Browser":
        """Choose a day and its nth time."""
        self.open("day").send("day", day=day)
        return self.send("time", time=self.times()[nth])

    def check(self, **typed: str) -> "Browser":
        """Choose the first time, and say how the office reaches the family."""
        return self.hold().send("details", **(typed or REACHED))

    def book(self) -> "Browser":
        return self.check().send("check")
