"""HTTP on the wire: framing, connections, and limits shared by all workers."""

import json
import re
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from practices import keys
from tests.conftest import only_once
from tests.server import Server, running_server

pytestmark = only_once

PRACTICES = "/scheduling/practices"
BOOKING = "/onlinescheduling/booking"
LOCATION = "/scheduling/location/b2rGH"
SECRET = "oc_echoed"  # whatever of the request comes back, this is in it
CRLF = "\r\n"


def talk(server: Server, *requests: bytes) -> bytes:
    """Send raw bytes over one connection, and return what comes until the server closes it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        for request in requests:
            sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def raw(
    server: Server, line: str, *fields: str, body: bytes = b"", host: str = "localhost"
) -> bytes:
    """Return a request as bytes, with the key in it."""
    head = [line, f"Host: {host}", f"Authorization: {server.key}", *fields]
    return (CRLF.join(head) + CRLF * 2).encode("latin-1") + body


def answers(said: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """Parse one answer after another from a connection's bytes: status, headers, body."""
    found = []
    while said:
        head, _, said = said.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split(CRLF)
        headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in fields)}
        if "chunked" in headers.get("transfer-encoding", ""):
            body, _, said = said.partition(b"\r\n0\r\n\r\n")
            body = body.partition(b"\r\n")[2]
        else:
            length = int(headers.get("content-length", 0))
            body, said = said[:length], said[length:]
        found.append((int(line.split()[1]), headers, body))
    return found


BROKEN: dict[str, bytes] = {
    "a line that is no request": f"<b>{SECRET}</b>\r\n\r\n".encode(),
    "a version that is none": f"GET /{SECRET} HTTP/9.9\r\nHost: localhost\r\n\r\n".encode(),
    "no version": f"GET /{SECRET}\r\n\r\n".encode(),
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a space in a field's name": f"GET / HTTP/1.1\r\nHost: a\r\nX {SECRET}: b\r\n\r\n".encode(),
    "a space before the colon": f"GET /{SECRET} HTTP/1.1\r\nHost : a\r\n\r\n".encode(),
    "a folded field": f"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n {SECRET}\r\n\r\n".encode(),
    "a NUL in a field": f"GET / HTTP/1.1\r\nHost: a\r\nX: {SECRET}\0\r\n\r\n".encode(),
    "a bare CR in a field": f"GET / HTTP/1.1\r\nHost: a\r\nX: a\r{SECRET}: b\r\n\r\n".encode(),
    "bare LFs": f"GET /{SECRET} HTTP/1.1\nHost: localhost\n\n".encode(),
    "a raw byte in the path": f"GET /{SECRET}\xff HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(
        "latin-1"
    ),
    "two hosts": f"GET / HTTP/1.1\r\nHost: localhost\r\nHost: {SECRET}\r\n\r\n".encode(),
    "a path too long": f"GET /{SECRET * 1000} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
    "a field too long": f"GET / HTTP/1.1\r\nHost: a\r\nX: {SECRET * 2000}\r\n\r\n".encode(),
    "fields too many": f"GET / HTTP/1.1\r\nHost: a\r\n{('X: y' + CRLF) * 200}\r\n".encode(),
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\nab",
    "a negative length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding that is none": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: oc_echoed\r\n\r\n",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_not_http_is_refused_and_the_connection_ends(sent: bytes, server: Server) -> None:
    # gunicorn's own page, which quotes what it cannot read; nginx quotes nothing (test_nginx.py).
    ((status, headers, _),) = answers(talk(server, sent + raw(server, f"GET {PRACTICES} HTTP/1.1")))
    assert 400 <= status < 500 or status == 501  # a Transfer-Encoding that it does not know
    assert headers["connection"] == "close"


@pytest.mark.parametrize("chunks", [b"zz\r\nabc\r\n0\r\n\r\n", b"10\r\nabc", b"2\r\n{}x\r\n"])
def test_broken_chunks_are_refused_and_the_connection_ends(chunks: bytes, server: Server) -> None:
    fields = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    first = raw(server, f"POST {BOOKING} HTTP/1.1", *fields, body=chunks)
    said = answers(talk(server, first + raw(server, f"GET {PRACTICES} HTTP/1.1")))
    assert [status for status, _, _ in said] == [400]
    assert "chunks" in json.loads(said[0][2])["detail"]


def test_a_request_needs_a_host_that_is_answered(server: Server) -> None:
    without = raw(server, f"GET {PRACTICES} HTTP/1.1").replace(b"Host: localhost\r\n", b"")
    of_another = raw(server, f"GET {PRACTICES} HTTP/1.1", host="evil.example")
    for sent in (without, of_another):
        (status, headers, body), *_ = answers(talk(server, sent))
        assert (status, headers["content-type"]) == (400, "application/problem+json")
        assert b"evil.example" not in body
        assert "Host" in json.loads(body)["detail"]


