"""Health checks: /livez and /readyz."""

import os
import socket
import time
from http.client import HTTPConnection
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from openchair.operations import probes
from tests.conftest import only_once
from tests.server import free_port, serving


def probe(path: str, method: str = "GET", **headers: str) -> Any:
    return Client().generic(method, path, headers=headers)


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("host", ["10.3.2.1:8000", "evil.example", "", "a b"])
def test_a_probe_needs_no_key_no_https_and_no_known_host(
    path: str, host: str, transactional_db: None, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["openchair.example"]
    settings.SECURE_SSL_REDIRECT = settings.HTTPS_ONLY = True
    for method in ("GET", "HEAD"):
        answer = probe(path, method, Host=host)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert not answer.cookies
    assert probe(path, "POST", Host=host).status_code == 405


def test_livez_touches_no_database() -> None:
    assert probe("/livez").content == b"ok\n"  # this test has none


def test_readyz_says_no_until_every_migration_is_applied(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    known = probes.known_migrations()
    monkeypatch.setattr(probes, "known_migrations", lambda: known | {"bookings.0999_next"})
    answer = probe("/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.content == b"not ready\n"
    assert caplog.messages[0:1] == [
        "not ready: bookings.0999_next not applied: run manage.py migrate"
    ]
    monkeypatch.undo()
    assert probe("/readyz").content == b"ready\n"


def test_a_database_without_any_table_lacks_every_migration(transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_migrations RENAME TO elsewhere")
    try:
        assert "bookings.0001_initial" in probes.missing_migrations()
        assert probe("/readyz").status_code == 503
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO django_migrations")


def test_migrations_of_a_later_release_do_no_harm(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = probes.known_migrations() - {"bookings.0001_initial"}
    monkeypatch.setattr(probes, "known_migrations", lambda: fewer)
    assert probe("/readyz").status_code == 200


@only_once
def test_without_a_database_livez_is_200_and_readyz_503_within_seconds() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        database = f"postgres://geheim:geheim@127.0.0.1:{silent.getsockname()[1]}/geheim"
        with serving({**os.environ, "DATABASE_URL": database, "PORT": str(port)}):
            assert ask(port, "/livez") == (200, b"ok\n")
            ask(port, "/readyz")  # the first one of a process also loads the migrations
            began = time.monotonic()
            assert ask(port, "/readyz") == (503, b"not ready\n")
            assert time.monotonic() - began < 15  # 2 here; a busy machine is given time
            assert ask(port, "/livez") == (200, b"ok\n")


def ask(port: int, path: str) -> tuple[int, bytes]:
    calling = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        calling.request("GET", path)
        answer = calling.getresponse()
        return answer.status, answer.read()
    finally:
        calling.close()
