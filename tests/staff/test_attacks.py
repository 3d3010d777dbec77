"""Attacks on the second factor by somebody who knows the password: no way in."""

import base64
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from time_machine import Traveller

from openchair.staff.models import RecoveryCode, SecondFactor
from tests.conftest import only_once_on_sqlite, together
from tests.desk.addresses import filled
from tests.desk.world import House, browser, person
from tests.staff import steps
from tests.staff.conftest import PASSWORD
from tests.staff.steps import PAGE, code, give_code, give_password, is_in, new_client, wrong_code
from tests.staff.test_invitations import NEW, link_for, send

OPEN = {PAGE, steps.CODE_PAGE, "/admin/login/", "/admin/logout/", "/admin/stay/"}


@pytest.fixture
def codes(house: House) -> list[str]:
    return steps.give_factor(house.staff)


def halfway() -> Client:
    """Return a client that has given the password."""
    client = new_client()
    give_password(client)
    return client


def shut(house: House) -> set[str]:
    """Return every address of the admin, but those that are open to everybody."""
    found = {*filled(house, House("Zyxwvut"))} - OPEN
    assert len(found) > 200
    return {each for each in found if not each.startswith("/admin/invitation/")}


@only_once_on_sqlite
def test_no_address_opens_between_password_and_code(house: House, codes: list[str]) -> None:
    client = halfway()
    for address in shut(house):
        for answer in (client.get(address), client.post(address, {"post": "yes"})):
            to_login = answer.headers.get("Location", "").startswith("/admin/login/?next=")
            assert to_login or answer.status_code == 405, address
    assert not is_in(client)


@only_once_on_sqlite
def test_who_has_to_have_a_factor_and_has_none_is_sent_to_set_it_up(
    house: House, settings: Any
) -> None:
    settings.SECOND_FACTOR = "everybody"
    boss = person("quillon-boss", is_superuser=True)
    client = browser(boss)
    for address in shut(house):
        for answer in (client.get(address), client.post(address, {"post": "yes"})):
            assert answer.headers["Location"] == PAGE, address
    page = client.get(PAGE)
    assert (page.status_code, "Set it up to continue." in page.content.decode()) == (200, True)
    assert client.post("/admin/logout/").status_code == 200
    assert not is_in(browser(house.staff))
    settings.SECOND_FACTOR = "operators"
    assert (is_in(browser(boss)), is_in(browser(house.staff))) == (False, True)


@only_once_on_sqlite
def test_who_has_to_have_a_factor_sets_it_up_and_goes_nowhere_without_it(
    house: House, settings: Any
) -> None:
    settings.SECOND_FACTOR = "everybody"
    client = halfway()
    assert not is_in(client)
    steps.set_up(client)
    assert is_in(client)
    assert "Set up another app" in client.get(PAGE).content.decode()
    answer = client.post(PAGE, {"do": "remove", "password": PASSWORD}, follow=True)
    assert "Set up the new one." in answer.content.decode()
    assert not SecondFactor.objects.exists()
    assert not is_in(client)


@only_once_on_sqlite
def test_a_code_is_good_once_and_so_is_every_older_one(
    house: House, codes: list[str], clock: Traveller
) -> None:
    first, second = halfway(), halfway()
    assert give_code(first, code()).status_code == 302
    for used in (code(), code(-30)):
        assert "already used" in give_code(second, used).content.decode()
    for strange in (code(-60), code(60)):
        assert "wrong" in give_code(second, strange).content.decode()
    assert not is_in(second)
    clock.shift(30)
    assert give_code(second, code()).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_the_same_code_at_eight_workers_at_once_lets_one_in(house: House) -> None:
    steps.give_factor(house.staff)
    clients, good = [halfway() for _ in range(8)], code()
    waiting = iter(clients)
    together(8, lambda: give_code(next(waiting), good))
    assert sum(is_in(client) for client in clients) == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_recovery_code_at_eight_workers_at_once_lets_one_in(house: House) -> None:
    [good, *_] = steps.give_factor(house.staff)
    clients = [halfway() for _ in range(8)]
    waiting = iter(clients)
    together(8, lambda: give_code(next(waiting), "", recovery_code=good))
    assert sum(is_in(client) for client in clients) == 1
    assert RecoveryCode.objects.count() == 9


