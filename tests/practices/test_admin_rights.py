"""Operators' accounts and keys in the admin: mistakes that are refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from practices.models import ApiKey
from tests.desk.world import User, browser, person, said
from tests.factories import NOON, Scene
from tests.practices.test_keys_pages import once, opens, pages, shown


@pytest.fixture
def operator(scene: Scene) -> Client:
    return browser(person("operator", is_superuser=True))


def saved(client: Client, user: Any, **values: str) -> Any:
    """Post the form of an account."""
    rows = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    values = {"username": user.username, **rows, **values}
    return client.post(f"/admin/auth/user/{user.pk}/change/", values)


def test_an_operator_keeps_the_switches_of_their_own_account(operator: Client) -> None:
    own = User.objects.get(username="operator")
    page = operator.get(f"/admin/auth/user/{own.pk}/change/").content.decode()
    assert 'name="is_active"' not in page
    assert 'name="is_superuser"' not in page
    assert saved(operator, own, first_name="Opal").status_code == 302
    own.refresh_from_db()
    assert (own.first_name, own.is_active, own.is_superuser) == ("Opal", True, True)


def test_an_operator_switches_others_off(operator: Client) -> None:
    other = person("other", is_superuser=True)
    assert saved(operator, other).status_code == 302
    other.refresh_from_db()
    assert (other.is_active, other.is_superuser) == (False, False)


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_key_that_has_ended_is_not_replaced(how: str, scene: Scene, operator: Client) -> None:
    if how == "revoked":
        operator.post(pages(scene.partner, f"{scene.key_row.pk}/revoke/"))
    else:
        hour = timedelta(hours=1)
        ApiKey.objects.update(created_at=NOON - 2 * hour, expires_at=NOON - hour)
    before = ApiKey.objects.values().get()
    sent = {"hours": "48", "once": once(operator, scene.partner)}
    path = pages(scene.partner, f"{scene.key_row.pk}/replace/")
    answer = operator.post(path, sent, follow=True)
    assert "This key no longer works. Issue a new one" in said(answer)
    assert ApiKey.objects.values().get() == before


def test_a_replacement_ends_when_the_old_key_was_to_end(
    scene: Scene, operator: Client, clock: Traveller
) -> None:
    operator.post(pages(scene.partner, f"{scene.key_row.pk}/expire/"), {"hours": "100"})
    sent = {"hours": "48", "once": once(operator, scene.partner)}
    answer = operator.post(pages(scene.partner, f"{scene.key_row.pk}/replace/"), sent)
    assert "The new key works until Fri, Jun 5, 2026, 8:00 PM UTC, like the old one" in said(answer)
    new = shown(answer)
    clock.shift(timedelta(hours=48))
    assert (opens(new), opens(scene.key)) == (True, False)
    clock.shift(timedelta(hours=52))
    assert not opens(new)
