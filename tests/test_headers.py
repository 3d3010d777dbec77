"""Security headers and cookies of every kind of answer, over the wire."""

from collections.abc import Iterator
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest

from openchair.staff.tries import COOKIE
from tests.conftest import only_once_on_sqlite
from tests.server import Server, running_server

pytestmark = only_once_on_sqlite

HTTPS = {"X-Forwarded-Proto": "https"}
PATHS = {
    "/scheduling/practices": 200,
    "/scheduling/nothing": 404,
    "/": 200,
    "/docs/": 200,
    "/openapi.json": 200,
    "/admin/login/": 200,
    "/nothing": 404,
    "/static/docs.js": 200,
}
ON_EVERY_ANSWER = {
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@pytest.fixture(scope="module")
def public() -> Iterator[Server]:
    """Run a server as behind a proxy that speaks HTTPS."""
    with running_server(
        HTTPS_ONLY="on",
        TRUSTED_PROXIES="127.0.0.1",
        ALLOWED_HOSTS="127.0.0.1,openchair.example",
    ) as running:
        yield running


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_keeps_browsers_from_being_misused(path: str, public: Server) -> None:
    answer = public.call("GET", path, headers=HTTPS)
    assert answer.status == PATHS[path]
    for name, value in ON_EVERY_ANSWER.items():
        assert answer.headers.get(name) == value, name
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert answer.headers.get("X-Frame-Options", "DENY") == "DENY"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Server"] == "gunicorn"
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/scheduling/practices", "/docs/"])
def test_what_is_answered_over_plain_http_is_taken_for_what_it_says(
    path: str, public: Server
) -> None:
    answer = public.call("GET", path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.status == {"/scheduling/practices": 403, "/docs/": 301}.get(path, 200)


def test_every_cookie_stays_with_this_site_on_https_and_out_of_scripts(public: Server) -> None:
    cookies: dict[str, str] = {}

    def send(method: str, headers: dict[str, str], body: str = "") -> None:
        calling = HTTPConnection("127.0.0.1", public.port, timeout=30)
        calling.request(method, "/admin/login/", body, {**HTTPS, **headers})
        for line in calling.getresponse().headers.get_all("Set-Cookie", []):
            ((name, morsel),) = SimpleCookie(line).items()
            cookies[name] = morsel.value
            assert morsel["secure"], name
            assert morsel["httponly"], name
            assert morsel["samesite"] == "Lax", name
        calling.close()

    send("GET", {})
    token = cookies["csrftoken"]
    form = {**public.demo["staff"]["operator"], "csrfmiddlewaretoken": token}
    sent = {
        "Cookie": f"csrftoken={token}",
        "Referer": public.url.replace("http:", "https:"),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    send("POST", sent, urlencode(form))
    assert set(cookies) >= {"csrftoken", "sessionid", COOKIE}
