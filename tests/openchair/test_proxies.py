"""TRUSTED_PROXIES: client address and scheme from X-Forwarded-*, gunicorn's trust off."""

import socket
from datetime import UTC, datetime
from http.client import HTTPConnection
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from openchair import env
from openchair.serving import proxies
from practices import keys
from tests.conftest import Caller, only_once
from tests.factories import Scene
from tests.server import ROOT, free_port, installed, serving

PROXY, INNER = "10.0.0.7", "10.0.1.9"
TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def settled(
    peer: str, forwarded_for: str | None = None, proto: str | None = None
) -> dict[str, Any]:
    environ: dict[str, Any] = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    if forwarded_for is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded_for
    if proto is not None:
        environ["HTTP_X_FORWARDED_PROTO"] = proto
    proxies.settle(environ)
    return environ


ADDRESSES = [
    # (who connected, X-Forwarded-For, who calls)
    (PROXY, "203.0.113.5", "203.0.113.5"),
    (PROXY, None, PROXY),
    (PROXY, "", PROXY),
    (PROXY, "1.1.1.1, 203.0.113.5", "203.0.113.5"),  # anything further left is the client's own
    (PROXY, f"203.0.113.5, {INNER}", "203.0.113.5"),
    (PROXY, f"1.1.1.1,203.0.113.5 ,{INNER}, {INNER}", "203.0.113.5"),
    (PROXY, f"{INNER}, {INNER}", INNER),
    (PROXY, "203.0.113.5:40312", "203.0.113.5"),
    (PROXY, "2001:db8::5", "2001:db8::5"),
    (PROXY, "2001:DB8:0:0::5", "2001:db8::5"),
    (PROXY, "[2001:db8::5]:40312", "2001:db8::5"),
    (PROXY, "::ffff:203.0.113.5", "203.0.113.5"),
    (PROXY, "203.0.113.5, fd12::1", "203.0.113.5"),
    ("fd12::1", "203.0.113.5", "203.0.113.5"),
    ("::ffff:10.0.0.7", "203.0.113.5", "203.0.113.5"),
    (PROXY, "1.1.1.1, <script>", PROXY),
    (PROXY, f"1.1.1.1, garbage, {INNER}", INNER),
    (PROXY, "fe80::1%oc_secret", PROXY),
    (PROXY, "unix", PROXY),
    (PROXY, "1.1.1.1, ", PROXY),
    (PROXY, "999.1.1.1", PROXY),
    ("192.0.2.1", "203.0.113.5", "192.0.2.1"),
    ("192.0.2.1", f"203.0.113.5, {PROXY}", "192.0.2.1"),
    ("2001:db8::1", "203.0.113.5", "2001:db8::1"),
    ("", "203.0.113.5", "unix"),
]


