"""A visit to every page and opened state of the admin that staff see; it can be repeated."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any

from playwright.sync_api import Page

from tests.browser.conftest import Person
from tests.browser.test_jobs import next_monday

PLAIN = [
    "hub/",
    "patients/",
    "patients/?status=cancelled",
    "openings/",
    "openings/?status=no_time",
    "weekly/",
    "history/",
    "ranges/",
    "not-entered/",
    "numbers/",
    "numbers/?period=week",
    "online-booking/poster/",
]
"""Pages of the desk on which there is nothing to be pressed first."""
SITE = "https://www.a-practice-with-a-long-name.example"
WORLD = ["practices/practice", "practices/location", "practices/doctor"]
_weeks = count(100)  # ahead: a week of its own for each visit, where nobody else has anything


class Week:
    """A Monday with openings in every state, made by a partner."""

    def __init__(self, person: Person, kind: str) -> None:
        self.person, self.kind = person, kind
        number = next(_weeks)
        self.day, self.phone = next_monday(number), f"212 555 1{number}"
        first = self.opening("T09:00", total_appointments=4)
        self.family = first
        mail = {"email": "theophilus.quimby@a-long-name.example.org", "language": "es"}
        self.theo = self.patient(first, "Theophilus", **self.exact("T09:00"), **mail)
        self.bea = self.patient(first, "Beatrix", **self.exact("T09:15"))
        self.held = self.patient(first, "Benedict", status="pending")
        self.free = self.opening("T10:30", total_appointments=2)
        self.nameless = self.opening("T13:00", **self.exact("T13:00"))
        self.later = self.opening("T14:30", total_appointments=2)
        self.closed = self.opening("T16:00")
        self.call("DELETE", f"booking/{self.closed}", None, 200)

    def exact(self, clock: str) -> dict[str, str]:
        """Return the fields with which a place is booked."""
        start = {"start_datetime": f"{self.day}{clock}"} if self.kind == "range" else {}
        return {"status": "booked", **start}

    def call(self, method: str, path: str, body: Any, status: int) -> Any:
        answer = self.person.server.call(method, f"/onlinescheduling/{path}", body)
        assert answer.status == status, answer.body
        return answer.json() if answer.body else None

    def opening(self, clock: str, **fields: Any) -> str:
        world = self.person.practice[self.kind]
        where = {"location_id": world["locations"][0], "doctor_id": world["doctors"][0]}
        start = {"start_datetime": f"{self.day}{clock}", "length": 60}
        return str(self.call("POST", "booking", {**where, **start, **fields}, 201)["id"])

    def patient(self, opening: str, first_name: str, **fields: Any) -> str:
        family = {"last_name": "Quimby", "guardian_name": "Marigold Quimby", "phone": self.phone}
        body = {"first_name": first_name, **family, **fields}
        made = self.call("POST", f"booking/{opening}/appointments", body, 201)
        return str(made["id"])


def pages_of_staff(person: Person, kind: str) -> Iterator[tuple[str, Page]]:
    """Yield every page that staff use, with its name and with everything folded opened."""
    week = Week(person, kind)
    for name, page in _pages(person, kind, week):
        open_all(page)
        yield name, page


def _pages(person: Person, kind: str, week: Week) -> Iterator[tuple[str, Page]]:
    yield "first page", person.page
    yield from _boards(person, kind, week)
    yield from _finding(person, kind)
    yield from _next_free(person, kind, week)
    yield from _mail(person, kind, week)
    yield from _openings(person, kind, week)
    yield from _forms(person, kind, week)
    if kind == "range":
        yield from _proposing(person, week)
    yield from _publishing(person, kind)
    for path in PLAIN:
        yield path, person.desk(kind, path)
    yield from _online_booking(person, kind)
    yield from _mail_settings(person, kind)
    yield from _calendars(person, kind)
    for model in WORLD:
        yield model, person.go(f"/admin/{model}/")
    yield "new doctor", person.go("/admin/practices/doctor/add/")
    world = person.practice[kind]
    doctor = f"/admin/practices/doctor/{world['doctors'][0]}"
    location = f"/admin/practices/location/{world['locations'][0]}"
    for path in (f"{location}/change/", f"{doctor}/change/", f"{doctor}/history/"):
        yield path, person.go(path)
    yield from _own_system(person, kind, week)
    yield from _account(person)
    page = person.desk(kind, "new-opening/")
    page.locator("#oc-idle").evaluate("dialog => dialog.showModal()")
    yield "idle", page
    yield from _waiting_list(person, kind, week)
    yield from _calls(person, kind, week)


def _account(person: Person) -> Iterator[tuple[str, Page]]:
    """Yield what is under one's name, with the menu opened, and its mistakes."""
    page = person.go("/admin/second-factor/")
    yield "second factor", page
    page = person.go("/admin/password_change/")
    page.locator(".oc-account summary").click()
    yield "password, with the menu", page
    page = person.go("/admin/password_change/")
    page.get_by_role("button", name="Change the password").click()
    page.locator(".oc-mistakes").wait_for()
    yield "password with mistakes", page


