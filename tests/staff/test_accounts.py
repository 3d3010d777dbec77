"""Staff accounts, which operators make without knowing anybody's password."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client

from openchair.staff.models import SecondFactor
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, User, browser, person
from tests.staff import steps
from tests.staff.conftest import PASSWORD
from tests.staff.test_invitations import NEW, send
from tests.staff.test_logins import attempt

pytestmark = only_once_on_sqlite


@pytest.fixture
def operator(house: House) -> Client:
    return browser(person("operator", is_superuser=True))


def link_on(page: Any) -> str:
    [link] = re.findall(r'id="link">http://localhost([^<]+)<', page.content.decode())
    return str(link)


def newest_entry() -> tuple[str, str, str]:
    row = LogEntry.objects.select_related("user").latest("pk")
    return row.user.username, row.object_repr, row.get_change_message()


def fields(house: House, username: str) -> dict[str, str]:
    return {
        "username": username,
        "first_name": "New",
        "last_name": "Comer",
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-practice": house.practice.pk,
    }


def test_an_operator_makes_an_account_whose_owner_sets_the_password(
    house: House, operator: Client
) -> None:
    assert 'type="password"' not in operator.get("/admin/auth/user/add/").content.decode()
    link = link_on(operator.post("/admin/auth/user/add/", fields(house, "newcomer")))
    made = User.objects.get(username="newcomer")
    assert (made.is_staff, made.is_superuser, made.has_usable_password()) == (True, False, False)
    assert send(link).status_code == 302
    client = Client(headers={"host": "localhost"})
    assert attempt(client, "newcomer", NEW).status_code == 302
    assert client.get(house.address("board/")).status_code == 200


def test_two_accounts_do_not_differ_in_capitals_alone(house: House, operator: Client) -> None:
    refused = operator.post("/admin/auth/user/add/", fields(house, "Quillon-DESK"))
    assert "There is already an account with this username." in refused.content.decode()


def test_a_lost_password_is_a_new_link(house: House, operator: Client) -> None:
    page = f"/admin/auth/user/{house.staff.pk}/"
    assert "has set a password" in operator.get(f"{page}change/").content.decode()
    link = link_on(operator.post(f"{page}invitation/"))
    assert newest_entry() == ("operator", "quillon-desk", "Created an invitation link")
    assert (
        "Wrong username or password" in attempt(Client(), "quillon-desk", PASSWORD).content.decode()
    )
    assert "has no password yet" in operator.get(f"{page}change/").content.decode()
    assert send(link).status_code == 302


def test_an_account_that_is_switched_off_gets_no_link(house: House, operator: Client) -> None:
    house.staff.is_active = False
    house.staff.save()
    page = f"/admin/auth/user/{house.staff.pk}/"
    assert "New invitation link" not in operator.get(f"{page}change/").content.decode()
    told = operator.post(f"{page}invitation/", follow=True).content.decode()
    assert "This account is switched off: its link would open nothing." in told
    assert steps.fresh(house.staff).has_usable_password()


def test_an_operator_takes_a_lost_phone_away_and_it_is_recorded(
    house: House, operator: Client
) -> None:
    steps.give_factor(house.staff)
    client = steps.logged_in(house.staff)
    page = f"/admin/auth/user/{house.staff.pk}/"
    assert "Remove the second factor" in operator.get(f"{page}change/").content.decode()
    operator.get(f"{page}second-factor/")
    assert SecondFactor.objects.exists()
    operator.post(f"{page}second-factor/")
    assert not SecondFactor.objects.exists()
    assert not steps.is_in(client)
    assert newest_entry() == ("operator", "quillon-desk", "Removed the second factor")
    assert "Removed the second factor" in operator.get(f"{page}history/").content.decode()


def test_ones_own_factor_and_password_are_not_changed_without_the_password(house: House) -> None:
    boss = person("boss", is_superuser=True)
    boss.set_password(PASSWORD)
    boss.save()
    steps.give_factor(boss)
    client = steps.logged_in(boss)
    for act in ("second-factor", "invitation"):
        client.post(f"/admin/auth/user/{boss.pk}/{act}/")
    assert (SecondFactor.objects.count(), steps.is_in(client)) == (1, True)


@pytest.mark.parametrize("act", ["second-factor", "invitation"])
def test_only_operators_take_a_factor_away_or_invite(house: House, act: str) -> None:
    other = person("other", is_superuser=True)
    refused = browser(house.staff).post(f"/admin/auth/user/{other.pk}/{act}/")
    assert refused.status_code in {403, 404}
    assert browser(house.staff).post(f"/admin/auth/user/{2**70}/{act}/").status_code in {403, 404}


def test_no_page_sets_somebody_elses_password(house: House, operator: Client) -> None:
    page = f"/admin/auth/user/{house.staff.pk}/password/"
    asked = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    # Django sends an address it does not know on to a row's form, which there is none of.
    assert operator.post(page, asked, follow=True).status_code == 404
    assert User.objects.get(pk=house.staff.pk).check_password(PASSWORD)


def test_the_command_line_is_the_way_back_in_for_a_lone_operator(house: House) -> None:
    boss = person("boss", is_superuser=True)
    steps.give_factor(boss)
    call_command("reset_second_factor", "boss")
    assert not SecondFactor.objects.exists()
    assert newest_entry() == ("boss", "boss", "Removed the second factor on the command line")
    with pytest.raises(CommandError, match="boss has no second factor"):
        call_command("reset_second_factor", "boss")
    with pytest.raises(CommandError, match="There is no account nobody"):
        call_command("reset_second_factor", "nobody")


def test_accounts_are_switched_off_not_deleted(house: House, operator: Client) -> None:
    path = f"/admin/auth/user/{house.staff.pk}/delete/"
    assert operator.post(path, {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=house.staff.pk).exists()
