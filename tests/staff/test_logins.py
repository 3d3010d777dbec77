"""Logins of the admin: throttling, idle and absolute session limits."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment
from openchair.api.models import Counter
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, browser
from tests.staff.conftest import PASSWORD

pytestmark = only_once_on_sqlite


def attempt(client: Client, username: str, password: str, address: str = "192.0.2.1") -> Any:
    """Try to log in from an address."""
    return client.post(
        "/admin/login/",
        {"username": username, "password": password, "next": "/admin/"},
        REMOTE_ADDR=address,
        headers={"host": "localhost"},
    )


def test_a_person_of_the_staff_logs_in_and_out(house: House) -> None:
    client = Client(headers={"host": "localhost"})
    assert attempt(client, "quillon-desk", PASSWORD).headers["Location"] == "/admin/"
    assert client.get(house.address("board/")).status_code == 200
    client.post("/admin/logout/")
    assert client.get(house.address("board/")).status_code == 302


def test_too_many_tries_are_refused_the_right_password_too(house: House, settings: Any) -> None:
    settings.LOGIN_LIMIT = (5, 60)
    for _ in range(5):
        assert (
            "Wrong username or password" in attempt(Client(), "quillon-desk", "x").content.decode()
        )
    refused = attempt(Client(), "quillon-desk", PASSWORD)
    assert "Too many attempts for this account from here. Wait 1 minute" in refused.content.decode()
    # What was tried is not readable in the counters.
    assert not Counter.objects.filter(name__contains="quillon").exists()


def test_the_real_person_elsewhere_is_not_locked_out(house: House, settings: Any) -> None:
    settings.LOGIN_LIMIT = (5, 60)
    for _ in range(9):
        attempt(Client(), "quillon-desk", "x", address="203.0.113.9")
    assert attempt(Client(), "quillon-desk", PASSWORD, address="192.0.2.1").status_code == 302


def test_the_real_person_at_the_same_address_is_not_locked_out(house: House, settings: Any) -> None:
    settings.LOGIN_LIMIT = (5, 60)
    own = Client(headers={"host": "localhost"})
    assert attempt(own, "quillon-desk", PASSWORD).status_code == 302
    own.post("/admin/logout/")
    for _ in range(9):
        attempt(Client(), "quillon-desk", "x")
    assert "Too many" in attempt(Client(), "quillon-desk", PASSWORD).content.decode()
    assert attempt(own, "quillon-desk", PASSWORD).status_code == 302


def test_a_known_browser_is_slowed_down_too(house: House, settings: Any) -> None:
    settings.LOGIN_LIMIT = (5, 60)
    own = Client(headers={"host": "localhost"})
    attempt(own, "quillon-desk", PASSWORD)
    own.post("/admin/logout/")
    for _ in range(5):
        attempt(own, "quillon-desk", "x")
    assert "Too many" in attempt(own, "quillon-desk", PASSWORD).content.decode()


def test_the_right_password_starts_the_count_anew(house: House, settings: Any) -> None:
    settings.LOGIN_LIMIT = (3, 60)
    for _ in range(4):
        attempt(Client(), "quillon-desk", "x")
        clock_free = attempt(Client(), "quillon-desk", "y", address="192.0.2.7")
        assert "Too many" not in clock_free.content.decode()
        assert attempt(Client(), "quillon-desk", PASSWORD, address="192.0.2.7").status_code == 302


@pytest.mark.parametrize(
    ("minutes", "in_all", "stays"),
    [(14, 14, True), (15, 15, False), (10, 11 * 60 + 50, True), (10, 12 * 60, False)],
)
def test_sessions_end_idle_and_at_most_after_twelve_hours(
    minutes: int, in_all: int, stays: bool, house: House, clock: Traveller
) -> None:
    client = Client(headers={"host": "localhost"})
    attempt(client, "quillon-desk", PASSWORD)
    statuses = []
    for _ in range(in_all // minutes):
        clock.shift(timedelta(minutes=minutes))
        statuses.append(client.get(house.address("board/")).status_code)
    assert statuses == [*([200] * (len(statuses) - 1)), 200 if stays else 302]


def test_a_wrong_password_does_not_make_a_session_last(house: House, clock: Traveller) -> None:
    client = Client(headers={"host": "localhost"})
    attempt(client, "quillon-desk", PASSWORD)
    for _ in range(12 * 6 - 1):
        clock.shift(timedelta(minutes=10))
        attempt(client, "quillon-desk", "wrong")
        assert client.get(house.address("board/")).status_code == 200
    clock.shift(timedelta(minutes=10))
    assert client.get(house.address("board/")).status_code == 302


def test_who_is_idle_on_a_page_stays_logged_in_by_one_request(
    house: House, clock: Traveller
) -> None:
    client = Client(headers={"host": "localhost"})
    attempt(client, "quillon-desk", PASSWORD)
    for _ in range(3):
        assert 'data-left="900"' in client.get(house.address("board/")).content.decode()
        clock.shift(timedelta(minutes=14))
        assert client.get("/admin/stay/").status_code == 204
    clock.shift(timedelta(minutes=15))
    assert client.get("/admin/stay/").status_code == 302


def test_what_is_sent_after_the_login_has_ended_changes_nothing(
    house: House, clock: Traveller
) -> None:
    client = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    client.force_login(house.staff)
    page = house.address(f"opening/{house.booking.pk}/")
    fields = {"status": "booked", "first_name": "Ada", "csrfmiddlewaretoken": token(client, page)}
    clock.shift(timedelta(minutes=15))
    late = client.post(f"{page}patient/", fields)
    assert late.headers["Location"] == f"/admin/login/?next={page}patient/"
    client.force_login(house.staff)
    token(client, page)
    assert client.post(f"{page}patient/", fields | {"csrfmiddlewaretoken": "x"}).status_code == 403
    assert "Ada" not in {place.person.first_name for place in Appointment.objects.all()}


def token(client: Client, path: str) -> str:
    """Return the CSRF token of a page's forms."""
    page = client.get(path).content.decode()
    found: list[str] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    return found[0]


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded; charset=latin-1",
        "application/x-www-form-urlencoded; charset=rot13",
        "multipart/form-data; boundary=x; charset=rot13",
    ],
)
def test_a_form_that_cannot_be_read_is_a_400(house: House, kind: str) -> None:
    client = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    client.force_login(house.staff)
    page = house.address(f"opening/{house.booking.pk}/")
    token(client, page)
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    refused = client.generic("POST", f"{page}patient/", body, content_type=kind)
    assert refused.status_code == 400
    assert "The server could not read this request" in refused.content.decode()


def test_a_page_of_the_admin_is_kept_by_nobody_and_framed_by_nobody(house: House) -> None:
    answer = browser(house.staff).get(house.address("board/"))
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