def _boards(person: Person, kind: str, week: Week) -> Iterator[tuple[str, Page]]:
    past = next_monday(0) - timedelta(days=3)
    day = week.day.isoformat()
    for path in (
        f"board/?day={day}",
        f"board/?day={day}&status=closed",
        f"board/?day={day}&view=week",
        "board/?view=week",
        "board/?view=month",
        f"board/?day={past}&view=week",
        f"sheet/?day={day}",
        f"sheet/?day={past}",
    ):
        yield path, person.desk(kind, path)
    page = person.desk(kind, f"board/?day={past}")
    assert page.locator(".oc-attend").count()
    yield "past day", page
    with page.expect_navigation():
        page.locator(".oc-block.has-attend .chip").first.click()
    yield "past opening", page


def _finding(person: Person, kind: str) -> Iterator[tuple[str, Page]]:
    page = person.desk(kind, "find/")
    yield "find", page
    for text, found in (("Quimby", True), ("Xyzzyx", False)):
        page.get_by_role("searchbox").fill(text)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert (page.locator(".oc-list").count() > 0) is found
        yield f"find {text}", page


def _next_free(person: Person, kind: str, week: Week) -> Iterator[tuple[str, Page]]:
    after = f"first={week.day}"
    both = f"visit={week.theo}&visit={week.bea}&{after}"
    for query, choices in (
        (after, True),
        (f"{after}&people=2", True),
        (f"visit={week.theo}&{after}", True),
        (both, True),
        (f"visit={week.held}&{after}", True),
        ("first=2190-01-01", False),
    ):
        page = person.desk(kind, f"next-free/?{query}")
        assert (page.locator(".oc-choice").count() > 0) is choices
        yield f"next free {query}", page


def _mail(person: Person, kind: str, week: Week) -> Iterator[tuple[str, Page]]:
    """Yield what is shown before a mail goes, with and without an address, and what is copied."""
    yield "cancel", person.desk(kind, f"place/{week.theo}/cancel/")
    yield "cancel without an address", person.desk(kind, f"place/{week.bea}/cancel/")
    page = person.desk(kind, f"place/{week.theo}/cancel/")
    page.locator("#id_words").evaluate("field => field.removeAttribute('maxlength')")
    page.get_by_label("Your note").fill("word " * 101)
    page.get_by_role("button", name="Cancel the visit").click()
    page.locator(".oc-mistakes").wait_for()
    yield "cancel with a mistake", page
    both = f"visit={week.theo}&visit={week.bea}&to={week.later}&to={week.later}"
    yield "move", person.desk(kind, f"move/?{both}")
    page = person.desk(kind, f"place/{week.theo}/")
    page.get_by_role("button", name="Copy the text").click()
    page.locator("#mail-text").wait_for()
    yield "text to copy", page


def _openings(person: Person, kind: str, week: Week) -> Iterator[tuple[str, Page]]:
    for name in ("family", "free", "nameless", "closed"):
        yield f"opening {name}", person.desk(kind, f"opening/{getattr(week, name)}/")
    yield "patient", person.desk(kind, f"place/{week.theo}/")
    page = person.desk(kind, f"place/{week.theo}/")
    page.get_by_label("Phone").fill("abc")
    page.get_by_role("button", name="Save").click()
    yield "patient with a mistake", page
    page = person.desk(kind, f"opening/{week.free}/?then={week.later}")
    for label, value in (("First name", "Theophilus"), ("Last name", "Quimby"), ("Phone", "abc")):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name=re.compile("^(Book|Reserve)$")).first.click()
    page.locator(".oc-mistakes").wait_for()
    yield "taking with a mistake", page
    page.get_by_label("Phone").fill(week.phone)
    page.get_by_role("button", name=re.compile("^(Book|Reserve)$")).first.click()
    page.get_by_text("already has a visit on").wait_for()
    yield "taking a second visit", page


