"""The second factor of a login: who is asked, and what becomes of sessions."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from time_machine import Traveller

from openchair.staff import second_factor, totp
from openchair.staff.models import RecoveryCode, SecondFactor
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House
from tests.staff import steps
from tests.staff.conftest import PASSWORD
from tests.staff.steps import PAGE, code, give_code, give_password, is_in, new_client

pytestmark = only_once_on_sqlite


@pytest.fixture
def codes(house: House) -> list[str]:
    """Give the practice's desk a factor; return its recovery codes."""
    return steps.give_factor(house.staff)


def history(user: Any) -> list[str]:
    rows = LogEntry.objects.filter(object_id=user.pk, content_type__model="user")
    return [row.get_change_message() for row in rows.order_by("pk")]


def test_a_person_sets_a_factor_up_and_logs_in_with_it(house: House) -> None:
    client = new_client()
    give_password(client)
    secret, recovery = steps.set_up(client)
    assert (secret, len(set(recovery))) == (steps.secret_of(house.staff), 10)
    assert is_in(client)
    assert "<b>10</b> recovery codes left" in client.get(PAGE).content.decode()
    other = new_client()
    page = house.address("week/")
    asked = give_password(other, then=page)
    assert asked.headers["Location"] == f"{steps.CODE_PAGE}?next={page.replace('/', '%2F')}"
    assert not is_in(other)
    # The first code was used up when the factor was set up.
    used = totp.code_at(secret, int(time.time()) // 30)
    assert "already used" in give_code(other, used).content.decode()
    assert history(house.staff) == ["Set up a second factor"]


def test_after_the_password_the_code_leads_where_one_wanted_to_go(
    house: House, codes: list[str]
) -> None:
    client = new_client()
    asked = give_password(client, then=house.address("week/"))
    page = client.get(asked.headers["Location"]).content.decode()
    assert 'autocomplete="one-time-code"' in page
    assert 'inputmode="numeric"' in page
    spaced = f" {code()[:3]} {code()[3:]} "
    let_in = client.post(asked.headers["Location"], {"code": spaced})
    assert let_in.headers["Location"] == house.address("week/")
    assert is_in(client)


def test_nobody_is_led_to_another_site(house: House, codes: list[str]) -> None:
    client = new_client()
    give_password(client)
    let_in = client.post(f"{steps.CODE_PAGE}?next=https://evil.example/", {"code": code()})
    assert let_in.headers["Location"] == "/admin/"


def test_the_session_has_another_key_after_the_password_and_after_the_code(
    house: House, codes: list[str]
) -> None:
    client = new_client()
    give_password(client)
    before = client.cookies["sessionid"].value
    give_code(client, code())
    assert client.cookies["sessionid"].value != before
    stale = new_client()
    stale.cookies["sessionid"] = before
    assert not is_in(stale)
    assert give_code(stale, code(30)).headers["Location"].startswith("/admin/login/")


def test_the_password_is_good_for_five_minutes(
    house: House, codes: list[str], clock: Traveller
) -> None:
    client = new_client()
    give_password(client)
    clock.shift(timedelta(minutes=5))
    assert give_code(client, code()).headers["Location"].startswith("/admin/login/?next=")
    assert not is_in(client)


@pytest.mark.parametrize(
    "text", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "12\x003456", "1" * 41]
)
def test_what_is_no_code_is_refused(house: House, codes: list[str], text: str) -> None:
    client = new_client()
    give_password(client)
    refused = give_code(client, text)
    page = refused.content.decode()
    assert (refused.status_code, "<title>Error: " in page) == (200, True)
    assert 'aria-describedby="id_code_error"' in page
    assert not is_in(client)


def test_a_recovery_code_logs_in_once(house: House, codes: list[str]) -> None:
    client = new_client()
    give_password(client)
    typed = codes[3].upper().replace("-", " ")
    assert give_code(client, "", recovery_code=typed).status_code == 302
    assert is_in(client)
    assert RecoveryCode.objects.count() == 9
    assert history(house.staff)[-1] == "Logged in with a recovery code; 9 left"
    other = new_client()
    give_password(other)
    assert "already used" in give_code(other, "", recovery_code=codes[3]).content.decode()
    assert not is_in(other)


def test_a_recovery_code_counts_though_a_wrong_code_still_stands_in_the_form(
    house: House, codes: list[str]
) -> None:
    client = new_client()
    give_password(client)
    page = give_code(client, "123456", recovery_code="aaaa-bbbb-cccc-dddd").content.decode()
    assert "<details open>" in page
    assert give_code(client, "123456", recovery_code=codes[0]).status_code == 302
    assert is_in(client)


