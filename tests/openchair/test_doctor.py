"""`manage.py doctor`: each sentence provoked."""

import io
import shutil
from collections import namedtuple
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from bookings.demo import GROUPS
from openchair import doctor, env
from openchair.doctor import database
from openchair.operations import probes
from practices.models import Kind, Location
from tests import factories
from tests.factories import Scene

only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's")
only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's")


@pytest.fixture
def operated(settings: Any, db: None, django_user_model: Any) -> Any:
    """Set up an installation with which nothing is wrong but what the test's own database is."""
    settings.ALLOWED_HOSTS = ["openchair.example"]
    settings.HTTPS_ONLY = settings.SECURE_SSL_REDIRECT = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    settings.BIND, settings.WEB_CONCURRENCY = "127.0.0.1:8000", 2
    settings.SECRET_KEY = "zQ7vX0pLk3_mN8bR-tY5wE2uI9oA6sD1fG4hJcVxZqWnMrTpKyBe"
    django_user_model.objects.create_superuser("ruth", password="x")
    return settings


def found() -> dict[str, str]:
    """Give what doctor finds, by id."""
    return {str(each.id).partition(".")[2]: f"{each.msg} {each.hint}" for each in doctor.findings()}


CLASHES: dict[str, tuple[dict[str, Any], str]] = {
    "W101": ({"ALLOWED_HOSTS": ["*"]}, "Write the names"),
    "W102": ({"HTTPS_ONLY": False}, "in clear"),
    "W103": ({"TRUSTED_PROXIES": []}, "every request counts as plain HTTP"),
    "W104": ({"BIND": "unix:/run/web.sock"}, "Add unix to TRUSTED_PROXIES"),
    "W105": ({"TRUSTED_PROXIES": [ip_network("0.0.0.0/0")]}, "claim to be anybody"),
    "I107": ({"WEB_CONCURRENCY": 256}, "two workers for each processor"),
    "W108": ({"BIND": "0.0.0.0:80", "HTTPS_ONLY": False}, "Listen on 127.0.0.1"),
    "W018": ({"DEBUG": True}, "DEBUG"),
    "W009": ({"SECRET_KEY": "short"}, "SECRET_KEY"),
}


@pytest.mark.parametrize("clash", CLASHES)
def test_settings_that_clash_are_told_by_doctor_and_by_check(clash: str, operated: Any) -> None:
    assert clash not in found()
    changed, phrase = CLASHES[clash]
    for name, value in changed.items():
        setattr(operated, name, value)
    assert phrase in found()[clash]
    told = checks.run_checks(include_deployment_checks=True)
    assert any(str(each.id).endswith(clash) for each in told)


def test_who_only_tries_it_on_this_machine_is_told_nothing_of_the_settings(operated: Any) -> None:
    for changed, _ in CLASHES.values():
        for name, value in changed.items():
            setattr(operated, name, value)
    operated.ALLOWED_HOSTS = env.THIS_MACHINE
    assert not {each for each in found() if each in CLASHES}


