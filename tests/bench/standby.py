"""PostgreSQL servers in network namespaces: a primary, and its streaming standby."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from tests.bench.network import Network
from tests.postgres import newest_binaries, somebody_else

ROLE = "openchair"
DURABLE = """
listen_addresses = '*'
unix_socket_directories = ''
max_connections = 100
timezone = 'UTC'
log_timezone = 'UTC'
wal_sender_timeout = 5s
wal_receiver_timeout = 5s
"""


class Database:
    """A PostgreSQL server on a machine of a network; what it acknowledges is on the disk."""

    def __init__(self, network: Network, machine: str) -> None:
        self.network, self.machine = network, machine
        self.binaries, self.user = newest_binaries(), somebody_else()
        self.home = Path(tempfile.mkdtemp(prefix="openchair-host-", dir="/tmp"))
        self.data = self.home / "data"
        os.chown(self.home, self.user["user"], self.user["group"])

    @property
    def address(self) -> str:
        return self.network.address(self.machine)

    def make(self) -> None:
        """Initialize and start it, and create a database in it."""
        new = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        self._run("initdb", *new, "-U", ROLE, "-D", f"{self.data}")
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(DURABLE)
        with (self.data / "pg_hba.conf").open("a") as who:
            who.write(f"host all,replication all {self.network.whole} trust\n")
        self.start()
        self._run("createdb", "-h", self.address, "-U", ROLE, ROLE)

    def follow(self, primary: "Database", *, synchronous: bool) -> None:
        """Become its synchronous standby: a commit is acknowledged once this one has it."""
        source = ["-h", primary.address, "-U", ROLE, "-c", "fast", "--no-sync"]
        self._run("pg_basebackup", *source, "-R", "-D", f"{self.data}")
        with (self.data / "postgresql.auto.conf").open("a") as settings:
            where = f"host={primary.address} user={ROLE} application_name={self.machine}"
            settings.write(f"primary_conninfo = '{where}'\n")
        self.start()
        if synchronous:
            primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{self.machine}'")
            primary.ask("SELECT pg_reload_conf()")
        state = "sync" if synchronous else "async"
        deadline = time.monotonic() + 120
        while primary.ask("SELECT sync_state FROM pg_stat_replication") != [(state,)]:
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.05)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "start", "--wait", "-D", f"{self.data}")

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Run a query."""
        with psycopg.connect(
            host=self.address, user=ROLE, dbname="postgres", autocommit=True, connect_timeout=5
        ) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def promote(self) -> None:
        """Promote it to primary."""
        self.ask("SELECT pg_promote()")

    def remove(self) -> None:
        self.network.kill(self.machine)
        shutil.rmtree(self.home, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        inside = self.network.inside(self.machine, user=self.user["user"], group=self.user["group"])
        with (self.home / "log").open("ab") as log:
            subprocess.run(
                [*inside, f"{self.binaries / program}", *arguments],
                check=True,
                cwd=self.home,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
