"""The admin's pages of a partner's keys: issue, replace, revoke."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from practices.models import ApiKey, Partner
from tests import factories
from tests.conftest import Caller, only_once_on_sqlite
from tests.desk.world import browser, person, said
from tests.factories import Scene

pytestmark = only_once_on_sqlite


@pytest.fixture
def operator(scene: Scene) -> Client:
    return browser(person("operator", is_superuser=True, first_name="Opal"))


def pages(partner: Partner, page: str = "") -> str:
    """Return the URL of a page of a partner's keys."""
    return f"/admin/partners/{partner.pk}/keys/{page}"


def once(operator: Client, partner: Partner) -> str:
    """Return the form's one-time token, with which a reload makes no second key."""
    page = operator.get(pages(partner)).content.decode()
    found: str = re.findall(r'name="once" value="([^"]+)"', page)[0]
    return found


def opens(key: str) -> bool:
    """Whether a key works at the API."""
    return bool(Caller(key)("GET", "/scheduling/practices").status_code == 200)


def shown(page: Any) -> str:
    """Return the key on the page."""
    found: str = re.findall(r'<code id="key-text">(oc_\w+)</code>', page.content.decode())[0]
    return found


def test_a_new_key_is_shown_once_and_then_only_its_beginning(
    scene: Scene, operator: Client
) -> None:
    sent = {"label": "Front office", "days": "30", "once": once(operator, scene.partner)}
    issued = operator.post(pages(scene.partner, "issue/"), sent)
    text = shown(issued)
    assert opens(text)
    row = ApiKey.objects.get(label="Front office")
    assert row.expires_at == row.created_at + timedelta(days=30)
    assert "no-store" in issued.headers["Cache-Control"]
    again = operator.get(pages(scene.partner))
    assert text not in again.content.decode()
    assert f"{text[:9]}… Front office Works until" in said(again)
    assert "by operator · last used" in said(again)
    assert "Issued key" in said(again)


def test_a_reload_makes_no_second_key(scene: Scene, operator: Client) -> None:
    sent = {"label": "", "once": once(operator, scene.partner)}
    operator.post(pages(scene.partner, "issue/"), sent)
    again = operator.post(pages(scene.partner, "issue/"), sent, follow=True)
    assert "already issued and cannot be shown again" in said(again)
    assert scene.partner.keys.count() == 2


def test_a_revoked_key_stops_at_once(scene: Scene, operator: Client) -> None:
    assert opens(scene.key)
    operator.post(pages(scene.partner, f"{scene.key_row.pk}/revoke/"))
    assert not opens(scene.key)
    assert "Revoked Mon, Jun 1, 2026, 4:00 PM UTC" in said(operator.get(pages(scene.partner)))


def test_a_key_expires_and_its_end_is_never_put_off(
    scene: Scene, operator: Client, clock: Traveller
) -> None:
    expire = pages(scene.partner, f"{scene.key_row.pk}/expire/")
    operator.post(expire, {"hours": "2"})
    operator.post(expire, {"hours": "500"})
    assert opens(scene.key)
    clock.shift(timedelta(hours=2))
    assert not opens(scene.key)


def test_a_key_is_replaced_with_an_overlap(
    scene: Scene, operator: Client, clock: Traveller
) -> None:
    sent = {"hours": "48", "once": once(operator, scene.partner)}
    new = shown(operator.post(pages(scene.partner, f"{scene.key_row.pk}/replace/"), sent))
    assert (opens(new), opens(scene.key)) == (True, True)
    clock.shift(timedelta(hours=48))
    assert (opens(new), opens(scene.key)) == (True, False)


@pytest.mark.parametrize("hours", ["", "0", "-1", "x", "99999"])
def test_an_odd_number_of_hours_changes_nothing(hours: str, scene: Scene, operator: Client) -> None:
    for page in ("expire/", "replace/"):
        sent = {"hours": hours, "once": once(operator, scene.partner)}
        path = pages(scene.partner, f"{scene.key_row.pk}/{page}")
        assert "Nothing was changed" in said(operator.post(path, sent, follow=True))
    assert ApiKey.objects.get() == scene.key_row
    assert ApiKey.objects.get().expires_at is None


def test_a_key_of_another_partner_is_not_found(scene: Scene, operator: Client) -> None:
    other = factories.partner()
    path = pages(other, f"{scene.key_row.pk}/revoke/")
    assert operator.post(path).status_code == 404
    assert opens(scene.key)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"authorized": False}, "may not list practices or change anything"),
        ({}, "may not change anything until it is granted a practice"),
        ({"all_practices": True}, "in every practice, including those added later"),
        ({"active": False}, "Nothing: the partner is switched off"),
    ],
)
def test_what_a_partner_may_do_is_said_in_words(
    values: dict[str, Any], words: str, scene: Scene, operator: Client
) -> None:
    assert words in said(operator.get(pages(factories.partner(**values))))


def test_the_practices_granted_are_named(scene: Scene, operator: Client) -> None:
    words = "publish, edit and close its own openings in Acme Orthodontic Group."
    assert words in said(operator.get(pages(scene.partner)))
    assert words in said(operator.get("/admin/practices/partner/"))
