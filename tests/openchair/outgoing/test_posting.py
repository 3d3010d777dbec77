"""Calls to a receiver that answers well, badly, slowly, or not at all."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from email.utils import format_datetime
from select import select
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import binary, lists, sampled_from

from openchair.outgoing import posting
from openchair.outgoing.posting import Answer, Unanswered, Unreached
from tests.conftest import only_once_on_sqlite
from tests.receiver import LOCAL, Does, Receiver, context_for, receiving
from tests.server import free_port

pytestmark = only_once_on_sqlite


def post(url: str) -> Answer:
    with posting.Receiver(url) as receiver:
        return receiver.post(b'{"type":"webhook.ping"}', {"webhook-id": "1"})


def test_what_is_sent_arrives_over_one_connection(receiver: Receiver) -> None:
    receiver.otherwise = Does(201, body=b"thank you")
    with posting.Receiver(f"{receiver.url}/path?a=%20b") as ours:
        answers = [ours.post(b"body", {"webhook-id": "1"}) for _ in range(3)]
    assert answers == [Answer(201, "thank you", None)] * 3
    call, *others = receiver.calls
    assert {other.peer for other in others} == {call.peer}
    assert (call.path, call.body) == ("/hook/path?a=%20b", b"body")
    assert call.headers == {
        "host": f"localhost:{receiver.port}",
        "webhook-id": "1",
        "user-agent": "OpenChair",
        "content-length": "4",
        "accept-encoding": "identity",
    }


@pytest.mark.parametrize("status", [204, 301, 307, 400, 410, 429, 500, 503, 599])
def test_an_answer_is_returned_whatever_its_status(receiver: Receiver, status: int) -> None:
    receiver.otherwise = Does(status, {"Location": receiver.url}, b"" if status == 204 else b"no")
    assert post(receiver.url).status == status
    assert len(receiver.calls) == 1  # a redirect is not followed


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [("120", 120), ("0", 0), ("soon", None), ("", None), ("-5", None), ("9" * 5000, None)],
)
def test_retry_after_is_seconds(receiver: Receiver, sent: str, seconds: float | None) -> None:
    receiver.otherwise = Does(429, {"Retry-After": sent})
    assert post(receiver.url).retry_after == seconds


@pytest.mark.parametrize(("minutes", "seconds"), [(10, 600), (-10, 0)])
def test_retry_after_is_a_date(receiver: Receiver, minutes: int, seconds: float) -> None:
    at = timezone.now() + timedelta(minutes=minutes)
    receiver.otherwise = Does(503, {"Retry-After": format_datetime(at, usegmt=True)})
    assert post(receiver.url).retry_after == pytest.approx(seconds, abs=3)


def test_of_a_long_answer_the_beginning_is_read_and_the_status_counts(receiver: Receiver) -> None:
    receiver.otherwise = Does(body=b"x" * 10_000_000)
    with posting.Receiver(receiver.url) as ours:
        assert ours.post(b"", {}) == ours.post(b"", {}) == Answer(200, "x" * posting.SHOWN, None)
    assert len({call.peer for call in receiver.calls}) == 2  # the rest was not read


def test_a_compressed_answer_is_not_decoded(receiver: Receiver) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    receiver.otherwise = Does(headers={"Content-Encoding": "gzip"}, body=bomb)
    assert post(receiver.url).text.startswith("\x1f\ufffd")


def test_text_is_text_whatever_bytes_came(receiver: Receiver) -> None:
    receiver.otherwise = Does(body=b"caf\xc3\xa9\0\xff" + b"\xe2\x82\xac" * 200)
    text = post(receiver.url).text
    assert text.startswith("café\ufffd\ufffd€€€")
    assert text.encode()  # no half characters, and no NUL, which PostgreSQL refuses


def test_an_answer_that_breaks_off_counts_by_its_status(receiver: Receiver) -> None:
    receiver.otherwise = Does(raw=b"HTTP/1.1 202 OK\r\nContent-Length: 50\r\n\r\nhalf")
    assert post(receiver.url).status == 202


# No answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("does", "kind"),
    [
        (Does(hang_up=True), "connection closed"),
        (Does(raw=b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "not http"),
        (Does(raw=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), "not http"),
        (Does(raw=b"HTTP/1.1 200 " + b"x" * 100_000), "not http"),
        (Does(raw=b"HTTP/1.1 99999 OK\r\n\r\n"), "not http"),
        (Does(headers={"Content-Length": "5, 6"}), "not http"),
    ],
)
def test_what_is_no_answer_is_told_by_its_kind(receiver: Receiver, does: Does, kind: str) -> None:
    receiver.otherwise = does
    with pytest.raises(Unanswered, match=f"^{kind}$"):
        post(receiver.url)


_PIECES = [b"HTTP/1.1 ", b"200 OK", b"\r\n", b"\n", b"100", b"204", b"999", b"1e3", b": ", b" "]
_PIECES += [
    b"Content-Length",
    b"Transfer-Encoding",
    b"chunked",
    b"gzip",
    b"Retry-After",
    b"Location",
]
_PIECES += [b"-1", b"5", b"FFFFFFFFFFFFFFFFFFFF", b"\0", b"\xff", b"x" * 300, b"https://127.0.0.1/"]
_PIECES += [b"Connection: close", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]


@settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    begin=sampled_from([b"", b"HTTP/1.1 200 OK\r\n"]),
    pieces=lists(sampled_from(_PIECES) | binary(max_size=5), max_size=20),
)
def test_whatever_comes_is_an_answer_or_none(
    begin: bytes, pieces: list[bytes], receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.otherwise = Does(raw=b"".join([begin, *pieces, b"\r\n\r\n"]))
    with posting.Receiver(receiver.url) as ours:
        for _ in range(2):
            with suppress(Unreached):
                answer = ours.post(b"", {})
                assert 100 <= answer.status <= 999
                assert len(answer.text) <= posting.SHOWN
    assert caplog.records == []  # which could have the URL


def test_nobody_listens(trusting: None) -> None:
    with pytest.raises(Unreached, match=r"^connection refused$") as refused:
        post(f"https://localhost:{free_port()}/")
    assert not isinstance(refused.value, Unanswered)


def test_a_server_without_tls_is_told_so(trusting: None) -> None:
    def answer(server: socket.socket) -> None:
        with server.accept()[0] as client:
            client.sendall(b"HTTP/1.1 400 No\r\n\r\n")
            client.recv(1000)

    with closing(socket.create_server(("127.0.0.1", 0))) as server, ThreadPoolExecutor() as pool:
        pool.submit(answer, server)
        with pytest.raises(Unreached, match=r"^tls$"):
            post(f"https://localhost:{server.getsockname()[1]}/")


@pytest.mark.parametrize("trusted", [True, False])
def test_a_certificate_has_to_be_trusted_and_of_that_host(
    trusted: bool, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not trusted:
        monkeypatch.delenv("SSL_CERT_FILE")
    with receiving("other.example") as other, pytest.raises(Unreached, match=r"^certificate$"):
        post(f"https://localhost:{(other if trusted else receiver).port}/")
    assert other.calls == receiver.calls == []


def test_a_name_that_is_none_is_told_so(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_HOSTS = {"nobody.invalid"}
    with pytest.raises(Unreached, match=r"^dns$"):
        post("https://nobody.invalid/")


def test_what_the_operator_allows_no_more_is_not_called(receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_HOSTS = frozenset()
    with pytest.raises(Unreached, match=r"^refused address$"):
        post(receiver.url)
    assert receiver.calls == []


def test_an_address_of_the_operators_own_can_be_allowed(trusting: None, settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_HOSTS = {"127.0.0.1", "[::1]"}
    with receiving("127.0.0.1") as by_ipv4:
        assert post(by_ipv4.url).status == 200
    assert by_ipv4.calls[0].headers["host"] == f"127.0.0.1:{by_ipv4.port}"


# Time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "does",
    [
        Does(delay=30),
        Does(drip="body", body=b"x" * 100, pause=0.05),
        Does(drip="all", pause=0.05),
        Does(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 30, drip="all", pause=0.05),
    ],
)
def test_all_of_a_call_has_its_time(
    receiver: Receiver, does: Does, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "SECONDS", 0.5)
    receiver.otherwise, began = does, time.monotonic()
    with pytest.raises(Unanswered, match=r"^timeout$"):
        post(receiver.url)
    assert 0.4 < time.monotonic() - began < 2


def test_sending_has_the_calls_time_too(trusting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """This server reads nothing of what is sent."""

    def listen(server: socket.socket) -> None:
        with context_for(LOCAL).wrap_socket(server.accept()[0], server_side=True):
            done.wait(5)

    monkeypatch.setattr(posting, "TO_CONNECT", 0.4)
    monkeypatch.setattr(posting, "SECONDS", 1)
    done, began = threading.Event(), time.monotonic()
    with closing(socket.create_server(("127.0.0.1", 0))) as server, ThreadPoolExecutor() as pool:
        pool.submit(listen, server)
        with posting.Receiver(f"https://localhost:{server.getsockname()[1]}/") as ours:
            with pytest.raises(Unreached, match=r"^timeout$"):
                ours.post(b"x" * 20_000_000, {})
            assert 0.9 < time.monotonic() - began < 2
        done.set()


@pytest.mark.nightly
def test_a_byte_a_second_ends_after_15_seconds(receiver: Receiver) -> None:
    receiver.otherwise, began = Does(drip="all"), time.monotonic()
    with pytest.raises(Unreached, match=r"^timeout$"):
        post(receiver.url)
    assert 14.5 < time.monotonic() - began < 16


def test_connecting_has_a_time_of_its_own(trusting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS too: this server takes connections, and says nothing."""
    monkeypatch.setattr(posting, "TO_CONNECT", 0.3)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        began = time.monotonic()
        with pytest.raises(Unreached, match=r"^timeout$"):
            post(f"https://localhost:{silent.getsockname()[1]}/")
    assert 0.2 < time.monotonic() - began < 1.5


