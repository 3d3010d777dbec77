"""Clients who have their answer and keep their connection open."""

import socket
import time
from contextlib import ExitStack

from openchair.lingering import Lingering
from tests.conftest import only_once
from tests.server import Server

HELD = 60
ASK = "GET /scheduling/location/b2rGH HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


@only_once
def test_clients_who_do_not_close_stop_nobody_else(server: Server) -> None:
    sent = f"{ASK}Authorization: {server.key}\r\n\r\n".encode()
    with ExitStack() as stack:
        held = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            for _ in range(HELD)
        ]
        for connection in held:
            connection.sendall(sent)
        for connection in held:
            assert connection.recv(9) == b"HTTP/1.1 "
        began = time.monotonic()
        for _ in range(40):
            assert server.call("GET", "/scheduling/location/b2rGH").body
        # Were each of them waited for, a request would take a second on average.
        assert time.monotonic() - began < 20


def test_what_was_said_arrives_though_the_client_still_sends() -> None:
    lingering = Lingering()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=10)
        server, _ = listener.accept()
        client.sendall(b"x" * 1000)
        server.sendall(b"refused")
        lingering.close(server)
        client.sendall(b"x" * 1000)
        assert b"".join(iter(lambda: client.recv(100), b"")) == b"refused"
        client.close()