@pytest.mark.parametrize(("peer", "forwarded_for", "client"), ADDRESSES)
def test_the_client_is_the_rightmost_address_that_is_no_trusted_proxy(
    peer: str, forwarded_for: str | None, client: str, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = TRUSTED
    assert settled(peer, forwarded_for)["REMOTE_ADDR"] == client


def test_who_comes_over_a_unix_socket_is_trusted_where_that_is_said(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [env.UNIX_SOCKET]
    assert settled("", "203.0.113.5", "https")["REMOTE_ADDR"] == "203.0.113.5"
    assert settled("", "203.0.113.5", "https")["wsgi.url_scheme"] == "https"
    assert settled("127.0.0.1", "203.0.113.5")["REMOTE_ADDR"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "said", "scheme"),
    [
        (PROXY, "https", "https"),
        (PROXY, "HTTPS", "https"),
        (PROXY, "https, https", "https"),
        (PROXY, "http", "http"),
        (PROXY, "https, http", "http"),
        (PROXY, "", "http"),
        (PROXY, None, "http"),
        (PROXY, "on", "http"),
        ("192.0.2.1", "https", "http"),
        ("", "https", "http"),
    ],
)
def test_the_scheme_is_what_a_trusted_proxy_says(
    peer: str, said: str | None, scheme: str, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = TRUSTED
    assert settled(peer, "203.0.113.5", said)["wsgi.url_scheme"] == scheme


def test_links_are_right_behind_a_trusted_proxy(scene: Scene, settings: Any) -> None:
    settings.TRUSTED_PROXIES = TRUSTED
    settings.ALLOWED_HOSTS = ["openchair.example"]
    for hour in (9, 10):
        scene.booking(start_datetime=datetime(2026, 6, 2, hour, tzinfo=UTC))
    path = f"/onlinescheduling/location/{scene.location.pk}/bookings?limit=1"

    def link(peer: str) -> str:
        told = Client(REMOTE_ADDR=peer).get(
            path,
            headers={
                "Host": "openchair.example",
                "Authorization": scene.key,
                "X-Forwarded-For": "203.0.113.5",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "evil.example",
                "X-Forwarded-Port": "1",
            },
        )
        assert told.status_code == 200
        return str(told.headers["Link"])

    assert link(PROXY).startswith(f"<https://openchair.example{path}&cursor=")
    assert link("192.0.2.1").startswith(f"<http://openchair.example{path}&cursor=")


def test_wrong_keys_are_counted_for_the_client_and_not_for_its_proxy(
    db: None, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = TRUSTED
    settings.WRONG_KEY_LIMIT = (1, 60)
    guess = Caller(keys.new_key())

    def tries(peer: str, claimed: str) -> int:
        guess.client.defaults["REMOTE_ADDR"] = peer
        headers = {"X-Forwarded-For": claimed}
        return int(guess("GET", "/scheduling/practices", headers=headers).status_code)

    assert [tries(PROXY, "203.0.113.5"), tries(PROXY, "203.0.113.5")] == [401, 429]
    assert tries(PROXY, "203.0.113.6") == 401
    # A client that is no proxy cannot claim another address.
    assert [tries("192.0.2.1", "203.0.113.7"), tries("192.0.2.1", "203.0.113.8")] == [401, 429]
    assert tries(PROXY, "198.51.100.1, 203.0.113.5") == 429


SAID = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on"}


def asked(to: Path | int, headers: dict[str, str]) -> int:
    """Request a page over a socket's path or a port; a 301 means that plain HTTP was seen."""
    calling = HTTPConnection("localhost", to if isinstance(to, int) else None, timeout=30)
    if isinstance(to, Path):
        calling.sock = socket.socket(socket.AF_UNIX)
        calling.sock.connect(str(to))
    try:
        calling.request("GET", "/docs/", headers=headers)
        return calling.getresponse().status
    finally:
        calling.close()


@only_once
@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("socket_kind", ["unix", "127.0.0.1"])
def test_gunicorn_itself_believes_nobody(
    socket_kind: str, tmp_path: Path, *, trusted: bool
) -> None:
    port, path = free_port(), tmp_path / "web.sock"
    environment = {
        "PORT": str(port),
        "BIND": f"unix:{path}" if socket_kind == "unix" else "",
        "HTTPS_ONLY": "on",
        "TRUSTED_PROXIES": socket_kind if trusted else "192.0.2.0/24",
        "WEB_CONCURRENCY": "1",
    }
    with installed(ROOT, through=str, **environment) as (settings, _), serving(settings):
        to = path if socket_kind == "unix" else port
        assert asked(to, SAID) == (200 if trusted else 301)
        # That these disagree is no business of gunicorn's, nor is where it thinks it is mounted.
        odd = {**SAID, "X-Forwarded-Ssl": "off", "SCRIPT_NAME": "/docs"}
        assert asked(to, odd) == (200 if trusted else 301)
        assert asked(to, {}) == 301
        if socket_kind == "unix":
            assert path.stat().st_mode & 0o777 == 0o770