# Connections that are kept ---------------------------------------------------------------------


def test_a_kept_connection_that_was_closed_is_opened_anew(receiver: Receiver) -> None:
    with posting.Receiver(receiver.url) as ours:
        ours.post(b"1", {})
        receiver.close_connections()
        ours.post(b"2", {})
        receiver.answers = [Does(hang_up=True)]  # as it was about to close it when this came
        ours.post(b"3", {})
    assert [call.body for call in receiver.calls] == [b"1", b"2", b"3", b"3"]


def test_after_what_is_no_last_answer_the_connection_is_not_kept(receiver: Receiver) -> None:
    receiver.answers = [Does(103)]
    with posting.Receiver(receiver.url) as ours:
        assert [ours.post(b"", {}).status for _ in range(2)] == [103, 200]
    assert len({call.peer for call in receiver.calls}) == 2


def test_a_new_connection_that_is_closed_is_not_tried_again(receiver: Receiver) -> None:
    receiver.otherwise = Does(hang_up=True)
    with posting.Receiver(receiver.url) as ours:
        for _ in range(2):
            with pytest.raises(Unreached, match=r"^connection closed$"):
                ours.post(b"", {})
    assert len(receiver.calls) == 2


def test_after_a_timeout_the_next_call_has_a_connection_of_its_own(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the late answer to the first would be taken for the answer to the second."""
    monkeypatch.setattr(posting, "SECONDS", 0.3)
    receiver.answers = [Does(500, delay=0.5)]
    with posting.Receiver(receiver.url) as ours:
        with pytest.raises(Unreached, match=r"^timeout$"):
            ours.post(b"", {})
        monkeypatch.setattr(posting, "SECONDS", 15)
        assert ours.post(b"", {}).status == 200


# A proxy of the operator's ---------------------------------------------------------------------


class _Proxy(StreamRequestHandler):
    """Connects whatever is asked for to the receiver; "denied" to nobody."""

    server: Any

    def handle(self) -> None:
        asked = self.rfile.readline().decode().split()
        self.server.asked.append(asked)
        while self.rfile.readline().strip():
            pass
        if asked[1].startswith("denied."):
            self.wfile.write(b"HTTP/1.1 407 No\r\n\r\n")
            return
        port = int(asked[1].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as there:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            ends = {self.connection: there, there: self.connection}
            while True:
                for ready in select([*ends], [], [])[0]:
                    if not (data := ready.recv(65_536)):
                        return
                    ends[ready].sendall(data)


@pytest.fixture
def proxy(trusting: None, settings: Any) -> Iterator[Any]:
    with ThreadingTCPServer(("127.0.0.1", 0), _Proxy) as server, ThreadPoolExecutor() as pool:
        server.asked = []  # type: ignore[attr-defined]  # what it was asked for
        settings.WEBHOOK_PROXY = urlsplit(f"http://127.0.0.1:{server.server_address[1]}")
        pool.submit(server.serve_forever, 0.02)
        yield server
        server.shutdown()


def test_a_proxy_of_the_operators_resolves_and_connects(proxy: Any) -> None:
    with receiving("hooks.example.com") as receiver, posting.Receiver(receiver.url) as ours:
        assert [ours.post(b"", {}).status for _ in range(2)] == [200, 200]
    (asked,) = proxy.asked
    assert asked[:2] == ["CONNECT", f"hooks.example.com:{receiver.port}"]
    assert receiver.calls[0].headers["host"] == f"hooks.example.com:{receiver.port}"


def test_by_a_proxy_too_a_certificate_is_of_its_host_and_a_name_is_checked(proxy: Any) -> None:
    with receiving("other.example.com") as receiver:
        for host, kind in (
            ("hooks.example.com", "certificate"),
            ("denied.example.com", "unreachable"),
            ("10.0.0.1", "refused address"),
        ):
            with pytest.raises(Unreached, match=f"^{kind}$"):
                post(f"https://{host}:{receiver.port}/")
    assert receiver.calls == []
    assert len(proxy.asked) == 2
