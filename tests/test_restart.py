"""Restarts and reloads under load, with systemd's socket and nginx: no request is refused."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGHUP, SIGTERM

import pytest

from tests.bench.load import Load
from tests.conftest import only_once
from tests.nginx import running_nginx
from tests.server import ROOT, Server, free_port, installed

LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid());"
    "os.execvp(sys.argv[2], sys.argv[2:])"
)


class Installation:
    """A server whose socket outlives it, as under systemd."""

    def __init__(self, environment: dict[str, str], listening: socket.socket) -> None:
        self.environment = environment
        self.listening = listening

    def start(self) -> None:
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "openchair/gunicorn.py"]
        fd = self.listening.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(fd), *gunicorn, "openchair.wsgi:application"],
            cwd=ROOT,
            env={**self.environment, "LISTEN_FDS": "1"},
            pass_fds=[fd],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def restart(self) -> None:
        """Stop it gracefully, and start it again."""
        self.stop()
        self.start()

    def reload(self) -> None:
        """Replace the workers (SIGHUP)."""
        self.process.send_signal(SIGHUP)

    def stop(self) -> None:
        """Stop it gracefully."""
        self.process.send_signal(SIGTERM)
        self.process.wait(timeout=60)


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
        installation.start()
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
                installation.restart()
                load.until(50)
                installation.reload()
            load.until(200)
        assert load.failures == []