def _forms(person: Person, kind: str, week: Week) -> Iterator[tuple[str, Page]]:
    """Yield forms that ask: what overlaps, whom an edit moves, what is missing."""
    yield "edit opening", person.desk(kind, f"opening/{week.family}/edit/")
    page = person.desk(kind, f"opening/{week.family}/edit/")
    page.get_by_label("Starts").fill(f"{week.day}T10:00")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("This moves patients").wait_for()
    yield "edit that asks", page
    page = person.desk(kind, "new-opening/")
    page.locator("form.oc-form").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Publish opening").click()
    yield "new opening with mistakes", page
    world = person.practice[kind]
    where = f"location={world['locations'][0]}&doctor={world['doctors'][0]}"
    page = person.desk(kind, f"new-opening/?{where}&start={week.day}T10:45")
    page.get_by_role("button", name="Publish opening").click()
    page.get_by_text("already has").wait_for()
    yield "new opening that overlaps", page
    if kind == "range":
        page = person.desk(kind, f"opening/{week.family}/")
        held = page.locator(f"#place-{week.held}")
        held.get_by_role("button", name="Book", exact=False).first.click()
        page.get_by_text("already has").wait_for()
        yield "exact time that overlaps", page


def _proposing(person: Person, week: Week) -> Iterator[tuple[str, Page]]:
    """Yield times to propose for a request, with a mistake, and Requests with what is proposed."""
    path = f"ranges/{week.patient(week.family, 'Theodora', status='reserved')}/propose/"
    yield "propose", person.desk("range", path)
    page = person.desk("range", path)
    page.get_by_role("button", name="Propose").click()
    page.locator(".oc-mistakes").wait_for()
    yield "propose with a mistake", page
    page = person.desk("range", path)
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Propose").click()
    page.get_by_text("Proposed, and on hold until").wait_for()
    yield "requests with proposed times", page


def _publishing(person: Person, kind: str) -> Iterator[tuple[str, Page]]:
    yield "publish", person.desk(kind, "publish/")
    page = person.desk(kind, "publish/")
    page.locator("form.oc-form").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Preview").click()
    yield "publish with mistakes", page
    page.get_by_label("Location").select_option(index=1)
    page.get_by_label("Doctor").select_option(index=1)
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri"):
        page.get_by_label(day).check()
    page.get_by_label("At", exact=True).fill("8:30, 9:00, 9:45")
    page.get_by_label("Until").fill(f"{page.get_by_label('From').input_value()[:4]}-12-31")
    page.get_by_label("Every week").check()
    page.get_by_role("button", name="Preview").click()
    page.locator("#preview").wait_for()
    yield "publish preview", page


def _online_booking(person: Person, kind: str) -> Iterator[tuple[str, Page]]:
    page = person.desk(kind, "online-booking/")
    yield "online booking", page
    for typed, found in (("practice.example", ".oc-mistakes"), (SITE, "#snippet-frame")):
        page.get_by_label("Websites that may show it").fill(typed)
        page.get_by_role("button", name="Save").click()
        page.locator(found).wait_for()
        yield f"online booking for {typed}", page


def _mail_settings(person: Person, kind: str) -> Iterator[tuple[str, Page]]:
    page = person.desk(kind, "mail/")
    page.get_by_label("Text in every e-mail about an upcoming visit, in English").fill(
        "Park behind."
    )
    yield "mail", page
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Changes").wait_for()
    yield "mail that was changed", page


def _calendars(person: Person, kind: str) -> Iterator[tuple[str, Page]]:
    yield "calendars", person.desk(kind, "calendars/")
    page = person.desk(kind, "calendars/")
    page.get_by_role("button", name=re.compile("^Make a link")).first.click()
    page.locator("#link").wait_for()
    yield "calendar link", page
    page = person.desk(kind, "calendars/")
    page.locator("details", has_text="Revoke").first.locator("summary").click()
    page.get_by_role("button", name="Revoke the link").click()
    page.get_by_text("no longer works").wait_for()
    yield "calendar link revoked", page


