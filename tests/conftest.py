"""What tests share: a world, a caller with a key, a clock that can be turned, threads, a server."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.test import Client

from practices.models import Kind
from tests.factories import NOON, Scene
from tests.server import Server, running_server

only_once = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="slow and not about the engine: on PostgreSQL only"
)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give each run an SQLite file of its own: threads cannot share a database in memory."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = tmp_path_factory.mktemp("db") / "test.sqlite3"


@pytest.fixture(autouse=True)
def _high_limits(settings: Any) -> None:
    """Let tests send as much as they like; those about limits set their own."""
    settings.RATE_LIMIT = (1_000_000, 60)
    settings.WRONG_KEY_LIMIT = (1_000_000, 60)
    settings.LOGIN_LIMIT = (1_000_000, 60)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Stop the clock at NOON; `clock.shift(seconds)` and `clock.move_to(...)` turn it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def scene(db: None, clock: time_machine.Traveller) -> Scene:
    """Make a practice with exact times, where a partner may write."""
    return Scene()


@pytest.fixture
def range_scene(db: None, clock: time_machine.Traveller) -> Scene:
    """Make a practice with range bookings, where a partner may write."""
    return Scene(Kind.RANGE, timezone="America/Chicago")


class Caller:
    """Calls the API in this process with a key, in JSON."""

    def __init__(self, key: str | None) -> None:
        self.client = Client(HTTP_HOST="testserver")
        self.headers = {} if key is None else {"Authorization": key}

    def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        """Send a request; `response.json()` reads the answer."""
        return self.client.generic(
            method,
            path,
            body if isinstance(body, bytes) else b"" if body is None else _json(body),
            content_type="application/json",
            headers={**self.headers, **(headers or {})},
        )


def _json(body: Any) -> bytes:
    return json.dumps(body, cls=DjangoJSONEncoder).encode()


@pytest.fixture
def api(scene: Scene) -> Caller:
    """Call the API with the scene's key."""
    return Caller(scene.key)


@pytest.fixture
def range_api(range_scene: Scene) -> Caller:
    """Call the API with the range scene's key."""
    return Caller(range_scene.key)


def together(count: int, act: Callable[[], Any]) -> list[Any]:
    """Do something in so many threads at the same moment; give what each returned or raised."""
    barrier = threading.Barrier(count)

    def run() -> Any:
        barrier.wait()
        try:
            return act()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(count)]]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Run the product once for all tests that want real connections."""
    with running_server() as running:
        yield running
