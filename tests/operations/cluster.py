"""A PostgreSQL database with the roles of deploy/postgresql (docs/operations.md)."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

from tests.postgres import newest_binaries
from tests.server import ROOT

ROLES = ("owner", "app", "backup", "report")


@dataclass
class Database:
    """A database with its roles, and the URL of PostgreSQL's superuser."""

    superuser: str
    name: str
    password: str

    def url(self, role: str) -> str:
        """Return the URL of a role."""
        parts = urlsplit(self.superuser)
        place = parts.netloc.rpartition("@")[2]
        who = f"{quote(f'{self.name}_{role}')}:{quote(self.password)}"
        return urlunsplit(parts._replace(netloc=f"{who}@{place}", path=f"/{self.name}"))

    def make(self) -> None:
        """Run roles.sql, as an operator does."""
        environment = {f"{role.upper()}_PASSWORD": self.password for role in ROLES}
        parts = urlsplit(self.superuser)._replace(path="/postgres")
        psql = newest_binaries() / "psql"
        script = ROOT / "deploy" / "postgresql" / "roles.sql"
        subprocess.run(
            [psql, "-X", urlunsplit(parts), "-v", f"database={self.name}", "-f", script],
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
        )

    def migrate(self) -> None:
        """Migrate and set the roles' rights, as docs/operations.md does."""
        self.manage("owner", "migrate", "-v0")
        psql = [f"{newest_binaries()}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        rights = ROOT / "deploy" / "postgresql" / "rights.sql"
        subprocess.run([*psql, self.url("owner"), "-f", rights], check=True)

    def manage(self, role: str, *arguments: str) -> None:
        """Run a management command as a role."""
        environment = {**os.environ, "DATABASE_URL": self.url(role)}
        subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True
        )


@contextmanager
def database_with_roles(superuser: str, name: str = "") -> Iterator[Database]:
    """Create a database with roles on a server, and drop both afterwards."""
    made = Database(
        superuser, name or f"roles_{os.getpid()}_{time.time_ns()}", secrets.token_urlsafe()
    )
    maintenance = urlunsplit(urlsplit(superuser)._replace(path="/postgres"))
    try:
        made.make()
        yield made
    finally:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{made.name}" WITH (FORCE)'.encode())
            for role in ROLES:
                connection.execute(f'DROP ROLE IF EXISTS "{made.name}_{role}"'.encode())
