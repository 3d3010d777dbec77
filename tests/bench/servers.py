"""Servers that the speed benchmark measures: the product as in production, LIMIT and STOCK.

LIMIT is a bare WSGI callable with prepared SQL and orjson: the same work with nothing in between.
STOCK is what Django and DRF make of it as their tutorials say. Both are in tests/bench/references.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.clients import Address
from tests.postgres import Cluster, newest_binaries
from tests.server import ROOT, free_port, serving

SETTINGS = """
listen_addresses = ''
timezone = 'UTC'
log_timezone = 'UTC'
max_connections = 200
shared_buffers = 1GB
max_wal_size = 8GB
checkpoint_timeout = 30min
"""
REFERENCE_WORKERS = 2


@dataclass
class Data:
    """A database with its rows, and where in it to look."""

    url: str
    places: dict[str, Any]
    postmaster: int | None = None

    def statements(self) -> int | None:
        """Count the SQL statements that this database was ever sent, where it counts them."""
        if self.postmaster is None or not counting():
            return None
        with psycopg.connect(self.url) as connection:
            found = connection.execute(
                "SELECT sum(calls)::bigint FROM pg_stat_statements s JOIN pg_database d"
                " ON d.oid = s.dbid WHERE d.datname = current_database()"
                " AND query NOT LIKE '%pg_stat_statements%'"
            ).fetchone()
        return None if found is None else int(found[0])


@dataclass
class Target:
    """A server that is measured."""

    name: str
    address: Address
    pid: int
    data: Data
    another: "Callable[[], AbstractContextManager[Target]]"
    is_ours: bool = False


def counting() -> str:
    """Return the setting that makes PostgreSQL count statements, where it can."""
    library = newest_binaries().parent.glob("lib*/**/pg_stat_statements.so")
    return "shared_preload_libraries = pg_stat_statements\n" if any(library) else ""


def loaded(cluster: Cluster, sizes: tuple[int, ...], name: str) -> Data:
    """Create a database of that name, with so many rows, in a PostgreSQL."""
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    base, _, _ = cluster.url.rpartition("/")
    return _filled(Data(f"{base}/{name}", {}, cluster.postmaster), sizes)


def embedded(folder: Path, sizes: tuple[int, ...]) -> Data:
    """Create an SQLite file with so many rows."""
    return _filled(Data(f"sqlite:///{folder}/bench.sqlite3", {}), sizes)


def _filled(data: Data, sizes: tuple[int, ...]) -> Data:
    environment = {
        **os.environ,
        "DATABASE_URL": data.url,
        "DJANGO_SETTINGS_MODULE": "openchair.settings",
    }
    python = [sys.executable]
    subprocess.run([*python, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    done = subprocess.run(
        [*python, "-m", "tests.bench.data", *map(str, sizes)],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
    )
    data.places = json.loads(done.stdout)
    if data.postmaster is not None and counting():
        with psycopg.connect(data.url) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    return data


@contextmanager
def product(name: str, data: Data) -> Iterator[Target]:
    """Run OpenChair as behind a proxy, with raised limits."""
    environment = {
        **os.environ,
        "TRUSTED_PROXIES": "127.0.0.1",
        "DATABASE_URL": data.url,
        "PORT": str(free_port()),
        "RATE_LIMIT": "10000000/min",
        "SESSION_IDLE": "86400",
    }
    with serving(environment) as process:
        address = Address(int(environment["PORT"]), data.places["key"])
        another = partial(product, name, data)
        yield Target(name, address, process.pid, data, another, is_ours=True)


@contextmanager
def reference(name: str, data: Data) -> Iterator[Target]:
    """Run LIMIT or STOCK, with as many workers."""
    environment = {**os.environ, "DATABASE_URL": data.url, "PORT": str(free_port())}
    bound = f"127.0.0.1:{environment['PORT']}"
    application = {"LIMIT": "limit:app", "STOCK": "stock.wsgi:application"}[name]
    where = f"tests.bench.references.{application}"
    arguments = ("-w", str(REFERENCE_WORKERS), "-b", bound, "--no-control-socket", where)
    with serving(environment, arguments=arguments) as process:
        address = Address(int(environment["PORT"]), data.places["key"])
        yield Target(name, address, process.pid, data, partial(reference, name, data))
