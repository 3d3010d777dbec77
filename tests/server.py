"""The product as in production: gunicorn, a database of its own, real connections."""

import atexit
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from cryptography.fernet import Fernet

from tests.postgres import newest_binaries

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Answer:
    """Status, headers and body of an HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A running server, and the demo's JSON document of its database."""

    port: int
    demo: dict[str, Any]
    environment: dict[str, str] = field(repr=False)
    process: "subprocess.Popen[bytes]" = field(repr=False)
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def key(self) -> str:
        """The key that may write in both demo practices."""
        key: str = self.demo["keys"]["full"]
        return key

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
    ) -> Answer:
        """Send one request over a new connection; a body that is not bytes is sent as JSON."""
        sent = {"Authorization": self.key if key is None else key, **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """Return the process ids of gunicorn's workers."""
        master = self.process.pid
        return [*map(int, Path(f"/proc/{master}/task/{master}/children").read_text().split())]

    def manage(self, *arguments: str) -> str:
        """Run a management command on the server's database."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout


@contextmanager
def _database(copied_from: str = "") -> Iterator[str]:
    """Create a database on the engine under test: empty, or a copy of another."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        with tempfile.TemporaryDirectory() as folder:
            if copied_from:
                shutil.copy(copied_from.removeprefix("sqlite:///"), f"{folder}/server.sqlite3")
            yield f"sqlite:///{folder}/server.sqlite3"
        return
    name = f"server_{os.getpid()}_{time.time_ns()}"
    parts = urlsplit(url)
    maintenance = urlunsplit(parts._replace(path="/postgres"))
    template = urlsplit(copied_from).path[1:] or "template1"
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        try:
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


SECRETS = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "PATIENT_KEYS": Fernet.generate_key().decode(),
}
"""Of this run: a server that answers other machines does not make its own."""
OF_THE_DATA = {"DATABASE_URL", *SECRETS}
"""Settings by which a database is another one from the beginning."""


_for_the_run = ExitStack()
atexit.register(_for_the_run.close)
_migrated: list[str] = []
"""The URL of a copy of the test database, from before the first test."""


def keep_migrated(name: str) -> None:
    """Copy the test database, which migrations have just made: servers' need not be migrated too.

    Nobody may be connected to it.
    """
    url = os.environ.get("DATABASE_URL", "")
    is_postgres = url.startswith("postgres")
    made = urlunsplit(urlsplit(url)._replace(path=f"/{name}")) if is_postgres else name
    _migrated.append(_for_the_run.enter_context(_database(made)))


@contextmanager
def installed(
    release: Path, *, through: Callable[[str], str] = str, **settings: str
) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Create a database with schema and demo data; return the environment and the demo's document.

    Unless its release or its keys differ, it is a copy of one that was made once for this run.
    through: returns, from the database's URL, the one by which the product reaches it.
    """
    _collect_static_files()
    another = release != ROOT or bool(OF_THE_DATA & set(settings))
    copied_from, demo = ("", {}) if another else _prepared()
    with _database(copied_from) as url:
        environment = {
            **os.environ,
            **SECRETS,
            "DATABASE_URL": through(url),
            "PORT": str(free_port()),
            "RATE_LIMIT": "1000000/min",
            "WRONG_KEY_LIMIT": "1000000/min",
            "LOGIN_LIMIT": "1000000/min",
            "PATIENCE": "60",  # for slow machines; tests of time-outs set less
            **settings,
        }
        if another:
            _migrate(release, environment)
            demo = _fill(release, environment)
        yield environment, demo


def moved_to(elsewhere: str) -> Callable[[str], str]:
    """Return a `through` that moves what is in a PostgreSQL database to an empty one elsewhere."""

    def move(url: str) -> str:
        dump = [f"{newest_binaries()}/pg_dump", "--no-owner", url]
        psql = [f"{newest_binaries()}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", elsewhere]
        dumped = subprocess.run(dump, check=True, capture_output=True).stdout
        subprocess.run(psql, input=dumped, check=True, stdout=subprocess.DEVNULL)
        return elsewhere

    return move


@cache
def _collect_static_files() -> None:
    subprocess.run([ROOT / "script" / "static"], check=True)


@cache
def _prepared() -> tuple[str, dict[str, Any]]:
    """Create the database that is copied; return its URL and the demo's document."""
    url = _for_the_run.enter_context(_database(*_migrated))
    environment = {**os.environ, **SECRETS, "DATABASE_URL": url}
    if not _migrated:  # no test before had a database
        _migrate(ROOT, environment)
    return url, _fill(ROOT, environment)


def _migrate(release: Path, environment: dict[str, str]) -> None:
    migrate = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(migrate, cwd=release, env=environment, check=True)


def _fill(release: Path, environment: dict[str, str]) -> dict[str, Any]:
    demo = [sys.executable, "manage.py", "demo", "--json"]
    made = subprocess.run(demo, cwd=release, env=environment, check=True, capture_output=True)
    document: dict[str, Any] = json.loads(made.stdout)
    return document


@contextmanager
def running_server(
    log: Path | None = None, /, *, through: Callable[[str], str] = str, **settings: str
) -> Iterator[Server]:
    """Start the product on a database with demo data; settings go to its environment.

    log: a file for its output.
    through: see `installed`.
    """
    with (
        installed(ROOT, through=through, **settings) as (environment, demo),
        serving(environment, log) as process,
    ):
        yield Server(int(environment["PORT"]), demo, environment, process)


AS_IN_PRODUCTION = ("-c", "openchair/gunicorn.py", "openchair.wsgi:application")


def start_in_vain(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Start gunicorn where it should refuse to; return how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", *AS_IN_PRODUCTION],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def serving(
    environment: dict[str, str],
    log: Path | None = None,
    *,
    arguments: tuple[str, ...] = AS_IN_PRODUCTION,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run gunicorn as in production, on whatever database there is; or with other arguments."""
    _collect_static_files()
    with (log or Path(os.devnull)).open("ab") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=written,
            stderr=written,
        )
    try:
        _wait_for(environment, process)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(environment: dict[str, str], process: "subprocess.Popen[bytes]") -> None:
    path = environment.get("BIND", "").removeprefix("unix:")
    until_it_listens(path or ("127.0.0.1", int(environment["PORT"])), process)


def until_it_listens(address: str | tuple[str, int], process: "subprocess.Popen[bytes]") -> None:
    """Wait until a process listens at an address or a unix socket's path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    deadline = time.monotonic() + 30
    while True:
        try:
            with socket.socket(family) as sock:
                sock.settimeout(1)
                sock.connect(address)
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
