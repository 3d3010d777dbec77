"""What a mail scanner may do: open every link there is, any number of times; nothing changes."""

import re
from typing import Any

import pytest
from django.test import Client

from bookings.scheduling import appointments
from bookings.scheduling.actors import PATIENT
from practices.models import Kind
from tests.booking_page.visits import House, Phone
from tests.bookings.test_patients import everything_stored

pytestmark = pytest.mark.django_db
STATUSES = {
    Kind.EXACT: ["booked", "pending", "cancelled"],
    Kind.RANGE: ["reserved"],
}


def addresses(page: Any) -> set[str]:
    """Return what a page links to, and where its forms are sent, on this server."""
    found = re.findall(r'(?:href|action)="(/[^"]*)"', page.text)
    return {each.replace("&amp;", "&") for each in found if not each.startswith("/static/")}


@pytest.mark.parametrize("times", [2, pytest.param(50, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("kind", Kind)
def test_whoever_opens_every_link_changes_nothing(
    clock: Any, db: None, kind: Kind, times: int
) -> None:
    house, scanner = House(kind), Client()
    openings = [house.opening(day) for day in (9, 10)]
    to_open = {f"/book/{house.practice.pk}"}
    for status in STATUSES[kind]:
        taken = "booked" if status == "cancelled" else status
        phone = Phone(visit := house.visit(status=taken))
        if status == "cancelled":
            appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=visit.created_at)
        chosen = f"{phone.address}/move/check?time={openings[0].pk}&day=2026-06-09"
        to_open |= {phone.address, chosen, f"{phone.address}/move/time?day=2026-06-09"}
    before, opened = everything_stored(), set[str]()
    while to_open:
        address = to_open.pop()
        opened.add(address)
        for _ in range(times):
            page = scanner.get(address)
            assert page.status_code < 500
            assert scanner.head(address).status_code == page.status_code
        if page["Content-Type"].startswith("text/html") and page.status_code < 300:
            to_open |= addresses(page) - opened
    assert len(opened) > 15
    assert everything_stored() == before
