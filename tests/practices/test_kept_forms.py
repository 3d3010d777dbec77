"""Whose login ends while they type: what they send is kept in the page until they are back."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment
from openchair import kept_forms
from tests.desk.world import House, person
from tests.practices.conftest import PASSWORD, give_password

PATIENT = {"first_name": "Ada", "last_name": "Brook", "phone": "555 0199", "status": "booked"}
IS_KEPT = "What you sent is kept in this window"


@pytest.fixture
def typist(house: House) -> Client:
    """Log in at the practice, in a browser that has to send the tokens of its pages."""
    client = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    log_in(client, hidden(client.get("/admin/login/")))
    return client


@pytest.fixture
def opening(house: House) -> str:
    """Give the address of an opening's page; a patient is sent to one below it."""
    return house.address(f"opening/{house.booking.pk}/")


def hidden(page: Any) -> dict[str, list[str]]:
    """Read a page's hidden fields."""
    found: dict[str, list[str]] = {}
    pattern = r'<input type="hidden" name="([^"]+)" value="([^"]*)"'
    for name, value in re.findall(pattern, page.content.decode()):
        found.setdefault(unescape(name), []).append(unescape(value))
    return found


def token(page: Any) -> str:
    return hidden(page)["csrfmiddlewaretoken"][0]


def log_in(
    client: Client, fields: dict[str, Any], username: str = "quillon-desk", password: str = PASSWORD
) -> Any:
    said = {**fields, "username": username, "password": password}
    return client.post(
        "/admin/login/", {**said, "csrfmiddlewaretoken": fields["csrfmiddlewaretoken"][:1]}
    )


def names() -> set[str]:
    return {place.person.first_name for place in Appointment.objects.all()}


def sent_too_late(
    client: Client, opening: str, clock: Traveller, path: str = "", **values: Any
) -> Any:
    """Send a form of the opening's page when the login has ended; give what is answered."""
    page = client.get(opening)
    assert page.status_code == 200
    clock.shift(timedelta(minutes=15))
    fields = {**(values or PATIENT), "csrfmiddlewaretoken": token(page)}
    return client.post(path or f"{opening}patient/", fields)


def test_what_was_typed_is_sent_after_the_login(
    typist: Client, opening: str, clock: Traveller
) -> None:
    asked = sent_too_late(typist, opening, clock)
    assert IS_KEPT in asked.content.decode()
    assert "no-store" in asked.headers["Cache-Control"]
    assert "Ada" not in names()

    again = log_in(typist, hidden(asked), password="wrong")
    assert IS_KEPT in again.content.decode()
    kept = log_in(typist, hidden(again))
    assert "no-store" in kept.headers["Cache-Control"]
    assert "<dt>First name</dt> <dd>Ada</dd>" in kept.content.decode()
    assert f'action="{opening}patient/"' in kept.content.decode()
    fields = hidden(kept)
    assert [fields[name] for name in PATIENT] == [[value] for value in PATIENT.values()]
    # The login's new token, and not the one that was sent.
    assert len(fields["csrfmiddlewaretoken"]) == 2  # its own, and the menu's to log out
    assert typist.post(f"{opening}patient/", fields).status_code == 302
    assert "Ada" in names()


def test_a_page_from_before_the_login_does_not_work_after_it(
    typist: Client, opening: str, clock: Traveller
) -> None:
    before = token(typist.get(opening))
    log_in(typist, hidden(sent_too_late(typist, opening, clock)))
    old = {**PATIENT, "csrfmiddlewaretoken": before}
    assert typist.post(f"{opening}patient/", old).status_code == 403


def test_repeated_fields_and_the_address_are_kept_whole(
    typist: Client, house: House, clock: Traveller
) -> None:
    page = house.address("publish/")
    asked = sent_too_late(
        typist, page, clock, f"{page}?first=2026-06-02", days=["0", "3"], length="45", seen="x"
    )
    kept = log_in(typist, hidden(asked))
    assert f'action="{page}?first=2026-06-02"' in kept.content.decode()
    assert hidden(kept)["days"] == ["0", "3"]
    assert hidden(kept)["seen"] == ["x"]
    assert re.findall("<dt>(.*?)</dt>", kept.content.decode()) == ["Days", "Days", "Length"]


def test_another_person_does_not_see_it(
    house: House, typist: Client, opening: str, clock: Traveller
) -> None:
    give_password(person("Quillon-Desk", house.practice))  # for accounts, another name
    asked = sent_too_late(typist, opening, clock)
    entered = log_in(typist, hidden(asked), "Quillon-Desk")
    assert entered.headers["Location"] == f"{opening}patient/"


