"""A throw-away PostgreSQL server for tests.

    python -m tests.postgres -- COMMAND ...

runs COMMAND with DATABASE_URL naming such a server and exits as COMMAND did; exit status 69 says
that this machine has no PostgreSQL. Where DATABASE_URL already names a PostgreSQL, that is used.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

OLDEST = 15
ROLE = "openchair"
SETTINGS = """
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
timezone = 'UTC'
log_timezone = 'UTC'
"""
"""Quick, for what is in it is thrown away; what has to survive a crash needs others."""


class NoPostgres(Exception):
    """This machine has no PostgreSQL server to start; the message says what to install."""


def newest_binaries() -> Path:
    """Return the directory of the newest PostgreSQL server on this machine."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    if pg_config := shutil.which("pg_config"):
        places.append(Path(subprocess.check_output([pg_config, "--bindir"], text=True).strip()))
    if initdb := shutil.which("initdb"):
        places.append(Path(initdb).resolve().parent)
    versions = {OLDEST - 1: Path()}
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            says = subprocess.check_output([place / "postgres", "--version"], text=True)
            versions[int(re.findall(r"\d+", says)[0])] = place
    newest = max(versions)
    if newest < OLDEST:
        raise NoPostgres(
            f"No PostgreSQL server of version {OLDEST} or later is installed here "
            "(Debian, Ubuntu: apt-get install postgresql)."
        )
    return versions[newest]


def somebody_else() -> dict[str, Any]:
    """Return the Popen arguments of another user: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    everybody = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = everybody.get("postgres") or everybody["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Cluster:
    """A PostgreSQL in a directory of its own, reached over a socket in it."""

    def __init__(self, settings: str) -> None:
        self.binaries, self.user = newest_binaries(), somebody_else()
        # Not in TMPDIR: a socket's path has room for some 100 characters, and `user` must reach it.
        self.home = Path(tempfile.mkdtemp(prefix="openchair-postgres-", dir="/tmp"))
        self.data, self.settings = self.home / "data", settings
        self.environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("PG")},
            "LC_ALL": "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8",
        }

    @property
    def url(self) -> str:
        """Return its DATABASE_URL."""
        return f"postgres://{ROLE}@{quote(str(self.home), safe='')}/{ROLE}"

    @property
    def postmaster(self) -> int:
        """Return the process id of the server that was started last."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def make(self) -> None:
        """Initialize and start it, and create a database in it."""
        os.chown(self.home, self.user.get("user", -1), self.user.get("group", -1))
        self._run(
            "initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "-U", ROLE, "-D", self.data
        )
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(f"{self.settings}unix_socket_directories = '{self.home}'\n")
        self.start()
        self._run("createdb", "-h", self.home, "-U", ROLE, ROLE)

    def start(self) -> None:
        """Start the server, and wait until it answers. Raises RuntimeError."""
        self._run("pg_ctl", "start", "--wait", "-D", self.data)

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self._run("pg_ctl", "stop", "--mode=immediate", "-D", self.data, check=False)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def _run(self, program: str, *arguments: str | Path, check: bool = True) -> None:
        with (self.home / "log").open("ab") as log:
            ended = subprocess.run(
                [self.binaries / program, *arguments],
                check=False,
                cwd=self.home,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self.user,
                start_new_session=True,  # so that a Ctrl-C does not stop it half done
            )
        if check and ended.returncode:
            said = (self.home / "log").read_text()[-3000:]
            raise RuntimeError(f"{program} failed:\n{said}")


@contextmanager
def cluster(settings: str = SETTINGS) -> Iterator[Cluster]:
    """Start a PostgreSQL; stop and remove it afterwards."""
    made = Cluster(settings)
    try:
        made.make()
        yield made
    finally:
        made.remove()


@contextmanager
def throwaway_postgres() -> Iterator[str]:
    """Return DATABASE_URL if it names a PostgreSQL, or else the URL of a throw-away one."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith(("postgres:", "postgresql:")):
        yield given
        return
    with cluster() as made:
        yield made.url


def main(command: list[str]) -> int:
    """Run the command beside a throw-away PostgreSQL, which is removed whatever happens."""
    child: subprocess.Popen[bytes] | None = None
    stopped: list[int] = []

    def stop(number: int, _frame: object) -> None:
        stopped.append(number)
        if child and number == signal.SIGALRM:
            child.kill()
        elif child:
            if number != signal.SIGINT:  # a Ctrl-C has reached the command by itself
                child.send_signal(signal.SIGINT)
            signal.alarm(10)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, stop)
    try:
        with throwaway_postgres() as url:
            if not stopped:
                child = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url})
                ended = child.wait()
    except NoPostgres as missing:
        print(missing, file=sys.stderr)
        return 69
    return 128 + stopped[0] if stopped else ended


if __name__ == "__main__":
    if sys.argv[1:2] != ["--"] or not sys.argv[2:]:
        sys.exit("usage: python -m tests.postgres -- COMMAND ...")
    sys.exit(main(sys.argv[2:]))
