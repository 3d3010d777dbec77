"""Rate limits of partners: counted exactly, by all workers together."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine

from openchair import rate_limits
from tests import factories
from tests.conftest import Caller, together
from tests.factories import Scene
from tests.server import running_server

RATE = 300


def test_a_burst_gets_through_what_is_allowed_and_is_told_when_to_come_back(
    scene: Scene, api: Caller, settings: Any, clock: time_machine.Traveller
) -> None:
    settings.RATE_LIMIT = (3, 60)
    clock.shift(59.5)  # the limit holds across the turn of a minute
    path = f"/scheduling/location/{scene.location.pk}"
    answers = [api("GET", path)]
    clock.shift(1)
    answers += [api("GET", path) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"partner";q=3;w=60'
    assert answers[0].headers["RateLimit"] == '"partner";r=2;t=60'
    assert answers[2].headers["RateLimit"] == '"partner";r=0;t=59'
    assert answers[3].headers["Retry-After"] == "59"
    clock.shift(58.9)
    assert api("GET", path).status_code == 429
    clock.shift(0.1)
    assert api("GET", path).headers["RateLimit"] == '"partner";r=2;t=60'


def test_a_clock_that_was_wrong_once_locks_nobody_out(
    scene: Scene, api: Caller, settings: Any, clock: time_machine.Traveller
) -> None:
    settings.RATE_LIMIT = (1, 60)
    path = f"/scheduling/location/{scene.location.pk}"
    clock.shift(86_400)
    assert api("GET", path).status_code == 200
    clock.shift(-86_400)
    assert [api("GET", path).status_code for _ in range(2)] == [200, 429]


@pytest.mark.django_db(transaction=True)
def test_every_one_is_counted_once_however_many_count_at_once() -> None:
    name = f"test-{time.time_ns()}"
    spent = together(16, lambda: [rate_limits.spend("p", name, (50, 60)).used for _ in range(5)])
    assert sorted(used for many in spent for used in many) == list(range(1, 81))
    last = rate_limits.spend("p", name, (50, 60))
    assert (last.used, last.is_overdrawn) == (81, True)
    assert 55 <= last.reset <= 60


def test_a_window_ends(db: None, clock: time_machine.Traveller) -> None:
    assert [rate_limits.spend("p", "x", (1, 1)).used for _ in range(2)] == [1, 2]
    clock.shift(1)
    assert rate_limits.spend("p", "x", (1, 1)).used == 1


def test_one_partners_flood_leaves_the_others_alone(
    scene: Scene, api: Caller, settings: Any
) -> None:
    settings.RATE_LIMIT = (2, 60)
    other = Caller(factories.key(factories.partner())[1])
    second_key = Caller(factories.key(scene.partner)[1])
    path = f"/scheduling/location/{scene.location.pk}"
    assert [api("GET", path).status_code for _ in range(3)] == [200, 200, 429]
    assert second_key("GET", path).status_code == 429
    assert other("GET", path).status_code == 200


def test_64_clients_bursting_over_the_limit_get_through_what_is_allowed() -> None:
    with running_server(RATE_LIMIT=f"{RATE}/min") as server:
        path = f"/scheduling/location/{server.demo['practices']['exact']['locations'][0]}"
        keys = [server.demo["keys"][name] for name in ("full", "full_second")]
        other = server.demo["keys"]["other_partner"]

        def burst(client: int) -> list[int]:
            return [server.call("GET", path, key=keys[client % 2]).status for _ in range(8)]

        with ThreadPoolExecutor(65) as pool:
            calm = pool.submit(
                lambda: [server.call("GET", path, key=other).status for _ in range(8)]
            )
            statuses = Counter(status for many in pool.map(burst, range(64)) for status in many)
        assert statuses == {200: RATE, 429: 64 * 8 - RATE}
        assert calm.result() == [200] * 8


def test_a_count_is_begun_anew(db: None) -> None:
    subject = "somebody"
    assert [rate_limits.spend("login", subject, (1, 60)).used for _ in range(2)] == [1, 2]
    rate_limits.forget("login", subject)
    assert rate_limits.spend("login", subject, (1, 60)).used == 1
