"""The desk's page "Calendars": links are made, replaced and revoked; names are the practice's."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from bookings.models import CalendarLink
from practices.models import CalendarSettings
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, browser, forms, person, said

pytestmark = only_once_on_sqlite
ADDRESS = re.compile(r'<code id="link">(http://localhost/calendar/[A-Za-z0-9_-]{27}\.ics)</code>')


@pytest.fixture
def page(house: House) -> str:
    return house.address("calendars/")


def press(client: Client, page: str, action: str, **more: Any) -> Any:
    """Press the first button of the page that leads to such an address."""
    (form, *_) = forms(client.get(page), action)
    return client.post(f"{page}{action}/", {**form, **more})


def shown(answer: Any) -> str:
    found = ADDRESS.search(answer.content.decode())
    assert found is not None
    return found[1]


def test_a_link_is_shown_once_used_replaced_and_revoked(
    house: House, desk: Client, page: str
) -> None:
    assert "No link" in said(desk.get(page))
    first = shown(press(desk, page, "link"))
    assert first not in desk.get(page).content.decode()
    calendar = Client(headers={"host": "localhost"})
    assert "never used" in said(desk.get(page))
    assert calendar.get(first).status_code == 200
    assert "last used Mon, Jun 1, 2026, 12:00 PM" in said(desk.get(page))
    second = shown(press(desk, page, "link"))
    assert (calendar.get(first).status_code, calendar.get(second).status_code) == (404, 200)
    answer = press(desk, page, "revoke")
    assert answer.status_code == 302
    assert calendar.get(second).status_code == 404
    entries = LogEntry.objects.filter(object_id=house.staff.pk).order_by("pk")
    told = [each.get_change_message() for each in entries]
    verbs = ["Created", "Replaced", "Revoked"]
    assert told == [f"{verb} the link to the calendar of Dr. Quillonson" for verb in verbs]


def test_a_page_that_is_reloaded_makes_no_other_link(desk: Client, page: str) -> None:
    (blank,) = forms(desk.get(page), "link")
    first = shown(desk.post(f"{page}link/", blank))
    assert "made already" in said(desk.post(f"{page}link/", blank, follow=True))
    (replacing,) = forms(desk.get(page), "link")
    second = shown(desk.post(f"{page}link/", replacing))
    assert "made already" in said(desk.post(f"{page}link/", replacing, follow=True))
    calendar = Client(headers={"host": "localhost"})
    assert (calendar.get(first).status_code, calendar.get(second).status_code) == (404, 200)


def test_it_says_how_to_add_it_and_what_it_is_not(desk: Client, page: str) -> None:
    text = said(press(desk, page, "link"))
    for word in ("cannot be shown again", "From URL", "8 to 24 hours", "iPhone", "Outlook"):
        assert word in text
    assert "changes are made on the board" in text


def test_nobody_touches_anothers_link_but_an_operator(
    mine: House, other: House, staff: Client
) -> None:
    theirs = browser(other.staff)
    press(theirs, other.address("calendars/"), "link")
    colleague = person("colleague", mine.practice)
    press(browser(colleague), mine.address("calendars/"), "link")
    for link in CalendarLink.objects.all():
        for house in (mine, other):
            answer = staff.post(house.address("calendars/revoke/"), {"link": link.pk})
            assert answer.status_code == (302 if house is mine else 404)
    for doctor in (other.doctor.pk, "nobody", "\x00", ""):
        answer = staff.post(mine.address("calendars/link/"), {"doctor": doctor})
        assert answer.status_code == 404
    assert "colleague" not in said(staff.get(mine.address("calendars/")))
    assert CalendarLink.objects.count() == 2
    operator = browser(person("operator", is_superuser=True))
    page = mine.address("calendars/")
    assert "colleague · Dr. Quillonson" in said(operator.get(page))
    assert "Does not work" not in said(operator.get(page))
    colleague.memberships.all().delete()
    assert "Does not work" in said(operator.get(page))
    account = f"/admin/auth/user/{colleague.pk}/change/"
    assert "Calendar of Dr. Quillonson" in said(operator.get(account))
    assert press(operator, page, "revoke").status_code == 302
    assert CalendarLink.objects.get().user == other.staff
    (entry,) = LogEntry.objects.filter(object_id=colleague.pk, change_message__contains="Revoked")
    assert entry.user.get_username() == "operator"
    assert "Calendar of" not in said(operator.get(account))


def test_names_are_switched_on_with_a_warning_and_who_did_it(
    house: House, desk: Client, page: str
) -> None:
    assert "then has them too" in said(desk.get(page))
    assert "without patients’ names" in said(desk.get(page))
    answer = desk.post(page, {"names": "on"}, follow=True)
    assert f"{house.staff} Patients’ names in calendar links: no → yes" in said(answer)
    assert CalendarSettings.objects.get(practice=house.practice).names
    assert "with the patients’ names" in said(answer)


def test_a_login_that_ended_meanwhile_or_a_second_press_says_what_is_the_case(
    house: House, desk: Client, page: str
) -> None:
    for act in ("link/", "revoke/"):
        assert "so nothing was done" in said(desk.get(f"{page}{act}", follow=True))
    press(desk, page, "link")
    link = CalendarLink.objects.get().pk
    first, second = (desk.post(f"{page}revoke/", {"link": link}, follow=True) for _ in range(2))
    assert "no longer works" in said(first)
    assert "revoked or replaced already" in said(second)
