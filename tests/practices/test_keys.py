"""API keys: format, storage, expiry, revocation, the command `create_key`."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from bookings import walltime
from practices import keys
from practices.models import ApiKey, Partner
from tests import factories
from tests.conftest import Caller
from tests.factories import Scene


def listed(key: str | None) -> Any:
    return Caller(key)("GET", "/scheduling/practices")


def test_a_key_is_long_random_and_checks_itself() -> None:
    made = {keys.new_key() for _ in range(100)}
    assert len(made) == 100
    assert all(keys.is_well_formed(key) and len(key) == 41 for key in made)
    slip = next(iter(made))
    slip = slip[:10] + ("A" if slip[10] != "A" else "B") + slip[11:]
    assert not keys.is_well_formed(slip)


def test_only_a_digest_is_stored(scene: Scene) -> None:
    row = ApiKey.objects.values().get()
    assert scene.key not in str(row)
    assert row["digest"] == keys.digest(scene.key)
    assert scene.key.startswith(row["prefix"])


@pytest.mark.parametrize(
    "wrong", ["", "x", "oc_", "oc_" + "a" * 38, "Bearer {key}", "{key}x", "é", "\x80" * 41]
)
def test_what_is_no_key_is_a_401_that_names_the_scheme(scene: Scene, wrong: str) -> None:
    answer = listed(wrong.replace("{key}", scene.key))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'ApiKey realm="OpenChair"'
    assert answer["Content-Type"] == "application/problem+json"


def test_no_header_at_all_is_a_401_too(scene: Scene) -> None:
    assert listed(None).status_code == 401


def test_a_revoked_key_stops_working_with_the_next_request(scene: Scene) -> None:
    assert listed(scene.key).status_code == 200
    ApiKey.objects.update(revoked_at=walltime.now())
    assert listed(scene.key).status_code == 401
    assert "revoked" in listed(scene.key).json()["detail"]


def test_an_expired_key_stops_working_on_the_second(
    scene: Scene, clock: time_machine.Traveller
) -> None:
    _, key = factories.key(scene.partner, expires_at=walltime.now() + timedelta(seconds=60))
    clock.shift(59)
    assert listed(key).status_code == 200
    clock.shift(1)
    assert listed(key).status_code == 401


def test_no_key_of_a_partner_that_is_switched_off_works(scene: Scene) -> None:
    Partner.objects.update(active=False)
    assert listed(scene.key).status_code == 401


def test_last_use_is_kept_to_the_minute(
    scene: Scene, clock: time_machine.Traveller, django_assert_num_queries: Any
) -> None:
    listed(scene.key)
    first = ApiKey.objects.get().last_used_at
    clock.shift(59)
    listed(scene.key)
    assert ApiKey.objects.get().last_used_at == first
    clock.shift(1)
    listed(scene.key)
    assert ApiKey.objects.get().last_used_at == walltime.now()


def test_a_second_key_of_the_same_partner_edits_what_the_first_made(scene: Scene) -> None:
    booking = scene.booking()
    _, second = factories.key(scene.partner)
    ApiKey.objects.filter(pk=scene.key_row.pk).update(revoked_at=walltime.now())
    answer = Caller(second)("PUT", f"/onlinescheduling/booking/{booking.pk}", {"length": 30})
    assert answer.status_code == 200


def test_wrong_keys_in_a_row_are_slowed_and_right_ones_are_not(
    scene: Scene, settings: Any, clock: time_machine.Traveller
) -> None:
    settings.WRONG_KEY_LIMIT = (3, 60)
    assert [listed("wrong").status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    slowed = listed("wrong")
    assert slowed["Retry-After"] == "60"
    assert slowed["RateLimit-Policy"] == '"wrong-keys";q=3;w=60'
    assert listed(scene.key).status_code == 200
    assert listed(None).status_code == 401
    clock.shift(60)
    assert listed("wrong").status_code == 401


def test_a_partner_has_so_many_requests_a_minute(
    scene: Scene, settings: Any, clock: time_machine.Traveller
) -> None:
    settings.RATE_LIMIT = (3, 60)
    other = factories.key(factories.partner())[1]
    answers = [listed(scene.key) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0]["RateLimit"] == '"partner";r=2;t=60'
    assert (answers[3]["Retry-After"], answers[3]["RateLimit"]) == ("60", '"partner";r=0;t=60')
    assert listed(other).status_code == 200
    clock.shift(60)
    assert listed(scene.key).status_code == 200


def create_key(*arguments: str) -> str:
    told = StringIO()
    call_command("create_key", *arguments, stdout=told, stderr=StringIO())
    return told.getvalue().strip()


def test_the_command_prints_a_key_that_works(scene: Scene) -> None:
    by_name = create_key(scene.partner.name, "--label", "their server")
    by_id = create_key(scene.partner.pk, "--days", "30")
    assert by_name != by_id
    assert listed(by_name).status_code == listed(by_id).status_code == 200


def test_the_command_makes_a_partner_that_may_write_where_it_is_said(scene: Scene) -> None:
    key = create_key("Newcomer", "--new", "--authorize", "--grant", scene.practice.pk)
    made = Caller(key)(
        "POST", "/onlinescheduling/booking", scene.fields(start_datetime="2026-06-02T09:00")
    )
    assert made.status_code == 201
    assert Partner.objects.get(name="Newcomer").all_practices is False


@pytest.mark.parametrize(
    "arguments",
    [
        ["Nobody"],
        ["Acme", "--new", "--grant", "nowhere"],
        ["", "--new"],
        ["a" * 201, "--new"],
        ["{partner}", "--new"],
        ["{partner}", "--days", "0"],
    ],
)
def test_the_command_refuses_and_makes_nothing(scene: Scene, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        create_key(*[text.replace("{partner}", scene.partner.name) for text in arguments])
    assert (Partner.objects.count(), ApiKey.objects.count()) == (1, 1)
