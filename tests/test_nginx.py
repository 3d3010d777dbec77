"""deploy/nginx.conf in front of the product, and of hosts that misbehave."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from openchair.api.parsers import LARGEST_BODY
from openchair.api.problems import CATALOGUE
from tests.bench.slow import behind_nginx
from tests.conftest import only_once_on_sqlite
from tests.gunicorn_settings import gunicorn_setting
from tests.nginx import SHIPPED, running_nginx
from tests.server import Server, free_port, running_server

# Collected here once more, with this file's `server`: all of the README's session.
from tests.test_readme import (  # noqa: F401
    session,
    test_answers_are_as_the_readme_shows_them,
    test_every_command_of_the_first_session_succeeds,
)
from tests.test_server import BROKEN, SECRET

pytestmark = [only_once_on_sqlite, pytest.mark.nightly]
BOOKING = "/onlinescheduling/booking"


@dataclass
class Host:
    """An application host that records requests, and may hang up instead of answering."""

    hangs_up: bool = False
    status: int = 200
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    port: int = 0


@contextmanager
def listening(host: Host) -> Iterator[str]:
    """Run such a host; return its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            host.requests.append((self.command, self.path, dict(self.headers)))
            if host.hangs_up:
                self.close_connection = True
                return
            self.send_response(host.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Edge:
    """nginx, in front of two hosts."""

    http: int
    https: int
    home: Path
    hosts: list[Host]

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[HTTPResponse, bytes]:
        """Send one request over a new connection."""
        sender = HTTPConnection("127.0.0.1", self.http, timeout=30)
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        sender.request(method, path, body, sent)
        answer = sender.getresponse()
        text = answer.read()
        sender.close()
        return answer, text


@contextmanager
def edge_before(*hosts: Host) -> Iterator[Edge]:
    with ExitStack() as stack:
        addresses = [stack.enter_context(listening(host)) for host in hosts]
        http, https = free_port(), free_port()
        home = stack.enter_context(running_nginx(addresses, http=http, https=https))
        yield Edge(http, https, home, list(hosts))


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with edge_before(Host()) as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return the product as reached through nginx."""
    with running_server(TRUSTED_PROXIES="127.0.0.1") as behind, behind_nginx(behind) as edge:
        yield edge


def is_problem(answer: HTTPResponse, body: bytes, slug: str) -> bool:
    said = json.loads(body)
    return (
        answer.getheader("Content-Type") == "application/problem+json"
        and said["type"] == f"/docs/problems/{slug}"
        and said["title"] == CATALOGUE[slug].title
        and said["status"] == answer.status == CATALOGUE[slug].status
        and bool(said["detail"])
    )


@pytest.mark.parametrize(
    ("method", "times"), [("GET", 2), ("PUT", 2), ("DELETE", 2), ("POST", 1), ("PATCH", 1)]
)
def test_what_must_not_be_sent_twice_is_not(method: str, times: int) -> None:
    with edge_before(Host(hangs_up=True), Host(hangs_up=True)) as edge:
        answer, body = edge.ask(method, BOOKING, b"{}", Idempotency_Key="k")
        assert sum(len(host.requests) for host in edge.hosts) == times
        assert is_problem(answer, body, "unavailable")
        assert answer.getheader("Retry-After") == "5"


def test_a_host_that_is_off_costs_nobody_a_request() -> None:
    gone = f"127.0.0.1:{free_port()}"
    here = Host()
    with listening(here) as address:
        http = free_port()
        with running_nginx([gone, address], http=http, https=free_port()) as home:
            edge = Edge(http, 0, home, [here])
            assert [edge.ask("POST", BOOKING, b"{}")[0].status for _ in range(6)] == [200] * 6
            assert len(here.requests) == 6


def test_without_any_host_the_api_answers_a_problem_and_a_page_a_page() -> None:
    http = free_port()
    with running_nginx([f"127.0.0.1:{free_port()}"], http=http, https=free_port()) as home:
        edge = Edge(http, 0, home, [])
        answer, body = edge.ask("GET", "/scheduling/practices", X_Request_ID="mine-1")
        assert is_problem(answer, body, "unavailable")
        assert (answer.getheader("Retry-After"), answer.getheader("X-Request-ID")) == (
            "5",
            "mine-1",
        )
        assert answer.getheader("Cache-Control") == "no-store"
        answer, body = edge.ask("GET", "/admin/")
        assert answer.status == 502
        assert b"<html>" in body


@pytest.mark.each_push
def test_a_file_that_one_host_has_not_got_yet_comes_from_the_other() -> None:
    with edge_before(Host(status=404), Host()) as edge:
        asked = [edge.ask("GET", "/static/board.1a2b3c4d5e6f.css")[0].status for _ in range(4)]
        assert asked == [200] * 4
        assert 404 in [edge.ask("GET", "/admin/nothing")[0].status for _ in range(2)]


def test_static_files_and_pages_get_through_as_compressed_as_they_come(server: Server) -> None:
    for path in ("/static/openchair.css", "/docs/"):
        answer = server.call("GET", path, headers={"Accept-Encoding": "gzip"})
        assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip")


@pytest.mark.each_push
def test_a_host_is_told_who_the_client_is_and_not_what_it_claims(edge: Edge) -> None:
    edge.ask(
        "GET",
        "/",
        Host="openchair.example",
        X_Forwarded_For="10.6.6.6",
        X_Forwarded_Proto="https",
        X_Request_Start="t=1",
        X_Request_ID="bad id\twith blanks",
    )
    _, _, told = edge.hosts[0].requests[-1]
    assert told["Host"] == "openchair.example"
    assert told["X-Forwarded-For"] == "127.0.0.1"
    assert told["X-Forwarded-Proto"] == "http"
    assert abs(float(told["X-Request-Start"].removeprefix("t=")) - time.time()) < 10
    assert len(told["X-Request-ID"]) == 32
    edge.ask("GET", "/", X_Request_ID="1b0e-4a.b_c")
    assert edge.hosts[0].requests[-1][2]["X-Request-ID"] == "1b0e-4a.b_c"


@pytest.mark.each_push
def test_over_tls_the_scheme_is_https(edge: Edge) -> None:
    trusted = ssl.create_default_context(cafile=str(edge.home / "fullchain.pem"))
    sender = HTTPSConnection("localhost", edge.https, timeout=30, context=trusted)
    sender.request("GET", "/")
    assert sender.getresponse().status == 200
    sender.close()
    assert edge.hosts[0].requests[-1][2]["X-Forwarded-Proto"] == "https"


@pytest.mark.each_push
def test_a_body_of_64_kib_gets_through_and_a_longer_one_does_not(edge: Edge) -> None:
    assert edge.ask("POST", BOOKING, b"x" * LARGEST_BODY)[0].status == 200
    seen = len(edge.hosts[0].requests)
    assert is_problem(*edge.ask("POST", BOOKING, b"x" * (LARGEST_BODY + 1)), "body-too-large")
    largest_form = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert edge.ask("POST", "/admin/", b"x" * (largest_form + 1))[0].status == 413
    assert len(edge.hosts[0].requests) == seen
    assert edge.ask("POST", "/admin/", b"x" * largest_form)[0].status == 200


@pytest.mark.each_push
@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "//metrics", "/x/../metrics", "/%6detrics"]
)
def test_the_metrics_are_not_shown(path: str, edge: Edge) -> None:
    seen = len(edge.hosts[0].requests)
    assert edge.ask("GET", path)[0].status == 404
    assert len(edge.hosts[0].requests) == seen


# What nginx accepts: HTTP/0.9, bare LFs, a great many fields.
MENDED = {"no version", "bare LFs", "fields too many"}
NOT_HTTP = {
    **{what: sent for what, sent in BROKEN.items() if what not in MENDED},
    "no host": f"GET /{SECRET} HTTP/1.1\r\n\r\n".encode(),
    "an encoded NUL": f"GET /%00{SECRET} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
    "a raw byte in the API": f"GET /scheduling/{SECRET}\xff HTTP/1.1\r\nHost: a\r\n\r\n".encode(
        "latin-1"
    ),
}


@pytest.mark.each_push
@pytest.mark.parametrize("sent", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_is_not_http_is_refused_in_json_with_nothing_echoed(sent: bytes, edge: Edge) -> None:
    with socket.create_connection(("127.0.0.1", edge.http), timeout=10) as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        said = b"".join(iter(lambda: sock.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    assert json.loads(body)["type"] == "/docs/problems/bad-request"
    assert b"application/problem+json" in head
    assert SECRET.encode() not in said


def test_the_log_says_nothing_of_keys_queries_and_bodies() -> None:
    with edge_before(Host()) as edge:
        path = "/onlinescheduling/practice/rtGB2/appointments?email=planted1"
        body = b'{"first_name": "planted3"}'
        key = "planted2"
        edge.ask("GET", path, body, Authorization=key, Cookie="planted4", X_Request_ID="seen-1")
        log = edge.home / "access.log"
        deadline = time.monotonic() + 30
        while "seen-1" not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert "planted" not in log.read_text() + (edge.home / "error.log").read_text()
        assert json.loads(log.read_text())["path"] == path.partition("?")[0]


@pytest.mark.parametrize(
    "before",
    ["/visit/", "/es/visit/", "/waiting/", "/es/waiting/", "/calendar/", "/admin/invitation/"],
)
def test_the_log_says_nothing_of_a_link_that_is_a_secret(before: str) -> None:
    with edge_before(Host()) as edge:
        edge.ask("GET", f"{before}{'k' * 27}/visit.ics", X_Request_ID="seen-2")
        log = edge.home / "access.log"
        deadline = time.monotonic() + 30
        while "seen-2" not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert json.loads(log.read_text())["path"] == f"{before}..."


def test_nginx_keeps_no_connections_that_the_application_closes() -> None:
    upstream = SHIPPED.partition("upstream openchair {")[2].partition("}")[0]
    assert "keepalive" not in upstream
    assert gunicorn_setting("keepalive") == "0"
