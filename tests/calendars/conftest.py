"""Links to a doctor's calendar, and the calendar read back as calendars read it."""

from typing import Any

import pytest
from django.test import Client
from icalendar import Calendar

from bookings.calendars import links
from tests.desk.world import person
from tests.factories import NOON, Scene


class Reader:
    """Somebody with a link to the calendar of a scene's doctor, and a program that looks."""

    def __init__(self, scene: Scene, name: str = "ana.ruiz") -> None:
        self.scene, self.user = scene, person(name, scene.practice)
        token = links.make(scene.doctor, user=self.user, now=NOON)
        assert token is not None
        self.token, self.path = token, f"/calendar/{token}.ics"
        self.link = self.user.calendar_links.get()

    def ask(self, method: str = "GET", **headers: str) -> Any:
        """Return the answer to a request; headers with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(headers={"host": "localhost"}).generic(method, self.path, headers=named)

    def calendar(self) -> Any:
        answer = self.ask()
        assert answer.status_code == 200
        return Calendar.from_ical(answer.content)

    def entries(self) -> list[Any]:
        return list(self.calendar().events)

    def entry(self) -> Any:
        (entry,) = self.entries()
        return entry

    def said(self) -> list[str]:
        return [str(each["SUMMARY"]) for each in self.entries()]


@pytest.fixture
def reader(scene: Scene) -> Reader:
    return Reader(scene)


@pytest.fixture
def range_reader(range_scene: Scene) -> Reader:
    return Reader(range_scene)
