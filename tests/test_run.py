"""script/run: the server and a worker, which begin and end together."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import only_once_on_sqlite
from tests.server import ROOT, installed, until_it_listens

pytestmark = only_once_on_sqlite


class Running:
    """script/run in a session of its own, as in a terminal."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [ROOT / "script" / "run"], cwd=ROOT, env=environment, start_new_session=True
        )
        until_it_listens(("127.0.0.1", int(environment["PORT"])), self.process)

    def of(self, word: str) -> list[int]:
        """Return the processes of this run whose command line has a word."""
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                session = (directory / "stat").read_text().rpartition(")")[2].split()[3]
                command = (directory / "cmdline").read_text()
            except OSError:  # ended meanwhile
                continue
            if int(session) == self.process.pid and word in command:
                found.append(int(directory.name))
        return found

    def until_gone(self, word: str) -> None:
        end = time.monotonic() + 40
        while self.of(word):
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.fixture
def run() -> Iterator[Running]:
    with installed(ROOT) as (environment, _):
        made = Running(environment)
        yield made
        made.process.kill()


def begun(run: Running) -> None:
    (worker,) = run.of("worker")
    status = Path(f"/proc/{worker}/status")
    handled = 1 << (signal.SIGTERM - 1)
    end = time.monotonic() + 30
    while not int(status.read_text().partition("SigCgt:")[2].split()[0], 16) & handled:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("ends_by", ["Ctrl-C", pytest.param("SIGTERM", marks=pytest.mark.nightly)])
def test_server_and_worker_end_with_the_script_and_leave_nobody(run: Running, ends_by: str) -> None:
    begun(run)
    if ends_by == "Ctrl-C":
        os.killpg(run.process.pid, signal.SIGINT)
    else:
        run.process.terminate()
    assert run.process.wait(timeout=40) == 0
    assert run.of("") == []


@pytest.mark.nightly
def test_the_server_outlives_the_worker_and_the_worker_ends_with_the_server(run: Running) -> None:
    begun(run)
    os.kill(run.of("worker")[0], signal.SIGKILL)
    run.until_gone("worker")
    assert run.process.poll() is None
    os.kill(min(run.of("gunicorn")), signal.SIGTERM)
    assert run.process.wait(timeout=40) == 0
    assert run.of("") == []
