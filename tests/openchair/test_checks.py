"""System checks, `manage.py check --deploy --database default`: each message provoked."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.core.checks import run_checks
from django.db import OperationalError, connection
from django.utils import timezone

from bookings.demo.practices import GROUPS
from bookings.messages import periodic
from openchair.operations import checks
from practices.models import Doctor, Kind, Location
from tests import factories
from tests.conftest import only_once
from tests.messages import tasks

only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's")
only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's")


@pytest.fixture
def operated(settings: Any, db: None) -> Any:
    """Set up an installation with nothing wrong but the test's own database."""
    settings.ALLOWED_HOSTS = ["openchair.example"]
    settings.HTTPS_ONLY = settings.SECURE_SSL_REDIRECT = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    settings.BIND, settings.WEB_CONCURRENCY = "127.0.0.1:8000", 2
    settings.SECRET_KEY = "zQ7vX0pLk3_mN8bR-tY5wE2uI9oA6sD1fG4hJcVxZqWnMrTpKyBe"
    settings.EMAIL_URL, settings.PUBLIC_URL = {"EMAIL_HOST": "x"}, "https://openchair.example"
    return settings


def found(*databases: str) -> dict[str, str]:
    """Return the messages of the checks whose id ends so."""
    told = run_checks(include_deployment_checks=True, databases=databases or None)
    told = [each for each in told if not each.is_silenced()]
    return {str(each.id).partition(".")[2]: f"{each.msg} {each.hint}" for each in told}


CLASHES: dict[str, tuple[dict[str, Any], str]] = {
    "W101": ({"ALLOWED_HOSTS": ["*"]}, "Write the names"),
    "W102": ({"HTTPS_ONLY": False}, "in clear"),
    "W103": ({"TRUSTED_PROXIES": []}, "every request counts as plain HTTP"),
    "W104": ({"BIND": "unix:/run/web.sock"}, "Add unix to TRUSTED_PROXIES"),
    "W105": ({"TRUSTED_PROXIES": [ip_network("0.0.0.0/0")]}, "claim to be anybody"),
    "W106": ({"HTTPS_ONLY": False, "TRUSTED_PROXIES": []}, "all patients"),
    "I107": ({"EMAIL_URL": {}}, "written to files"),
    "W108": ({"EMAIL_URL": {}, "PUBLIC_URL": "http://127.0.0.1:8000"}, "in clear"),
    "W018": ({"DEBUG": True}, "DEBUG"),
    "W009": ({"SECRET_KEY": "django-insecure-" + "x7" * 30}, "SECRET_KEY"),
}


@only_once
@pytest.mark.parametrize("clash", CLASHES)
def test_settings_that_clash_are_told(clash: str, operated: Any) -> None:
    assert found() == {}
    changed, phrase = CLASHES[clash]
    for name, value in changed.items():
        setattr(operated, name, value)
    assert phrase in found()[clash]


Answers = Callable[..., None]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Answer SQL that contains some words with another value."""
    really = checks._ask

    def otherwise(**said: Any) -> None:
        def ask(sql: str) -> Any:
            for words, answer in said.items():
                if words in sql:
                    return answer
            return really(sql)

        monkeypatch.setattr(checks, "_ask", ask)

    return otherwise


@only_postgresql
@pytest.mark.parametrize(
    ("said", "expected", "phrase"),
    [
        ({"synchronous_commit": "off"}, "W125", "this is off: synchronous_commit."),
        ({"max_connections": "4"}, "W126", "a connection each, and PostgreSQL takes 1"),
        ({"rolsuper": True}, "W127", "may rule the whole server"),
        ({"bookings_event": True}, "W128", "record of what happened"),
    ],
)
def test_what_is_wrong_with_postgresql_is_told(
    said: dict[str, Any], expected: str, phrase: str, operated: Any, answers: Answers
) -> None:
    sound: dict[str, Any] = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
    sound |= {"rolsuper": False, "bookings_event": False}
    answers(**sound)
    assert found("default") == {}
    answers(**{**sound, **said})
    assert phrase in found("default")[expected]


@only_postgresql
def test_the_throw_away_server_of_these_tests_is_not_fit_for_production(operated: Any) -> None:
    told = found("default")
    assert "off: fsync, full_page_writes, synchronous_commit" in told["W125"]
    assert "may rule the whole server" in told["W127"]


@only_sqlite
def test_a_file_that_others_read_is_told(operated: Any) -> None:
    file = Path(str(connection.settings_dict["NAME"]))
    assert found("default") == {}
    file.chmod(0o640)
    try:
        assert f"chmod 600 {file}" in found("default")["W132"]
    finally:
        file.chmod(0o600)


def test_a_database_that_is_away_is_told_and_its_password_is_not(
    operated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: object) -> None:
        raise OperationalError("server closed the connection; password=geheim")

    monkeypatch.setattr(checks, "_postgresql", lambda: gone(None))
    monkeypatch.setattr(checks, "_sqlite", gone)
    told = found("default")
    assert "is not answering" in told["E120"]
    assert "See that it runs" in told["E120"]
    assert "geheim" not in str(told)
    assert found() == {}


def test_what_is_left_of_the_demo_is_told(operated: Any, django_user_model: Any) -> None:
    assert not {"E141", "W142"} & set(found("default"))
    django_user_model.objects.create_user("demo-operator", password="x")
    factories.practice(Kind.EXACT, id=GROUPS["exact"].id, name="Acme")
    told = found("default")
    assert "demo-operator" in told["E141"]
    assert "Acme" in told["W142"]


def test_a_zone_that_python_does_not_know_is_told(operated: Any) -> None:
    made = factories.location(factories.practice())
    assert "E140" not in found("default")
    Location.objects.filter(pk=made.pk).update(timezone="America/Nowhere")
    assert made.pk in found("default")["E140"]


def test_partners_whose_last_key_ends_soon_are_told(operated: Any) -> None:
    def ends(days: float) -> Any:
        return timezone.now() + timedelta(days=days)

    lasting, ending, ended = (factories.partner(name=name) for name in ("A", "B", "C"))
    factories.key(lasting, expires_at=ends(3))
    factories.key(lasting)
    row, text = factories.key(ending, expires_at=ends(3))
    factories.key(ending, expires_at=ends(60))[0].delete()
    factories.key(ended, expires_at=ends(30))
    told = found("default")["W144"]
    assert row.prefix in told
    assert text not in told
    assert "of B expires" in told
    factories.key(ending, expires_at=ends(60))
    assert "W144" not in found("default")


def test_mail_that_waits_or_fails_is_told(operated: Any) -> None:
    periodic.ensure()
    assert not {"W145", "W146"} & set(found("default"))
    tasks.task(attempts=3, error="SMTPAuthenticationError", run_after=timezone.now())
    told = found("default")
    assert "W145" not in told
    assert "tried again: SMTPAuthenticationError." in told["W146"]
    tasks.task(run_after=timezone.now() - timedelta(minutes=11))
    assert "E-mail: the first task has been waiting since" in found("default")["W145"]


def test_a_path_that_does_not_lead_to_a_practice_is_refused(
    operated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin.site._registry[Doctor], "practice_path", "locations")
    assert "does not lead to its practice" in found()["E002"]
