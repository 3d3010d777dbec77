"""Families on the waiting list open their links, in Chromium: every form of the page they show."""

import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from bookings import walltime
from bookings.models import Appointment, EntryStatus, OfferOutcome, WaitlistEntry
from bookings.patients import links
from bookings.patients.record import Patient
from bookings.scheduling import bookings
from bookings.scheduling.actors import CLOCK, PATIENT
from bookings.scheduling.waitlist import entries, offers
from practices.models import Practice
from tests.browser.looks import EVERY, PHONE, faults
from tests.conftest import only_once_on_sqlite
from tests.server import Server, running_server

pytestmark = only_once_on_sqlite


def prepare(practice_id: str) -> None:
    """Put families on the list, in the server's database, and print the token of each."""
    now, practice = walltime.now(), Practice.objects.get(pk=practice_id)

    def join(name: str, *, visits: Any = (), **wishes: Any) -> WaitlistEntry:
        now = walltime.now()
        who = Patient(first_name=name, last_name="Quimby", email=f"{name}@family.example")
        wanted: Any = {"people": len(visits) or 1, **wishes}
        return entries.join(practice, who, wanted, by=PATIENT, now=now, visits=visits)

    later = (now + timedelta(days=500)).date()
    wishes: Any = {"weekdays": ["mon", "wed"], "parts": ["morning", "late_morning"]}
    booked = Appointment.objects.filter(booking__practice=practice, status="booked")
    visit = booked.filter(booking__start_datetime__gt=now + timedelta(days=2)).first()
    assert visit is not None
    made = {
        "offered": join("Offered"),
        "family": join("Family", people=2),
        "late": join("Late"),
        "waiting": join("Waiting", earliest=later, **wishes),
        "paused": join("Paused", earliest=later),
        "left": join("Left", earliest=later),
    }
    bookings.catch_up(practice_id=practice_id, now=now)
    late, ids = made["late"].offers.get(), {name: each.pk for name, each in made.items()}
    entries.pause(entry_id=ids["late"], by=CLOCK, now=now)  # before it is offered another time
    WaitlistEntry.objects.filter(pk=ids["paused"]).update(unanswered=2)
    entries.pause(entry_id=ids["paused"], by=CLOCK, now=now)
    entries.end(entry_id=ids["left"], status=EntryStatus.LEFT, by=PATIENT, now=now)
    offers.end(offer_id=late.pk, outcome=OfferOutcome.UNANSWERED, by=CLOCK, now=now)
    made["earlier"] = join("Earlier", visits=[visit])  # not before: they would be offered that one
    sys.stdout.write(json.dumps({name: links.give(each) for name, each in made.items()}))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Run a server of this module's own: whatever becomes free there is offered to its families."""
    with running_server() as running:
        yield running


@pytest.fixture(scope="module")
def tokens(server: Server) -> dict[str, str]:
    practice_id = server.demo["practices"]["exact"]["id"]
    script = f"from tests.browser.test_waiting import prepare; prepare({practice_id!r})"
    found: dict[str, str] = json.loads(server.manage("shell", "-v0", "-c", script))
    return found


@pytest.mark.parametrize(
    ("language", "looks"), [("en", [PHONE]), pytest.param("es", EVERY, marks=pytest.mark.nightly)]
)
def test_every_form_of_the_page_is_sound(
    server: Server, chromium: Browser, tokens: dict[str, str], language: str, looks: Any
) -> None:
    page, found, shown = chromium.new_page(), list[str](), list[str]()
    prefix = server.url if language == "en" else f"{server.url}/{language}"
    for path in (*tokens.values(), f"{tokens['offered']}/leave", "cut-off"):
        page.goto(f"{prefix}/waiting/{path}")
        found += faults(page, looks)
        shown.append(page.get_by_role("heading", level=1).inner_text())
    page.close()
    assert found == []
    assert len({*shown}) == 7


def test_a_family_says_its_names_and_takes_the_offer_without_scripts(
    server: Server, chromium: Browser, tokens: dict[str, str]
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/waiting/{tokens['family']}")
    page.get_by_label("First name").fill("Ben")
    page.get_by_role("button", name="Take these times").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the last name")
    expect(page.get_by_label("First name")).to_have_value("Ben")
    page.get_by_label("Last name").fill("Quimby")
    page.get_by_role("button", name="Take these times").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your visits are booked")
    page.get_by_role("link", name=re.compile("^Move or cancel this visit ?: Ben")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your visit")
    context.close()


def test_who_declines_with_scripts_is_still_on_the_list_and_may_leave_it(
    server: Server, chromium: Browser, tokens: dict[str, str]
) -> None:
    page = chromium.new_page()
    page.goto(f"{server.url}/waiting/{tokens['offered']}")
    page.get_by_role("button", name="No thanks, stay on the list").click()
    expect(page.get_by_role("status")).to_contain_text("You did not take that time.")
    page.goto(f"{server.url}/waiting/{tokens['offered']}/leave")
    page.get_by_role("button", name="Leave the waiting list").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "You are no longer on the waiting list"
    )
    page.close()