def _own_system(person: Person, kind: str, week: Week) -> Iterator[tuple[str, Page]]:
    """Yield what is not yet in the practice's own software, which is the demo's partner here."""
    practice = person.practice[kind]["id"]
    mark = f"OwnSystem.objects.get_or_create(practice_id={practice!r}, partner_id='demoFull')"
    person.server.manage("shell", "-v0", "-c", f"from practices.models import OwnSystem; {mark}")
    failed = {"external_status": "failed", "external_reason": "No column. " * 18}
    for visit in (week.theo, week.bea):
        week.call("PUT", f"appointment/{visit}", {**failed, "external_id": "4" * 40}, 200)
    yield "not entered", person.desk(kind, "not-entered/")
    yield "board that says so", person.desk(kind, "board/")
    yield "visit not entered", person.desk(kind, f"place/{week.theo}/")
    page = person.desk(kind, "not-entered/")
    page.get_by_role("button", name=re.compile("^Mark as entered")).first.click()
    page.get_by_text("Marked as entered.").wait_for()
    yield "not entered, one marked", page
    page.get_by_role("link", name="See the visit").click()
    page.get_by_role("button", name="Mark as not entered").wait_for()
    yield "visit entered", page


def _waiting_list(person: Person, kind: str, week: Week) -> Iterator[tuple[str, Page]]:
    """Put families on the list for the week's day alone: one is offered a place, one is paused."""
    yield "waiting list", person.desk(kind, "waiting-list/")
    yield "wait for an earlier time", person.desk(kind, f"waiting-list/add/?visit={week.theo}")
    for name, email in (("Ottoline", "ottoline@a-long-name.example.org"), ("Peregrine", "")):
        page = person.desk(kind, f"waiting-list/add/?people=2&first={week.day}")
        page.get_by_label("First name").fill(name)
        page.get_by_label("Last name").fill("Featherstonehaugh")
        page.get_by_label("Phone").fill("12")
        page.get_by_label("E-mail", exact=False).first.fill(email)
        page.get_by_label("Until").fill(week.day.isoformat())
        page.get_by_role("button", name="Add to the list").click()
        page.locator(".oc-mistakes").wait_for()
        yield f"add {name} with a mistake", page
        page.get_by_label("Phone").fill(week.phone)
        page.get_by_role("button", name="Add to the list").click()
        page.get_by_text("is on the waiting list").wait_for()
        yield f"{name} on the waiting list", page
    page.get_by_role("button", name=re.compile("^Pause")).click()
    page.get_by_text("Paused by").wait_for()
    yield "family that is paused", page
    page.get_by_role("button", name=re.compile("^Withdraw")).click()
    page.get_by_text("The offer is withdrawn").wait_for()
    page.get_by_role("link", name=re.compile("^Offer…")).click()
    page.get_by_role("heading", name="Does not fit").wait_for()
    yield "times to offer", page
    yield "waiting list of two", person.desk(kind, "waiting-list/")
    yield "free places", person.desk(kind, f"waiting-list/free/?first={week.day}")
    yield "board with an offer", person.desk(kind, f"board/?day={week.day}")


def _calls(person: Person, kind: str, week: Week) -> Iterator[tuple[str, Page]]:
    """Close the week's day, and call its patients."""
    yield "close", person.desk(kind, "close/")
    yield "close preview", _close_preview(person, kind, week.day)
    page = _close_preview(person, kind, week.day)
    page.get_by_role("button", name=re.compile("to call$")).click()
    yield "call list", page
    page.get_by_role("button", name=re.compile("^Reached")).first.click()
    page.get_by_role("heading", name="Done today").wait_for()
    yield "call list, some done", page


def _close_preview(person: Person, kind: str, day: date) -> Page:
    page = person.desk(kind, "close/")
    for label in ("From", "Until"):
        page.get_by_label(label).fill(day.isoformat())
    page.get_by_role("button", name="Preview").click()
    page.locator("#preview").wait_for()
    return page


def open_all(page: Page) -> None:
    """Open what is folded."""
    page.evaluate("for (const each of document.querySelectorAll('#main details')) each.open = true")
