"""Settings from the environment: values that are refused, and the message."""

import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from openchair import env
from tests.conftest import only_once_on_sqlite
from tests.server import ROOT

pytestmark = only_once_on_sqlite


def refuses(monkeypatch: pytest.MonkeyPatch, value: str, read: Any) -> str:
    monkeypatch.setenv("SETTING", value)
    with pytest.raises(ImproperlyConfigured, match="SETTING") as refused:
        read("SETTING")
    return str(refused.value)


@pytest.mark.parametrize("odd", ["maybe", "2", "onn"])
def test_a_switch_is_on_or_off(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    assert "write on or off" in refuses(monkeypatch, odd, lambda name: env.flag(name, default=True))
    for text, value in (("on", True), ("TRUE", True), ("0", False), ("no", False), ("", True)):
        monkeypatch.setenv("SETTING", text)
        assert env.flag("SETTING", default=True) is value


@pytest.mark.parametrize("odd", ["none", "offerd", "operators,everybody"])
def test_a_choice_is_one_of_its_words(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    def read(name: str) -> str:
        return env.choice(name, default="off", of=("off", "on", "ask"))

    assert "write off, on or ask" in refuses(monkeypatch, odd, read)
    monkeypatch.setenv("SETTING", " ASK ")
    assert read("SETTING") == "ask"


@pytest.mark.parametrize("odd", ["0", "-1", "1.5", "ten", "99999999999", "٣"])
def test_a_number_is_whole_and_within_bounds(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    message = refuses(monkeypatch, odd, lambda name: env.number(name, default=5, most=100))
    assert "from 1 to 100" in message


@pytest.mark.parametrize("odd", ["600", "600/", "600/minute", "/min", "0/min", "-1/min", "a/min"])
def test_a_rate_is_so_many_in_a_period(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    assert "600/min for example" in refuses(
        monkeypatch, odd, lambda name: env.rate(name, default="600/min")
    )
    monkeypatch.setenv("SETTING", "5/sec")
    assert env.rate("SETTING", default="600/min") == (5, 1)


@pytest.mark.parametrize("odd", ["https://openchair.example", "a b", "openchair.example:8000"])
def test_hosts_are_bare_names(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    assert "bare host names" in refuses(monkeypatch, odd, env.hosts)


@pytest.mark.parametrize("odd", ["https://emr", "emr:8443", "*.emr", "::1", "a b", "10.0.0.0/8"])
def test_private_hosts_are_names_and_addresses(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    assert "write bare names or" in refuses(monkeypatch, f"emr,{odd}", env.private_hosts)
    monkeypatch.setenv("SETTING", "EMR, 10.0.0.7,[fd00::7],")
    assert env.private_hosts("SETTING") == {"emr", "10.0.0.7", "[fd00::7]"}


@pytest.mark.parametrize(
    "odd",
    ["proxy:4750", "https://proxy:4750", "http://me:secret@proxy:1", "http://proxy", "http://a:0"],
)
def test_a_proxy_is_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    said = refuses(monkeypatch, odd, env.proxy)
    assert "write http://proxy.example:4750" in said
    assert "secret" not in said
    monkeypatch.setenv("SETTING", "http://proxy.example:4750/")
    read = env.proxy("SETTING")
    assert read
    assert (read.hostname, read.port) == ("proxy.example", 4750)


@pytest.mark.parametrize("odd", ["mysql://x/y", "openchair", "postgres://u:geheim@h:port/name"])
def test_a_database_is_named_by_a_url_and_its_password_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    message = refuses(monkeypatch, odd, lambda name: env.database(name, embedded=Path("x")))
    assert "postgres://user:password@host:5432/name" in message
    assert "geheim" not in message


def test_a_database_may_have_standbys_as_libpq_writes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts = "host=h1,10.0.0.2&port=5432,5433&target_session_attrs=read-write"
    monkeypatch.setenv("SETTING", f"postgres://u:p%2C@/db?{hosts}")
    config = env.database("SETTING", embedded=Path("x"))
    assert (config["USER"], config["PASSWORD"], config["NAME"]) == ("u", "p,", "db")
    assert config["OPTIONS"] == {
        "host": "h1,10.0.0.2",
        "port": "5432,5433",
        "target_session_attrs": "read-write",
    }
    message = refuses(
        monkeypatch,
        "postgres://u:geheim@h1:5432,h2:5432/db",
        lambda name: env.database(name, embedded=Path("x")),
    )
    assert "@/name?host=host1,host2&port=5432,5432&target_session_attrs=read-write" in message
    assert "geheim" not in message


def test_a_weak_secret_key_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def read(name: str) -> str:
        return env.secret_key(name, kept_in=tmp_path / "key", local=False)

    assert "too weak" in refuses(monkeypatch, "secret", read)
    assert "too weak" in refuses(monkeypatch, "a" * 60, read)
    assert "is needed" in refuses(monkeypatch, "", read)


def test_an_installation_of_this_machine_alone_keeps_a_key_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SETTING", raising=False)
    kept_in = tmp_path / "data" / "key"
    keys = {env.secret_key("SETTING", kept_in=kept_in, local=True) for _ in range(2)}
    assert len(keys) == 1
    assert stat.S_IMODE(kept_in.stat().st_mode) == 0o600
    assert list(kept_in.parent.iterdir()) == [kept_in]


def settings_with(**environment: str) -> "subprocess.CompletedProcess[str]":
    program = (
        "from openchair import settings as s;"
        "print(s.DEBUG, s.HTTPS_ONLY, s.SESSION_COOKIE_SECURE, s.ALLOWED_HOSTS)"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_this_machine_alone_is_answered_over_http_unless_said() -> None:
    told = settings_with().stdout
    assert told == "False False False ['localhost', '127.0.0.1', '[::1]']\n"


def test_debug_pages_are_for_this_machine_alone() -> None:
    public = {"DEBUG": "on", "SECRET_KEY": secrets.token_urlsafe(50)}
    refused = settings_with(ALLOWED_HOSTS="openchair.example", **public)
    assert "its pages show settings and patients" in refused.stderr
    assert refused.returncode != 0
    assert settings_with(**public).stdout.startswith("True ")


def test_other_hosts_want_https_and_a_secret_key() -> None:
    assert "SECRET_KEY is needed" in settings_with(ALLOWED_HOSTS="openchair.example").stderr
    told = settings_with(
        ALLOWED_HOSTS="openchair.example",
        SECRET_KEY=secrets.token_urlsafe(50),
        PATIENT_KEYS=Fernet.generate_key().decode(),
    ).stdout
    assert told == "False True True ['openchair.example']\n"


def test_a_hold_cannot_be_longer_than_the_longest() -> None:
    refused = settings_with(HOLD_SECONDS="600", HOLD_MAX_SECONDS="300").stderr
    assert "HOLD_MAX_SECONDS is 300, less than HOLD_SECONDS (600)" in refused


@pytest.mark.parametrize("odd", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33", "*", "fe80::/4x"])
def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    assert "10.1.0.0/16" in refuses(monkeypatch, f"127.0.0.1, {odd}", env.networks)
    monkeypatch.setenv("SETTING", "127.0.0.1, 10.1.0.0/16,unix,::1")
    assert [str(each) for each in env.networks("SETTING")] == [
        "127.0.0.1/32",
        "10.1.0.0/16",
        "unix",
        "::1/128",
    ]


@pytest.mark.parametrize(
    "odd",
    [
        *("mail.example", "imap://mail.example", "smtp://", "smtp://u:geheim@mail.example:port"),
        *("smtps://u:geheim@mail.example/?tls=off", "smtp://[::1"),
        *("smtp://u:12/geheim@mail.example", "smtp://u:12#geheim@mail.example"),
        *("smtp://u@mail.example", "smtp://:geheim@mail.example"),
    ],
)
def test_a_mail_server_is_named_by_a_url_and_its_password_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    message = refuses(monkeypatch, odd, env.mail_server)
    assert "smtps://user:password@host:465" in message
    assert "geheim" not in message


@pytest.mark.parametrize(
    ("url", "host", "port", "starttls", "tls"),
    [
        ("smtp://mail.example", "mail.example", 587, True, False),
        ("smtp://mail.example:25", "mail.example", 25, True, False),
        ("smtps://mail.example", "mail.example", 465, False, True),
        ("smtps://127.0.0.1", "127.0.0.1", 465, False, True),
        ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, False, False),
        ("smtp://localhost", "localhost", 25, False, False),
    ],
)
def test_mail_goes_in_clear_to_a_server_on_this_machine_alone(
    url: str, host: str, port: int, monkeypatch: pytest.MonkeyPatch, *, starttls: bool, tls: bool
) -> None:
    monkeypatch.setenv("SETTING", url)
    told = env.mail_server("SETTING")
    assert (told["EMAIL_HOST"], told["EMAIL_PORT"]) == (host, port)
    assert (told["EMAIL_USE_TLS"], told["EMAIL_USE_SSL"]) == (starttls, tls)


def test_a_mail_servers_login_is_percent_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTING", "smtps://us%40example.org:p%3A%2F@mail.example")
    told = env.mail_server("SETTING")
    assert (told["EMAIL_HOST_USER"], told["EMAIL_HOST_PASSWORD"]) == ("us@example.org", "p:/")
    monkeypatch.setenv("SETTING", "")
    assert env.mail_server("SETTING") == {}


@pytest.mark.parametrize("odd", ["visits", "Visits <visits@example.org>", "a@b.org, c@d.org"])
def test_a_sender_is_one_bare_address(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    assert "one e-mail address" in refuses(
        monkeypatch, odd, lambda name: env.mailbox(name, default="")
    )


def test_a_mail_server_wants_a_sender() -> None:
    assert "EMAIL_FROM is needed" in settings_with(EMAIL_URL="smtp://mail.example").stderr


@pytest.mark.parametrize(
    "odd", ["openchair.example", "ftp://x", "https://x/book", "https://x?y", "https://:"]
)
def test_a_public_url_is_a_scheme_and_a_host(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    def read(name: str) -> str:
        return env.public_url(name, hosts=["other.example"], port=8000, https=True)

    assert "without a path" in refuses(monkeypatch, odd, read)
    for text, url in (("https://x.example/", "https://x.example"), ("", "https://other.example")):
        monkeypatch.setenv("SETTING", text)
        assert read("SETTING") == url


@pytest.mark.parametrize("hosts", [[".example.org", "*"], env.THIS_MACHINE])
def test_without_a_name_patients_are_led_to_this_machine(
    monkeypatch: pytest.MonkeyPatch, hosts: list[str]
) -> None:
    monkeypatch.delenv("SETTING", raising=False)
    assert env.public_url("SETTING", hosts=hosts, port=8001, https=True) == "http://127.0.0.1:8001"