@only_once_on_sqlite
@pytest.mark.parametrize("guesses", [60, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_guesses_have_no_chance_and_are_recorded(
    house: House, codes: list[str], guesses: int
) -> None:
    client, wrong = halfway(), wrong_code()
    for number in range(guesses):
        # From many addresses; all after the twentieth are right.
        text = wrong if number < 20 else code()
        fields = {"code": text}
        address = f"198.51.{number // 250}.{number % 250}"
        assert client.post(steps.CODE_PAGE, fields, REMOTE_ADDR=address).status_code == 200
    assert not is_in(client)
    told = LogEntry.objects.filter(change_message__contains="wrong codes after the right password")
    assert told.count() == 1


@only_once_on_sqlite
def test_the_owner_gets_in_while_a_stranger_guesses(
    house: House, codes: list[str], clock: Traveller
) -> None:
    own = steps.logged_in(house.staff)
    own.post("/admin/logout/")
    stranger = halfway()
    for _ in range(21):
        give_code(stranger, wrong_code())
    assert "Wait 24 hours" in give_code(stranger, code()).content.decode()
    give_password(own)
    assert give_code(own, code()).status_code == 302  # in a browser that is known
    elsewhere = halfway()
    assert give_code(elsewhere, "", recovery_code=codes[0]).status_code == 302
    clock.shift(timedelta(days=1))
    assert give_code(halfway(), code()).status_code == 302


@only_once_on_sqlite
def test_the_owner_who_logs_in_gives_a_stranger_no_more_tries(
    house: House, codes: list[str], settings: Any, clock: Traveller
) -> None:
    settings.CODE_LIMIT = (3, 86_400)
    stranger = halfway()
    for _ in range(2):
        give_code(stranger, wrong_code())
        assert give_code(halfway(), code()).status_code == 302  # the owner, in a new browser
        clock.shift(30)
    assert "wrong" in give_code(stranger, wrong_code()).content.decode()
    assert "Too many" in give_code(stranger, wrong_code()).content.decode()


@only_once_on_sqlite
def test_a_login_while_nobody_was_asked_ends_when_people_are_asked_again(
    house: House, codes: list[str], settings: Any
) -> None:
    settings.SECOND_FACTOR = "off"
    client = halfway()
    assert is_in(client)
    settings.SECOND_FACTOR = "offered"
    assert not is_in(client)


@only_once_on_sqlite
@pytest.mark.parametrize("page", ["/admin/password_change/", PAGE])
def test_a_session_left_open_does_not_tell_the_password_by_guesses(
    house: House, settings: Any, page: str
) -> None:
    settings.LOGIN_LIMIT = (3, 60)
    client = halfway()
    new = {"new_password1": NEW, "new_password2": NEW, "do": "set up"}
    for _ in range(3):
        client.post(page, {"old_password": "wrong", "password": "wrong", **new})
    refused = client.post(page, {"old_password": PASSWORD, "password": PASSWORD, **new})
    assert "Too many wrong passwords. Wait 1 minute." in refused.content.decode()


@only_once_on_sqlite
def test_browsers_known_before_there_was_a_factor_have_no_tries_of_their_own(
    house: House, settings: Any
) -> None:
    settings.CODE_LIMIT = (3, 60)
    browsers = [halfway() for _ in range(4)]
    assert all(is_in(each) for each in browsers)
    steps.give_factor(house.staff)
    answers = []
    for each in browsers:
        give_password(each)
        answers.append(give_code(each, wrong_code()).content.decode())
    assert ["Too many" in text for text in answers] == [False, False, False, True]


@only_once_on_sqlite
def test_a_password_set_by_invitation_does_not_get_around_the_factor(
    house: House, codes: list[str]
) -> None:
    assert send(link_for(house.staff)).status_code == 302
    client = new_client()
    fields = {"username": "quillon-desk", "password": NEW, "next": "/admin/"}
    assert client.post("/admin/login/", fields).headers["Location"].startswith(steps.CODE_PAGE)
    assert not is_in(client)


@only_once_on_sqlite
def test_an_account_switched_off_between_password_and_code_stays_out(
    house: House, codes: list[str]
) -> None:
    client = halfway()
    house.staff.is_active = False
    house.staff.save()
    give_code(client, code())
    assert not is_in(client)


@only_once_on_sqlite
def test_a_secret_of_somebody_else_or_of_long_ago_is_not_confirmed(
    house: House, clock: Traveller
) -> None:
    steps.another(house)
    mine, theirs = halfway(), new_client()
    shown = mine.post(PAGE, {"do": "set up", "password": PASSWORD}).content.decode()
    [sealed] = re.findall(r'name="sealed" value="([^"]+)"', shown)
    give_password(theirs, "quillon-other")
    give_code(theirs, code())
    theirs.post(PAGE, {"do": "remove", "password": PASSWORD})
    for client, text in ((theirs, sealed), (mine, "x"), (mine, "\x00"), (mine, "")):
        again = client.post(PAGE, {"do": "confirm", "sealed": text, "code": code()})
        assert again.headers["Location"] == PAGE
    clock.shift(timedelta(minutes=14))
    mine.get(PAGE)
    clock.shift(timedelta(minutes=1))
    late = mine.post(PAGE, {"do": "confirm", "sealed": sealed, "code": code()})
    assert (late.headers["Location"], SecondFactor.objects.count()) == (PAGE, 0)


def dump() -> str:
    """Return every row of every table, and what sessions hold."""
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    return str(rows) + str([each.get_decoded() for each in Session.objects.all()])


@pytest.mark.django_db
def test_a_dump_and_the_log_have_no_secret_code_or_link(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    client = halfway()
    secret, recovery = steps.set_up(client)
    assert give_code(halfway(), "", recovery_code=recovery[0]).status_code == 302
    other = person("quillon-new")
    link = link_for(other)
    new_client().get(link)
    raw = base64.b32decode(secret)
    written = dump() + capfd.readouterr().err
    sought = [secret, raw.hex(), base64.b64encode(raw).decode(), str(raw)[2:-1], PASSWORD]
    sought += [*recovery, *(each.replace("-", "") for each in recovery), link.split("/")[-2]]
    assert "quillon-new" in written
    assert [text for text in sought if text.lower() in written.lower()] == []