ODD_PATHS = {
    "/scheduling": 404,
    "/scheduling/": 404,
    "/scheduling/nothing": 404,
    "/scheduling/location/%00": 404,
    "/scheduling/location/%ff": 404,
    "/scheduling/location/%F0%9F%92%BA": 404,
    "/scheduling/location/a%0d%0aX-Injected:%20yes": 404,
    "/scheduling/location/b2rGH%0a": 404,
    "/scheduling/location/..": 404,
    "/scheduling/../scheduling/practices": 404,
    "/scheduling/%2e%2e/admin/": 404,
    "/scheduling//practices": 404,
    "/scheduling/practices//": 404,
    "/scheduling/location/" + "a" * 33: 404,
    "/scheduling/location/" + "a" * 4000: 404,
    "/scheduling/practices/": 200,
    "/scheduling/location/b2rGH/": 200,
    "/onlinescheduling/practice/rtGB2/bookings/?status=open": 200,
    "/onlinescheduling/practice/rtGB2/bookings?status=%00": 400,
    "/onlinescheduling/practice/rtGB2/bookings?status=%ff": 400,
    "/onlinescheduling/practice/rtGB2/bookings?%ff%00=1": 400,
    "/onlinescheduling/practice/rtGB2/bookings?" + "&".join(f"a{n}=" for n in range(400)): 400,
}


@pytest.mark.parametrize("path", ODD_PATHS, ids=lambda path: path[:60])
def test_an_odd_path_is_answered_in_json_and_injects_nothing(path: str, server: Server) -> None:
    (status, headers, body), *more = answers(talk(server, raw(server, f"GET {path} HTTP/1.1")))
    assert status == ODD_PATHS[path]
    assert "json" in headers["content-type"]
    assert b"<" not in body
    assert "x-injected" not in headers
    assert more == []


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=utf-8"])
@pytest.mark.parametrize(
    ("path", "answered"), [(PRACTICES, b"problems/bad-request"), ("/docs/", b"<h1>")]
)
def test_too_many_parameters_are_refused(
    path: str, kind: str, answered: bytes, server: Server
) -> None:
    many = "&".join(["a=1"] * 1001)
    answer = server.call("GET", f"{path}?{many}", headers={"Content-Type": kind})
    assert answer.status == 400
    assert answered in answer.body
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("said", ["charset=rot13", "charset=utf-7", "a*=nonsense''x"])
def test_a_charset_that_django_cannot_read_with_is_no_error_of_the_server(
    said: str, server: Server
) -> None:
    kind = {"Content-Type": f"application/json; {said}"}
    query = "?location_id=%ED%A0%80"
    assert server.call("GET", f"{PRACTICES}{query}", headers=kind).status == 400
    assert server.call("GET", f"/docs/{query}", headers=kind).status == 400
    assert server.call("POST", "/onlinescheduling/booking", b"{}", headers=kind).status == 415


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "BREW", "PROPFIND", "DELETE"])
def test_a_method_that_is_not_there_is_told_which_are(method: str, server: Server) -> None:
    answer = server.call(method, PRACTICES)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert server.call(method, PRACTICES, key="none").status == 401


@pytest.mark.parametrize(
    "path", [PRACTICES, LOCATION, "/onlinescheduling/location/b2rGH/bookings", "/docs/", "/"]
)
def test_a_head_answers_as_its_get_without_the_body(path: str, server: Server) -> None:
    said, _, body = talk(server, raw(server, f"HEAD {path} HTTP/1.1")).partition(b"\r\n\r\n")
    got, _, whole = talk(server, raw(server, f"GET {path} HTTP/1.1")).partition(b"\r\n\r\n")
    assert body == b"" != whole
    head, get = (set(fields.split(b"\r\n")) for fields in (said, got))
    passing = (b"Date", b"RateLimit:", b"Set-Cookie", b"X-Request-ID")
    assert not [field for field in head ^ get if not field.startswith(passing)]


def test_a_chunked_body_is_read_like_any_other(server: Server) -> None:
    body = json.dumps({"location_id": "b2rGH", "doctor_id": "DD3456"}).encode()
    halves = (body[:10], body[10:])
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(half), half) for half in halves) + b"0\r\n\r\n"
    fields = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    sent = raw(server, f"POST {BOOKING} HTTP/1.1", *fields, body=chunks)
    assert answers(talk(server, sent))[0][0] == 201


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_over_64_kib_is_refused(server: Server, *, chunked: bool) -> None:
    body = b'{"id": "' + b"x" * 65_536 + b'"}'
    framed = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    fields = ("Content-Type: application/json", framing)
    sent = raw(server, f"POST {BOOKING} HTTP/1.1", *fields, body=framed)
    status, headers, _ = answers(talk(server, sent))[0]
    assert (status, headers["content-type"]) == (413, "application/problem+json")