def test_nobody_sends_what_another_typed_before(
    house: House, typist: Client, opening: str, clock: Traveller
) -> None:
    """The page is the first one's, the login since is another's: whose it is, is not known."""
    give_password(person("colleague", house.practice))
    late = {**PATIENT, "csrfmiddlewaretoken": token(typist.get(opening))}
    clock.shift(timedelta(minutes=15))
    log_in(typist, hidden(typist.get("/admin/login/")), "colleague")
    typist.post("/admin/logout/", {"csrfmiddlewaretoken": token(typist.get(opening))})
    assert typist.post(f"{opening}patient/", late).status_code == 403


def test_it_is_kept_nowhere_and_can_be_read_by_nobody(
    typist: Client, opening: str, clock: Traveller, settings: Any
) -> None:
    asked = sent_too_late(typist, opening, clock)
    assert "Brook" not in asked.content.decode()
    assert all("Brook" not in str(one.get_decoded()) for one in Session.objects.all())
    # With another key, it is as if nothing had been kept.
    settings.PATIENT_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    assert log_in(typist, hidden(asked)).headers["Location"] == f"{opening}patient/"


def test_it_is_kept_for_an_hour(typist: Client, opening: str, clock: Traveller) -> None:
    asked = sent_too_late(typist, opening, clock)
    clock.shift(timedelta(minutes=61))
    assert log_in(typist, hidden(asked)).headers["Location"] == f"{opening}patient/"


@pytest.mark.parametrize(
    "typed",
    [
        {"old_password": PASSWORD, "new_password1": "b"},
        {"label": "Key", "once": "x"},
        {"do": "close", "seen": "open"},
        {"message": "x" * kept_forms.LONGEST},
    ],
    ids=["password", "key", "button", "too long"],
)
def test_what_is_secret_or_no_more_than_a_button_or_too_much_is_not_kept(
    typist: Client, opening: str, typed: dict[str, str], clock: Traveller
) -> None:
    sent_away = sent_too_late(typist, opening, clock, **typed)
    assert sent_away.headers["Location"] == f"/admin/login/?next={opening}patient/"


@pytest.mark.parametrize("made_up", ["x", "gAAAAAB", "é"])
def test_what_is_made_up_is_not_kept(typist: Client, opening: str, made_up: str) -> None:
    typist.post("/admin/logout/", {"csrfmiddlewaretoken": token(typist.get(opening))})
    page = hidden(typist.get("/admin/login/"))
    assert log_in(typist, {**page, "kept": made_up}).status_code == 302


def test_a_page_that_is_older_than_another_login_is_shown_to_be_sent(
    typist: Client, opening: str, clock: Traveller
) -> None:
    late = {**PATIENT, "csrfmiddlewaretoken": token(typist.get(opening))}
    clock.shift(timedelta(minutes=15))
    log_in(typist, hidden(typist.get("/admin/login/")))  # in another window
    ours = {"origin": "http://localhost"}
    shown = typist.post(f"{opening}patient/", late, headers=ours)
    assert "<dd>Ada</dd>" in shown.content.decode()
    assert "Ada" not in names()
    assert typist.post(f"{opening}patient/", hidden(shown), headers=ours).status_code == 302
    assert "Ada" in names()


def test_of_two_windows_both_are_kept_whichever_logs_in_first(
    typist: Client, opening: str, clock: Traveller
) -> None:
    page = token(typist.get(opening))
    clock.shift(timedelta(minutes=15))
    late = [
        typist.post(
            f"{opening}patient/", {**PATIENT, "first_name": name, "csrfmiddlewaretoken": page}
        )
        for name in ("Ada", "Bea")
    ]
    assert "<dd>Ada</dd>" in log_in(typist, hidden(late[0])).content.decode()
    fields = {**hidden(late[1]), "username": "quillon-desk", "password": PASSWORD}
    shown = typist.post("/admin/login/", fields, headers={"origin": "http://localhost"})
    assert "<dd>Bea</dd>" in shown.content.decode()
    assert "<dt>Password</dt>" not in shown.content.decode()


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", None])
def test_what_another_site_sends_is_not_shown(
    origin: str | None, typist: Client, opening: str
) -> None:
    headers = {} if origin is None else {"origin": origin}
    refused = typist.post(f"{opening}patient/", PATIENT, headers=headers)
    assert refused.status_code == 403
    assert "Nothing was changed" in refused.content.decode()
    elsewhere = typist.post("/docs/", PATIENT, headers={"origin": "http://localhost"})
    assert elsewhere.status_code == 403


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded; charset=latin-1",
        "application/x-www-form-urlencoded; charset=rot13",
        "multipart/form-data; boundary=x; charset=rot13",
    ],
)
def test_a_form_that_cannot_be_read_is_a_400(typist: Client, opening: str, kind: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    refused = typist.generic("POST", f"{opening}patient/", body, content_type=kind)
    assert refused.status_code == 400
    assert "The server cannot read this request" in refused.content.decode()
