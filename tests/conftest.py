"""Shared fixtures and marks: scenes, API callers, a clock, threads, a running server."""

import gc
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.test import Client

from practices.models import Kind
from tests.factories import NOON, Scene
from tests.receiver import LOCAL, Receiver, authority, receiving
from tests.server import Server, keep_migrated, running_server

PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
QUICK = "django.contrib.auth.hashers.MD5PasswordHasher"
BENCH = Path(__file__).with_name("bench")
MARKS = {
    "only_once(engine)": "says nothing of the engine: with --share it runs on this one alone",
    "nightly": "takes long: runs only with --nightly, as does all of tests/bench",
    "each_push": "runs without --nightly too, in a module that is nightly",
}
only_once = pytest.mark.only_once("postgresql")
only_once_on_sqlite = pytest.mark.only_once("sqlite")
"""Which of the two: the one that is stricter with such values, or else whose half is shorter."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="run what takes long, too")
    parser.addoption(
        "--share", action="store_true", help="leave to the other engine what says nothing of either"
    )


def pytest_configure(config: pytest.Config) -> None:
    for mark, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{mark}: {meaning}")


def pytest_collection_finish() -> None:
    """Leave out of garbage collection what is there by now, as openchair/gunicorn.py does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out nightly tests, and those for the other engine."""
    out = {item for item in items if _is_left_out(config, item)}
    items[:] = [item for item in items if item not in out]
    config.hook.pytest_deselected(items=[*out])


def _is_left_out(config: pytest.Config, item: pytest.Item) -> bool:
    engine = item.get_closest_marker("only_once")
    if config.getoption("share") and engine and engine.args != (connection.vendor,):
        return True
    is_long = BENCH in item.path.parents or item.get_closest_marker("nightly") is not None
    is_light = item.get_closest_marker("each_push") is not None
    return is_long and not is_light and not config.getoption("nightly")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give each run an SQLite file: threads cannot share a database in memory."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = tmp_path_factory.mktemp("db") / "test.sqlite3"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Keep a copy of the new test database, for the servers of tests."""
    with django_db_blocker.unblock():
        connection.close()
        keep_migrated(str(connection.settings_dict["NAME"]))


@pytest.fixture(autouse=True)
def _settings_of_tests(settings: Any) -> None:
    """Raise the limits (tests about limits set their own), hash quickly, collect no files."""
    settings.RATE_LIMIT = (1_000_000, 60)
    settings.WRONG_KEY_LIMIT = (1_000_000, 60)
    settings.LOGIN_LIMIT = (1_000_000, 60)
    settings.PASSWORD_HASHERS = [QUICK, *settings.PASSWORD_HASHERS]
    settings.STORAGES = {"staticfiles": {"BACKEND": PLAIN}}
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Stop the clock at NOON; `clock.shift(seconds)` and `clock.move_to(...)` change it."""
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
        """Send a request; `response.json()` parses the answer."""
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
    return Caller(scene.key)


@pytest.fixture
def range_api(range_scene: Scene) -> Caller:
    return Caller(range_scene.key)


def together(count: int, act: Callable[[], Any]) -> list[Any]:
    """Run something in `count` threads at the same moment; return what each returned or raised."""
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
    """Run the product once, for all tests with real connections."""
    with running_server() as running:
        yield running


@pytest.fixture
def trusting(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process call the receivers of tests/receiver.py."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority()))
    settings.WEBHOOK_PRIVATE_HOSTS = frozenset({LOCAL})


@pytest.fixture
def receiver(trusting: None) -> Iterator[Receiver]:
    """Run a partner's receiver of webhooks, which this process may call."""
    with receiving() as running:
        yield running