def test_a_length_over_64_kib_is_refused_before_any_of_it_has_come(server: Server) -> None:
    fields = ("Content-Type: application/json", "Content-Length: 1000000000")
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(raw(server, f"POST {BOOKING} HTTP/1.1", *fields))
        assert sock.recv(12) == b"HTTP/1.1 413"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://evil.example", 400),
        ("http://localhost.evil.example", 400),
        ("http://localhost", 200),
    ],
)
def test_a_request_line_names_the_same_host_as_the_host_field(
    target: str, status: int, server: Server
) -> None:
    said = talk(server, raw(server, f"GET {target}{PRACTICES} HTTP/1.1"))
    assert [each for each, _, _ in answers(said)] == [status]
    assert b"evil" not in said


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b'{"id": "' + b"x" * 65_536 + b'"}', 413), (b"[" * 5000, 400), (b"\xff", 400)],
)
def test_a_connection_is_in_step_after_a_body_was_refused(
    body: bytes, status: int, server: Server
) -> None:
    sender = HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": server.key, "Content-Type": "application/json"}
    sender.request("POST", BOOKING, body, headers)
    refused = sender.getresponse()
    assert (refused.status, json.loads(refused.read())["status"]) == (status, status)
    sender.request("GET", LOCATION, headers=headers)
    assert json.loads(sender.getresponse().read())["id"] == "b2rGH"
    sender.close()


@pytest.mark.parametrize("first", [f"GET {LOCATION}", "GET /livez"])
def test_of_requests_sent_ahead_the_first_is_answered_and_told_that_it_was_the_last(
    server: Server, first: str
) -> None:
    opening = f'{{"id": "ahead", "location_id": "{LOCATION.rpartition("/")[2]}"}}'.encode()
    fields = ("Content-Type: application/json", f"Content-Length: {len(opening)}")
    ahead = raw(server, f"POST {BOOKING} HTTP/1.1", *fields, body=opening)
    said = talk(server, raw(server, f"{first} HTTP/1.1") + ahead)
    ((status, headers, _),) = answers(said)
    assert (status, headers["connection"]) == (200, "close")
    assert server.call("GET", f"{BOOKING}/ahead").status == 404


def test_who_asks_before_sending_a_body_is_told_to_go_on(server: Server) -> None:
    fields = ("Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue")
    said = talk(server, raw(server, f"POST {BOOKING} HTTP/1.1", *fields), b"{}")
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert [status for status, _, _ in answers(said)] == [100, 400]


def test_whoever_tries_wrong_keys_is_slowed_while_a_right_one_still_works() -> None:
    with running_server(WRONG_KEY_LIMIT="5/day") as server:
        tries = [server.call("GET", PRACTICES, key=keys.new_key()) for _ in range(8)]
        assert [each.status for each in tries] == [401] * 5 + [429] * 3
        slowed = tries[-1]
        assert 0 < int(slowed.headers["Retry-After"]) <= 86_400
        assert slowed.headers["RateLimit-Policy"] == '"wrong-keys";q=5;w=86400'
        assert re.fullmatch(r'"wrong-keys";r=0;t=\d+', slowed.headers["RateLimit"])
        assert server.call("GET", PRACTICES).status == 200


def test_of_many_clients_of_a_partner_exactly_its_limit_gets_through() -> None:
    with running_server(RATE_LIMIT="20/day") as server, ThreadPoolExecutor(32) as pool:
        both = [server.demo["keys"]["full"], server.demo["keys"]["full_second"]] * 16
        got = list(pool.map(lambda key: server.call("GET", PRACTICES, key=key), both))
        assert Counter(each.status for each in got) == {200: 20, 429: 12}
        left = sorted(each.headers["RateLimit"] for each in got if each.status == 200)
        assert len(set(left)) == 20
        assert all(int(each.headers["Retry-After"]) > 0 for each in got if each.status == 429)
        other = server.demo["keys"]["other_partner"]
        assert server.call("GET", PRACTICES, key=other).status == 200


FROM_BROWSERS = [
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://127.0.0.1:1"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "none"}, 200),
    ({"Origin": "{self}"}, 200),
    ({"Origin": "{self}", "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Origin": "{self}", "Sec-Fetch-Site": "cross-site"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), FROM_BROWSERS)
def test_a_page_of_another_site_is_refused_and_one_of_this_host_served(
    headers: dict[str, str], status: int, server: Server
) -> None:
    sent = {name: text.replace("{self}", server.url) for name, text in headers.items()}
    answer = server.call("GET", LOCATION, headers=sent)
    assert answer.status == status
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
    if status == 403:
        assert "from a server" in answer.json()["detail"]