def test_new_recovery_codes_end_the_old_ones(house: House, codes: list[str]) -> None:
    client = steps.logged_in(house.staff)
    wrong = client.post(PAGE, {"do": "codes", "password": "wrong"})
    assert "This is not your password." in wrong.content.decode()
    assert codes[0] not in client.post(PAGE, {"do": "codes", "password": PASSWORD}).content.decode()
    other = new_client()
    give_password(other)
    assert "wrong" in give_code(other, "", recovery_code=codes[0]).content.decode()
    assert (RecoveryCode.objects.count(), is_in(client)) == (10, True)


def test_new_recovery_codes_of_a_factor_that_was_just_taken_away_are_none(
    house: House, codes: list[str]
) -> None:
    second_factor.remove(house.staff, by=house.staff)
    assert second_factor.renew_codes(house.staff) is None


def test_taking_the_factor_away_asks_for_the_password(house: House, codes: list[str]) -> None:
    client = steps.logged_in(house.staff)
    client.post(PAGE, {"do": "remove", "password": "wrong"})
    assert SecondFactor.objects.exists()
    client.post(PAGE, {"do": "remove", "password": PASSWORD})
    assert not SecondFactor.objects.exists()
    assert is_in(client)
    assert give_password(new_client()).headers["Location"] == "/admin/"


def test_other_sessions_end_when_the_factor_changes(house: House, codes: list[str]) -> None:
    before, client = steps.logged_in(house.staff), steps.logged_in(house.staff)
    client.post(PAGE, {"do": "remove", "password": PASSWORD})
    assert (is_in(before), is_in(client)) == (False, True)
    other = new_client()
    give_password(other)
    steps.set_up(client)
    assert (is_in(other), is_in(client)) == (False, True)


def test_other_sessions_end_when_the_password_changes(house: House, codes: list[str]) -> None:
    before, client, halfway = (
        steps.logged_in(house.staff),
        steps.logged_in(house.staff),
        new_client(),
    )
    give_password(halfway)
    new = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    assert (
        client.post("/admin/password_change/", {"old_password": "wrong", **new}).status_code == 200
    )
    assert is_in(before)
    client.post("/admin/password_change/", {"old_password": PASSWORD, **new})
    assert (is_in(before), is_in(client)) == (False, True)
    give_code(halfway, code())
    assert not is_in(halfway)


def test_a_session_that_skipped_the_code_is_none(house: House, codes: list[str]) -> None:
    client = new_client()
    client.force_login(house.staff)
    assert not is_in(client)


def test_a_browser_is_remembered_only_where_the_operator_lets_it(
    house: House, codes: list[str], settings: Any, clock: Traveller
) -> None:
    client = new_client()
    give_password(client)
    assert "Do not ask again" not in client.get(steps.CODE_PAGE).content.decode()
    give_code(client, code(), remember="on")
    assert "remembered" not in str(client.cookies)
    client.post("/admin/logout/")
    settings.SECOND_FACTOR_REMEMBER_DAYS = 2
    clock.shift(60)
    give_password(client)
    assert "in this browser for 2 days" in client.get(steps.CODE_PAGE).content.decode()
    give_code(client, code(), remember="on")
    client.post("/admin/logout/")
    assert give_password(client).headers["Location"] == "/admin/"
    client.post("/admin/logout/")
    clock.shift(timedelta(days=2, seconds=1))
    assert "code" in give_password(client).headers["Location"]


def remembered(client: Client) -> dict[str, str]:
    return {name: each.value for name, each in client.cookies.items() if name[:5] == "remem"}


@pytest.mark.parametrize("change", ["password", "factor", "other account", "not allowed"])
def test_a_remembered_browser_is_asked_again_after_a_change(
    house: House, codes: list[str], settings: Any, change: str
) -> None:
    settings.SECOND_FACTOR_REMEMBER_DAYS = 30
    client = new_client()
    give_password(client)
    give_code(client, code(), remember="on")
    [(name, kept)] = remembered(client).items()
    user = house.staff
    if change == "password":
        user.set_password(PASSWORD)
        user.save()
    elif change == "factor":
        SecondFactor.objects.all().delete()
        steps.give_factor(steps.fresh(user))
    elif change == "other account":
        user = steps.another(house)
        name = f"remembered_{user.pk}"
    else:
        settings.SECOND_FACTOR_REMEMBER_DAYS = 0
    other = new_client()
    other.cookies[name] = kept
    assert "code" in give_password(other, user.username).headers["Location"]
    assert not is_in(other)


def test_off_asks_nobody_and_offers_nothing(house: House, codes: list[str], settings: Any) -> None:
    settings.SECOND_FACTOR = "off"
    client = new_client()
    assert give_password(client).headers["Location"] == "/admin/"
    assert is_in(client)
    assert client.get(PAGE).status_code == 404
    assert PAGE not in client.get("/admin/password_change/").content.decode()