Answers = Callable[..., None]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Let the database answer otherwise to what contains some words."""
    really = database._ask

    def otherwise(**said: Any) -> None:
        def ask(sql: str) -> Any:
            for words, answer in said.items():
                if words in sql:
                    return answer
            return really(sql)

        monkeypatch.setattr(database, "_ask", ask)

    return otherwise


@only_postgresql
@pytest.mark.parametrize(
    ("said", "expected", "phrase"),
    [
        ({"clock_timestamp": 1_000_000_000}, "W122", "Let both follow the time"),
        ({"server_version_num": "140011"}, "E123", "version 15 or later"),
        ({"server_encoding": "SQL_ASCII"}, "E124", "UTF8"),
        (
            {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "off"},
            "W125",
            "commit is",
        ),
        ({"max_connections": "5"}, "W126", "10 connections, and PostgreSQL takes 2"),
        ({"rolsuper": False, "bookings_event": True}, "W128", "record of what happened"),
    ],
)
def test_what_is_wrong_with_postgresql_is_told(
    said: dict[str, Any], expected: str, phrase: str, operated: Any, answers: Answers
) -> None:
    sound = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
    answers(**sound, rolsuper=False, bookings_event=False)
    assert not {each for each in found() if each[1:3] == "12"}
    answers(**{**sound, "rolsuper": False, "bookings_event": False, **said})
    assert phrase in found()[expected]


@only_postgresql
def test_the_throw_away_server_of_these_tests_is_not_fit_for_production(operated: Any) -> None:
    told = found()
    assert "fsync and full_page_writes and synchronous_commit are off" in told["W125"]
    assert "may rule the whole server" in told["W127"]


@only_sqlite
@pytest.mark.parametrize(
    ("said", "expected", "phrase"),
    [
        ({"journal_mode": "delete"}, "W133", "not in WAL mode"),
        ({"synchronous": 1}, "W133", "written through"),
        ({"quick_check": "row 7 missing from index x"}, "E134", "Restore the last backup"),
    ],
)
def test_what_is_wrong_with_sqlite_is_told(
    said: dict[str, Any], expected: str, phrase: str, operated: Any, answers: Answers
) -> None:
    assert expected not in found()
    answers(**said)
    assert phrase in found()[expected]


@only_sqlite
def test_a_file_that_others_read_or_that_is_far_away_is_told(
    operated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(str(connection.settings_dict["NAME"]))
    file.chmod(0o600)
    assert not {"E131", "W132"} & set(found())
    assert "one machine" in found()["I130"]
    file.chmod(0o640)
    assert f"chmod 600 {file}" in found()["W132"]
    monkeypatch.setattr(database, "file_system", lambda _: "nfs4")
    assert "network file system (nfs4)" in found()["E131"]


@pytest.mark.skipif(not Path("/proc/mounts").exists(), reason="Linux has /proc")
def test_a_file_system_is_known_by_where_it_is_mounted() -> None:
    assert database.file_system(Path("/proc/version")) == "proc"
    assert database.file_system(Path(__file__)) not in {"", "proc"}


def test_a_database_that_is_away_is_told_and_nothing_else_of_it(
    operated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: str) -> None:
        raise OperationalError("server closed the connection; password=geheim")

    monkeypatch.setattr(database, "_ask", gone)
    told = found()
    assert "See that it runs" in told["E120"]
    assert "geheim" not in str(told)
    assert not {each for each in told if each[1:3] in {"12", "13", "14"}} - {"E120"}


def test_missing_migrations_are_told(operated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = probes.known_migrations()
    monkeypatch.setattr(probes, "known_migrations", lambda: known | {"bookings.0999_next"})
    assert "Run manage.py migrate" in found()["E121"]
    assert "bookings.0999_next" in found()["E121"]


def test_a_full_disk_is_told(operated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 9 * 10**11, 10**11))
    assert "W110" not in found()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 10**7, 10**7))
    assert "has 10 MB left" in found()["W110"]


def test_what_is_left_of_the_demo_is_told_in_production(
    operated: Any, django_user_model: Any
) -> None:
    assert not {"E141", "W142", "W143"} & set(found())
    django_user_model.objects.create_user("demo-operator", password="x")
    factories.practice(Kind.EXACT, id=GROUPS["exact"].id, name="Acme")
    django_user_model.objects.filter(is_superuser=True).update(is_active=False)
    told = found()
    assert "demo-operator" in told["E141"]
    assert "Acme" in told["W142"]
    assert "createsuperuser" in told["W143"]
    operated.ALLOWED_HOSTS = env.THIS_MACHINE
    assert not {"E141", "W142", "W143"} & set(found())


def test_a_zone_that_python_does_not_know_is_told(operated: Any) -> None:
    made = factories.location(factories.practice())
    assert "E140" not in found()
    Location.objects.filter(pk=made.pk).update(timezone="America/Nowhere")
    assert made.pk in found()["E140"]


def test_partners_whose_last_key_ends_soon_are_told(operated: Any) -> None:
    def ends(days: float) -> Any:
        return timezone.now() + timedelta(days=days)

    lasting, ending, ended = (factories.partner(name=name) for name in ("A", "B", "C"))
    factories.key(lasting, expires_at=ends(3))
    factories.key(lasting)
    row, text = factories.key(ending, expires_at=ends(3))
    factories.key(ending, expires_at=ends(60))[0].delete()
    factories.key(ended, expires_at=ends(30))
    told = found()["W144"]
    assert row.prefix in told
    assert text not in told
    assert "of B expires" in told
    factories.key(ending, expires_at=ends(60))
    assert "W144" not in found()


def test_it_ends_with_1_where_something_is_to_be_mended(
    scene: Scene, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOWED_HOSTS = env.THIS_MACHINE
    told: list[checks.CheckMessage] = []
    monkeypatch.setattr(doctor, "findings", lambda: iter(told))

    def run() -> tuple[int, str]:
        out = io.StringIO()
        try:
            call_command("doctor", stdout=out)
        except SystemExit as ended:
            return int(str(ended.code)), out.getvalue()
        return 0, out.getvalue()

    assert run() == (0, "All is well.\n")
    told.append(checks.Info("It is so.", "Leave it.", id="openchair.I1"))
    assert run()[0] == 0
    told.append(checks.Warning("It is wrong.", "Do this.", id="openchair.W2"))
    ended, text = run()
    assert ended == 1
    assert "It is wrong.\n    Do this.\n    (openchair.W2)\n" in text
    assert text.endswith("1 to be mended.\n")
