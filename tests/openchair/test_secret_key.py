"""Rotation of SECRET_KEY: sessions and cursors, with SECRET_KEY_FALLBACKS."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from openchair import env
from tests.conftest import Caller
from tests.desk.world import person
from tests.factories import Scene

OLD, NEW = secrets.token_urlsafe(50), secrets.token_urlsafe(50)
Rotate = Callable[..., None]


@pytest.fixture
def rotate(settings: Any) -> Rotate:
    """Begin with the old key; return a function that changes to the new one."""
    settings.SECRET_KEY = OLD

    def to_new(*, keeping_old: bool) -> None:
        settings.SECRET_KEY = NEW
        settings.SECRET_KEY_FALLBACKS = [OLD] if keeping_old else []

    return to_new


def next_page(api: Caller, scene: Scene) -> str:
    for hour in (9, 10, 11):
        start = datetime(2026, 6, 2, hour)  # noqa: DTZ001  # wall time
        scene.booking(id=f"at{hour}", start_datetime=start)
    first = api("GET", f"/onlinescheduling/practice/{scene.practice.pk}/bookings?limit=2")
    return str(first["Link"].partition(">")[0].removeprefix("<http://testserver"))


def test_a_cursor_outlives_the_key_while_the_old_one_is_a_fallback(
    scene: Scene, api: Caller, rotate: Rotate
) -> None:
    page = next_page(api, scene)
    rotate(keeping_old=True)
    assert [row["id"] for row in api("GET", page).json()] == ["at11"]
    rotate(keeping_old=False)
    refused = api("GET", page)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "cursor"


def test_a_feed_is_followed_through_a_rotation(scene: Scene, api: Caller, rotate: Rotate) -> None:
    scene.booking()
    path = f"/onlinescheduling/practice/{scene.practice.pk}/changes"
    cursor = api("GET", path).json()["cursor"]
    rotate(keeping_old=True)
    # What is signed now needs the new key alone.
    renewed = api("GET", f"{path}?after={cursor}").json()["cursor"]
    rotate(keeping_old=False)
    assert api("GET", f"{path}?after={renewed}").status_code == 200
    assert api("GET", f"{path}?after={cursor}").status_code == 400


@pytest.fixture
def logged_in(scene: Scene, rotate: Rotate) -> Client:
    """Return a client that logged in under the old key."""
    user = person("desk", scene.practice)
    user.set_password(OLD)
    user.save()
    client = Client(headers={"host": "localhost"})
    said = client.post("/admin/login/", {"username": "desk", "password": OLD})
    assert said.status_code == 302
    return client


def opens_the_admin(client: Client) -> bool:
    return "/board/" in client.get("/admin/")["Location"]


def test_who_is_logged_in_stays_so_and_then_needs_the_old_key_no_longer(
    logged_in: Client, rotate: Rotate
) -> None:
    rotate(keeping_old=True)
    assert opens_the_admin(logged_in)
    rotate(keeping_old=False)
    assert opens_the_admin(logged_in)


def test_without_the_fallback_everybody_logs_in_again(logged_in: Client, rotate: Rotate) -> None:
    rotate(keeping_old=False)
    assert not opens_the_admin(logged_in)


def test_a_weak_old_key_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTING", f"{OLD}, {NEW}")
    assert env.old_secret_keys("SETTING") == [OLD, NEW]
    monkeypatch.setenv("SETTING", f"{OLD},short")
    with pytest.raises(ImproperlyConfigured, match="SETTING is too weak"):
        env.old_secret_keys("SETTING")
