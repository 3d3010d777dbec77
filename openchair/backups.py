"""Copies of the whole database, taken while it is in use, that can prove themselves.

A backup is two files: the copy (PostgreSQL's own archive, or an SQLite file) and beside it a list
of every table with its number of rows and a digest of what is in them. Both are of one instant,
whatever is written meanwhile, so a restored database can be held against the list.
"""

import hashlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.backends.postgresql.client import DatabaseClient
from django.db.backends.utils import CursorWrapper

from openchair.database.sqlite import files

_SUFFIXES = {"postgresql": "dump", "sqlite": "sqlite3"}
Tables = dict[str, dict[str, object]]
"""By name: rows, and a digest in which their order plays no part."""

SET_BACK = 1_000_000
"""By how much the feed's numbers go on after a restore, past any that were given out and lost."""

# A copy takes as long as it takes; and text of a row must not depend on who reads it.
_AT_LEISURE = """
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL DateStyle = 'ISO';
"""


class Failed(Exception):
    """A backup cannot be made, or not restored here; the text says why, and what to do."""


def make(folder: Path, *, now: datetime) -> tuple[Path, Tables]:
    """Copy the database into a folder, named by the time; give the copy, and what is in it.

    Both files appear under their names once they are complete.
    """
    copy = folder / f"openchair-{now:%Y%m%dT%H%M%SZ}.{_SUFFIXES[connection.vendor]}"
    unfinished = copy.with_name(f".{copy.name}.unfinished")
    unfinished.touch(mode=0o600)  # patients are in it
    try:
        by = _copy_sqlite if connection.vendor == "sqlite" else _copy_postgresql
        tables = by(unfinished)
        listed = _list_of(copy)
        listed.touch(mode=0o600)
        listed.write_text(json.dumps({"at": now.isoformat(), "tables": tables}, indent=1))
        unfinished.rename(copy)
    finally:
        unfinished.unlink(missing_ok=True)
    return copy, tables


def restore(copy: Path) -> Tables:
    """Fill an empty database from a backup and compare it, table by table; give what is in it.

    Then every practice's feed goes on from a later number: what was written after the backup is
    gone, and its numbers, which clients have seen, must not come to mean something else.
    Raises Failed, where there is something in the database already without touching it.
    """
    if not copy.exists() or not _list_of(copy).exists():
        raise Failed(f"Both {copy} and {_list_of(copy).name} beside it are needed.")
    if copy.suffix != f".{_SUFFIXES[connection.vendor]}":
        raise Failed(f"{copy.name} is not a backup of a {connection.vendor} database.")
    if connection.vendor == "sqlite":
        files.make(Path(connection.settings_dict["NAME"]))
    if connection.introspection.table_names():
        raise Failed(
            "The database that DATABASE_URL names is not empty: make an empty one beside it, and "
            "write that one into DATABASE_URL."
        )
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(copy)) as source, closing(_sqlite()) as target:
            source.backup(target)
    else:
        arguments = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        _run("pg_restore", [*arguments, str(copy)], database=["--dbname"])
    found = look()
    expected: Tables = json.loads(_list_of(copy).read_text())["tables"]
    different = {name for name in expected.keys() | found if expected.get(name) != found.get(name)}
    if different:
        raise Failed(f"Not as it was when it was copied: {', '.join(sorted(different))}.")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bookings_feed SET newest = newest + %s", [SET_BACK])
    return found


def look() -> Tables:
    """Count and digest every table of the database, at one instant."""
    if connection.vendor == "sqlite":
        with closing(_sqlite()) as reader:
            reader.execute("BEGIN")
            return _tables_of_sqlite(reader)
    with _snapshot() as (cursor, _):
        return _tables_of_postgresql(cursor)


def _list_of(copy: Path) -> Path:
    return copy.with_suffix(".json")


def _sqlite() -> sqlite3.Connection:
    address = files.address(connection.settings_dict["NAME"])
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=60)


def _copy_sqlite(to: Path) -> Tables:
    with closing(_sqlite()) as source, closing(sqlite3.connect(to)) as target:
        # What a connection reads in one transaction is of one instant; its copy is too.
        source.execute("BEGIN")
        tables = _tables_of_sqlite(source)
        source.backup(target)
        # One file, not three.
        target.execute("PRAGMA journal_mode = DELETE")
    return tables


def _tables_of_sqlite(reader: sqlite3.Connection) -> Tables:
    names = reader.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    tables: Tables = {}
    for (name,) in names.fetchall():
        rows = total = 0
        for row in reader.execute(f'SELECT * FROM "{name}"'):  # noqa: S608  # a name of our own
            rows += 1
            total += int.from_bytes(hashlib.sha256(repr(row).encode()).digest()[:16], "big")
        tables[name] = {"rows": rows, "digest": str(total)}
    return tables


@contextmanager
def _snapshot() -> Iterator[tuple[CursorWrapper, str]]:
    """Stay at one instant of a PostgreSQL database; give the name by which others can share it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(_AT_LEISURE)
        cursor.execute("SELECT pg_export_snapshot()")
        yield cursor, cursor.fetchone()[0]


def _copy_postgresql(to: Path) -> Tables:
    with _snapshot() as (cursor, snapshot):
        # A migration at work is not waited for: the next backup comes soon enough.
        arguments = ["--format=custom", "--lock-wait-timeout=60s", f"--snapshot={snapshot}"]
        _run("pg_dump", [*arguments, f"--file={to}"])
        return _tables_of_postgresql(cursor)


def _tables_of_postgresql(cursor: CursorWrapper) -> Tables:
    tables: Tables = {}
    for name in connection.introspection.table_names(cursor):
        cursor.execute(
            f"""
            SELECT count(*), concat_ws('-', sum(('x' || left(h, 15))::bit(60)::bigint),
                                            sum(('x' || right(h, 15))::bit(60)::bigint))
            FROM (SELECT md5(t::text) AS h FROM "{name}" t) hashed
            """  # noqa: S608  # a name of our own
        )
        rows, digest = cursor.fetchone()
        tables[name] = {"rows": rows, "digest": digest}
    return tables


def _run(program: str, arguments: list[str], *, database: list[str] | None = None) -> None:
    """Run one of PostgreSQL's programs on the database; the password is in no list of processes."""
    settings: Any = connection.settings_dict
    (_, *where, name), secrets = DatabaseClient.settings_to_cmd_args_env(settings, [])
    ended = subprocess.run(  # noqa: S603  # our own words, and the operator's
        [program, *arguments, *where, *(database or []), name],
        env={**os.environ, **(secrets or {})},
        check=False,
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        raise Failed(f"{program} failed: {ended.stderr.strip()[-500:]}")
