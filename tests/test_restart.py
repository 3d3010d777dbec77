"""Restarts and reloads under load, as systemd and nginx do them: nobody is refused."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.bench.load import Load
from tests.bench.upgrade import Installation
from tests.conftest import only_once
from tests.nginx import running_nginx
from tests.server import ROOT, Server, free_port, installed


@contextmanager
def installation_behind_nginx() -> Iterator[tuple[Installation, Server]]:
    """Run the product on a socket that outlives it, and nginx in front."""
    with (
        installed(ROOT, TRUSTED_PROXIES="127.0.0.1", PATIENCE="2") as (environment, demo),
        socket.create_server(("127.0.0.1", int(environment["PORT"])), backlog=512) as listening,
        running_nginx(
            [f"127.0.0.1:{environment['PORT']}"],
            http=(http := free_port()),
            https=free_port(),
            api_timeout=60,
        ),
    ):
        installation = Installation(environment, listening)
        installation.start(ROOT)
        try:
            yield installation, Server(http, demo, environment, installation.process)
        finally:
            installation.stop()


@only_once
@pytest.mark.nightly
def test_a_restart_under_load_refuses_nobody() -> None:
    with installation_behind_nginx() as (installation, server), socket.socket() as slow:
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(b"GET / HTTP/1.1\r\nX-Half: ")  # and never the rest
        load = Load(server, "restart")
        with load.running(4):
            for _ in range(2):
                load.until(50)
                installation.restart(ROOT)
                load.until(50)
                installation.reload()
            load.until(200)
        assert load.failures == []
