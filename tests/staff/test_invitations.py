"""Invitations: a password of one's own, by a link that is good once."""

import re
from datetime import timedelta
from typing import Any

from django.test import Client, RequestFactory
from time_machine import Traveller

from openchair.staff.invitations import invite
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, User, browser, person
from tests.staff.test_logins import attempt

pytestmark = only_once_on_sqlite
NEW = "correct horse battery"


def link_for(user: Any) -> str:
    """Make an invitation; return its path."""
    link = invite(RequestFactory().get("/", headers={"host": "localhost"}), user)
    assert link.startswith("http://localhost/admin/invitation/")
    return link.removeprefix("http://localhost")


def send(link: str, password: str = NEW, again: str = NEW) -> Any:
    client = Client(headers={"host": "localhost"})
    return client.post(link, {"new_password1": password, "new_password2": again})


def test_an_invited_person_sets_a_password_and_logs_in(house: House) -> None:
    link = link_for(house.staff)
    page = Client(headers={"host": "localhost"}).get(link)
    assert "quillon-desk" in page.content.decode()
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert "no-store" in page.headers["Cache-Control"]
    assert send(link).headers["Location"] == "/admin/login/"
    assert attempt(Client(), "quillon-desk", NEW).status_code == 302


def test_a_password_that_is_weak_or_mistyped_is_refused(house: House) -> None:
    link = link_for(house.staff)
    assert "too short" in send(link, "1", "1").content.decode()
    assert "didn’t match" in send(link, NEW, "another one").content.decode()
    assert send(link).status_code == 302


def test_a_link_that_was_used_or_replaced_or_is_old_sets_nothing(
    house: House, clock: Traveller
) -> None:
    first = link_for(house.staff)
    second = link_for(User.objects.get(pk=house.staff.pk))
    assert send(first).status_code == 404
    assert send(second).status_code == 302
    again = send(second, "another password", "another password")
    assert (again.status_code, "ask the operator" in again.content.decode()) == (404, True)
    third = link_for(User.objects.get(pk=house.staff.pk))
    clock.shift(timedelta(days=3, seconds=1))
    assert send(third).status_code == 404
    assert not User.objects.get(pk=house.staff.pk).has_usable_password()


def test_an_invitation_ends_the_old_password_and_its_sessions(house: House) -> None:
    before = browser(house.staff)
    assert before.get(house.address("board/")).status_code == 200
    link_for(house.staff)
    assert before.get(house.address("board/")).status_code == 302


def test_a_made_up_link_is_a_404(house: House) -> None:
    client = Client(headers={"host": "localhost"})
    for who in ("x", "MQ", "LTE", "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA", "_-", "é", "%ff"):
        for token in ("x", "c0ffee-" + "0" * 32, "%00", "\u0661-a"):
            assert client.get(f"/admin/invitation/{who}/{token}/").status_code == 404


def test_somebody_elses_account_is_not_named_by_a_link_of_ones_own(house: House) -> None:
    mine = link_for(house.staff)
    other = person("somebody-else")
    theirs = re.sub(r"/invitation/\w+/", f"/invitation/{link_for(other).split('/')[3]}/", mine)
    assert send(theirs).status_code == 404


def test_links_cannot_be_guessed_without_end(house: House, settings: Any) -> None:
    settings.INVITATION_LIMIT = (3, 60)
    client = Client(headers={"host": "localhost"})
    statuses = [client.get("/admin/invitation/MQ/x-y/").status_code for _ in range(4)]
    assert statuses == [404, 404, 404, 429]
