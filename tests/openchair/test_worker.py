"""Who is slow holds up nobody else, and what came late is known to be late."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from openchair.worker import _send, _since_last_byte, _Unsent, is_whole
from tests.server import Server, running_server

THREADS = 4
LIST = "/onlinescheduling/practice/rtGB2/bookings"


@pytest.fixture(scope="module")
def alone() -> Iterator[Server]:
    """Run a server with one worker."""
    with running_server(WEB_CONCURRENCY="1") as running:
        yield running


def request(server: Server, line: str) -> bytes:
    return f"{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {server.key}\r\n\r\n".encode()


def connected(server: Server, stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))


@pytest.mark.parametrize("line", [f"GET {LIST}", f"PUT {LIST}", "GET /docs/"])
def test_clients_that_send_slowly_stop_no_partner(alone: Server, line: str) -> None:
    with ExitStack() as stack:
        slow = [connected(alone, stack) for _ in range(THREADS + 4)]
        for client in slow:
            client.sendall(request(alone, line)[:-3])
        began = time.monotonic()
        for _ in range(5):
            assert alone.call("GET", LIST).status == 200
        assert time.monotonic() - began < 10


def test_clients_that_say_nothing_stop_nobody_for_long(alone: Server) -> None:
    with ExitStack() as stack:
        for _ in range(3 * THREADS):
            connected(alone, stack)
        assert alone.call("GET", LIST).status == 200
        assert alone.call("GET", "/docs/").status == 200  # once threads have given up waiting


def test_clients_that_do_not_read_stop_nobody_and_get_all_of_it(alone: Server) -> None:
    whole = alone.call("GET", LIST).body
    with ExitStack() as stack:
        idle = []
        for _ in range(THREADS - 1):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(30)
            client.connect(("127.0.0.1", alone.port))
            client.sendall(request(alone, f"GET {LIST}"))
            idle.append(client)
        assert alone.call("GET", LIST).body == whole
        assert alone.call("GET", "/docs/").status == 200
        for client in idle:
            said = b"".join(iter(lambda: client.recv(65_536), b""))  # noqa: B023  # read at once
            assert said.partition(b"\r\n\r\n")[2] == whole


def test_what_a_client_does_not_take_at_once_is_kept_and_sent_in_order() -> None:
    client, server = socket.socketpair()
    parts = [bytes([number]) * 1_000_000 for number in range(4)]
    unsent = _Unsent(server)
    for part in parts:
        unsent.sendall(part)  # waits for nobody
    assert unsent.kept
    done: Future[bool] = Future()
    done.set_result(False)
    with client, server, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(_send, server, unsent.kept, then=done)
        sending.add_done_callback(lambda _: server.close())
        assert b"".join(iter(lambda: client.recv(65_536), b"")) == b"".join(parts)
        assert sending.result() is False


@pytest.mark.parametrize(
    ("said", "is_answered_at_once"),
    [
        ("GET /onlinescheduling/booking/x HTTP/1.1\r\nHost: h\r\n\r\n", True),
        ("HEAD /scheduling/practices HTTP/1.1\r\n\r\n", True),
        ("GET /scheduling/practices HTTP/1.1\r\nContent-Length: 0\r\n\r\n", True),
        ("PUT /onlinescheduling/booking/x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", True),
        ("PUT /onlinescheduling/booking/x HTTP/1.1\r\ncontent-LENGTH:3\r\n\r\n{}", False),
        ("PUT /onlinescheduling/booking/x HTTP/1.1\r\nContent-Length: 1\r\n\r\n{}", False),
        ("PUT /scheduling/x HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", False),
        ("PUT /scheduling/x HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}", False),
        ("PUT /scheduling/x HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\n{}", False),
        ("PUT /scheduling/x HTTP/1.1\r\nContent-Length : 2\r\n\r\n{}", False),
        (f"GET /scheduling/x HTTP/1.1\r\nContent-Length: {'0' * 5000}\r\n\r\n", False),
        ("GET /scheduling/practices HTTP/1.1\r\nHost: h\r\n", False),
        ("GET /scheduling/a HTTP/1.1\r\n\r\nGET /scheduling/b HTTP/1.1\r\n\r\n", False),
        ("PUT /scheduling/practices HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", False),
        ("PUT /scheduling/practices HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", False),
        ("GET /scheduling HTTP/1.1\r\n\r\n", False),
        ("GET /admin/ HTTP/1.1\r\n\r\n", False),
        ("", False),
    ],
)
def test_only_a_whole_request_to_the_api_is_answered_without_a_thread(
    said: str, is_answered_at_once: bool
) -> None:
    assert is_whole(said.encode()) is is_answered_at_once


def test_how_long_a_request_lay_there_is_known_before_anybody_took_it_in() -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        client.sendall(b"GET")
        time.sleep(0.3)  # the kernel's clock, which nobody can turn
        taken = stack.enter_context(listener.accept()[0])
        assert 0.25 < _since_last_byte(taken) < 30
        client.sendall(b" /")
        assert _since_last_byte(taken) < 0.25


def test_over_a_unix_socket_nobody_knows() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        assert _since_last_byte(listener) == 0.0
