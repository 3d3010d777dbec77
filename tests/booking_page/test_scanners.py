"""What a mail scanner may do: open every link there is, any number of times; nothing changes."""

import re
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from bookings.models import EntryStatus
from bookings.patients import links
from bookings.scheduling import appointments, proposals
from bookings.scheduling.actors import PATIENT, Actor
from bookings.scheduling.waitlist import entries
from practices.models import Kind
from tests.booking_page.journey import REACHED, Browser
from tests.booking_page.visits import House, Phone
from tests.bookings.test_patients import everything_stored
from tests.desk.world import person
from tests.factories import NOON
from tests.waitlist.families import held, join, look

pytestmark = pytest.mark.django_db
STATUSES = {
    Kind.EXACT: ["booked", "pending", "cancelled"],
    Kind.RANGE: ["reserved"],
}


def links_of_visits(house: House, kind: Kind) -> list[str]:
    """Return addresses of visits in every status, and of where one of them could move to."""
    free, found = house.opening(9), []
    for status in STATUSES[kind]:
        phone = Phone(visit := house.visit(status=status.replace("cancelled", "booked")))
        if status == "cancelled":
            appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=visit.created_at)
        chosen = ("/move/time?day=2026-06-09", f"/move/check?time={free.pk}&day=2026-06-09")
        found += [phone.address + page for page in ("", "/reminders", *chosen)]
    if kind == Kind.RANGE:
        request = house.visit()
        staff = Actor.of_staff(person("ann", house.practice))
        times = [proposals.Choice(free.pk, NOON + timedelta(days=8))]
        proposals.propose(appointment_id=request.pk, choices=times, by=staff, now=NOON)
        answers = ("", "/take", "/other-times", "/give-up")
        found += [Phone(request).address + page for page in answers]
    return found


def links_of_the_waiting_list(house: House) -> list[str]:
    """Return the addresses of families that are offered a time, wait, are paused, and have left."""
    opening, far = house.opening(12), date(2027, 1, 1)
    offered = join(house.practice, "Ann", earliest=date(2026, 6, 12))
    waiting, paused, left = (join(house.practice, name, earliest=far) for name in "BCD")
    entries.pause(entry_id=paused.pk, by=PATIENT, now=NOON)
    entries.end(entry_id=left.pk, status=EntryStatus.LEFT, by=PATIENT, now=NOON)
    look(house.practice)
    assert held(offered)[0].booking_id == opening.pk
    every = (offered, waiting, paused, left)
    return [f"/waiting/{links.give(each)}" for each in every]


def links_of_steps(house: House) -> list[str]:
    """Return the addresses of all steps of a family that has booked, and of one that has not."""
    house.opening(2, total_appointments=2)
    booked, waiting = Browser(house, "Ann"), Browser(house, "Ben", address="192.0.2.2")
    found = [f"/book/{house.practice.pk}"]
    for browser in (booked, waiting):
        found += [browser.open("where").url, browser.open("day").url]
        found += [browser.hold().url, browser.send("details", **REACHED).url]
        found += [browser.open("time").url, browser.open("gone").url, browser.open("extend").url]
    booked.open("check")
    done = booked.send("check").url
    assert "/done?" in done
    return [*found, waiting.open("check").url, done]


def addresses(page: Any) -> list[str]:
    """Return what a page links to, and where its forms are sent, on this server."""
    if not page["Content-Type"].startswith("text/html"):
        return []
    found = re.findall(r'(?:href|action)="(/[^"]*)"', page.text)
    return [each.replace("&amp;", "&") for each in found if not each.startswith("/static/")]


def without_state(address: str) -> str:
    """Return an address without the state, which is sealed anew on each page."""
    parts = urlsplit(address)
    return f"{parts.path} {[each for each in parse_qsl(parts.query) if each[0] != 'state']}"


@pytest.mark.parametrize(
    ("kind", "times"),
    [
        (Kind.EXACT, 1),
        pytest.param(Kind.EXACT, 50, marks=pytest.mark.nightly),
        pytest.param(Kind.RANGE, 50, marks=pytest.mark.nightly),
    ],
)
def test_whoever_opens_every_link_changes_nothing(
    clock: Any, db: None, kind: Kind, times: int
) -> None:
    house, scanner = House(kind), Client()
    to_open = links_of_visits(house, kind) + links_of_steps(house)
    to_open += links_of_the_waiting_list(house)
    before, seen = everything_stored(), {without_state(each) for each in to_open}
    while to_open:
        address = to_open.pop()
        for _ in range(times):
            page = scanner.get(address)
            assert page.status_code < 500
            assert scanner.head(address).status_code == page.status_code
        leads_to = [page["Location"]] if page.has_header("Location") else addresses(page)
        new = {without_state(each): each for each in leads_to if without_state(each) not in seen}
        to_open += new.values()
        seen |= new.keys()
    assert len(seen) > 40
    assert everything_stored() == before
