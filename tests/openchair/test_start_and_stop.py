"""gunicorn as a process: refused starts, graceful stop, hanging workers."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.db import connection

from tests.conftest import only_once
from tests.gunicorn_settings import database_options, gunicorn_setting
from tests.server import ROOT, installed, running_server, start_in_vain

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="its locks can be held from outside"
)
BOOKING = "/onlinescheduling/booking"
LOCATION = "/scheduling/location/b2rGH"


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gives_signs(worker: int) -> bool:
    """Whether a worker has sent gunicorn a heartbeat, by the time of its file."""
    told = []
    for file in Path(f"/proc/{worker}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            if "wgunicorn-" in str(file.readlink()):
                told.append(file.stat().st_mtime)
    return any(moment <= time.monotonic() for moment in told)  # before, it is the time of day


@on_postgresql
@pytest.mark.parametrize("proxies", ["", "127.0.0.1"], ids=["gthread", "sync"])
def test_what_is_under_way_is_answered_before_the_server_stops(proxies: str) -> None:
    with running_server(TRUSTED_PROXIES=proxies) as server, ThreadPoolExecutor(2) as pool:
        path = f"{BOOKING}/under-way"
        opening = {"id": "under-way", "location_id": "b2rGH", "doctor_id": "DD3456"}
        assert server.call("POST", BOOKING, opening).status == 201
        with psycopg.connect(server.environment["DATABASE_URL"]) as other:
            other.execute("SELECT 1 FROM bookings_booking WHERE id = 'under-way' FOR UPDATE")
            change = pool.submit(server.call, "PUT", path, {"length": 30})
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            until(lambda: other.execute(waiting.encode()).fetchone() is not None)
            page = pool.submit(server.call, "GET", "/docs/")
            assert page.result().status == 200
            server.process.terminate()
            until(lambda: len(server.workers()) == 1)
            assert not change.done()
        answer = change.result()
        assert (answer.status, answer.json()["length"]) == (200, 30)
        assert server.process.wait(timeout=60) == 0
        with pytest.raises(ConnectionRefusedError):
            server.call("GET", path)


@only_once
def test_a_worker_that_hangs_stops_nobody_and_is_replaced() -> None:
    with running_server(GUNICORN_CMD_ARGS="--timeout 3") as server:
        until(lambda: [gives_signs(worker) for worker in server.workers()] == [True, True])
        hung, _ = before = server.workers()
        os.kill(hung, signal.SIGSTOP)
        assert {server.call("GET", LOCATION).status for _ in range(10)} == {200}
        until(lambda: len({*server.workers()} - {*before}) == 1 and hung not in server.workers())
        assert {server.call("GET", LOCATION).status for _ in range(10)} == {200}


def test_a_request_may_wait_for_the_database_without_its_worker_being_taken_for_hung() -> None:
    assert gunicorn_setting("timeout", PATIENCE="2") == "30"
    assert int(gunicorn_setting("timeout", PATIENCE="60")) > 3 * 60


@pytest.mark.parametrize(
    ("environment", "worker"),
    [
        ({}, "gthread"),
        ({"TRUSTED_PROXIES": "127.0.0.1"}, "sync"),
        ({"BIND": "unix:/run/openchair/web.sock"}, "sync"),
    ],
)
def test_a_worker_has_threads_only_where_no_proxy_keeps_slow_clients_away(
    environment: dict[str, str], worker: str
) -> None:
    assert gunicorn_setting("worker_class", **environment) == worker
    assert int(gunicorn_setting("threads", **environment)) == (4 if worker == "gthread" else 1)


def test_the_server_has_time_outs_and_commands_have_the_roles() -> None:
    postgresql = {"DATABASE_URL": "postgres:///unused", "PATIENCE": "3"}
    serving = database_options(**postgresql, SERVING="on")
    assert "lock_timeout=3s -c statement_timeout=3s" in serving
    assert "'patience': 3.5" in serving
    assert "lock_timeout" not in (command := database_options(**postgresql))
    assert "patience" not in command
    sqlite = {"DATABASE_URL": "sqlite:////unused", "PATIENCE": "3"}
    assert "'timeout': 3" in database_options(**sqlite, SERVING="on")
    assert "'timeout': 20" in database_options(**sqlite)


def test_a_server_that_lacks_the_key_of_patients_does_not_start() -> None:
    with installed(ROOT) as (environment, _):
        environment["PATIENT_KEYS"] = Fernet.generate_key().decode()
        started = start_in_vain(environment)
    assert started.returncode != 0
    assert "PATIENT_KEYS cannot read" in started.stderr
