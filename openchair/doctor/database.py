"""The database: whether it answers, what it promises, and what our role may do."""

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning  # noqa: A004  # Django's names
from django.db import connection

from openchair.database import failures
from openchair.operations import probes
from openchair.operations.clashes import is_a_trial
from openchair.serving import logs

OLDEST = 150_000
SKEW = 2.0
"""Seconds by which the clocks of application and database may differ."""
THREADS = 5
"""Connections that each worker may need: as many as it has threads, that which reads included."""
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "fuse.sshfs", "afs", "9p"}


def unreachable() -> Iterator[CheckMessage]:
    """Say if the database does not answer; everything else waits for that."""
    try:
        connection.ensure_connection()
        _ask("SELECT 1")
    except failures.ERRORS as error:
        yield Error(
            f"The database does not answer: {logs.describe(error.__cause__ or error)}.",
            "See that it runs, that this machine reaches it, and that DATABASE_URL names its host, "
            "port, name, user and password.",
            id="openchair.E120",
        )


def missing_migrations() -> Iterator[CheckMessage]:
    """Say which migrations of this release the database lacks."""
    missing = probes.missing_migrations()
    if missing:
        yield Error(
            f"The database lacks {len(missing)} migrations of this release: {missing[0]}"
            f"{' and others' if len(missing) > 1 else ''}.",
            "Run manage.py migrate.",
            id="openchair.E121",
        )


def findings() -> Iterator[CheckMessage]:
    """Look at a database that answers."""
    yield from _clock()
    if connection.vendor == "postgresql":
        yield from _postgresql()
        if not is_a_trial():
            yield from _role()
    else:
        yield from _sqlite(Path(str(connection.settings_dict["NAME"])))


def _ask(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def _clock() -> Iterator[CheckMessage]:
    if connection.vendor != "postgresql":
        return  # one machine, one clock
    before = time.time()
    theirs = float(_ask("SELECT extract(epoch FROM clock_timestamp())"))
    skew = abs(theirs - (before + time.time()) / 2)
    if skew > SKEW:
        yield Warning(
            f"The clocks of this machine and of the database differ by {skew:.0f} seconds: holds "
            "end at different times on different machines.",
            "Let both follow the time of the network (chrony, systemd-timesyncd).",
            id="openchair.W122",
        )


def _postgresql() -> Iterator[CheckMessage]:
    if int(_ask("SHOW server_version_num")) < OLDEST:
        yield Error(
            f"The database is PostgreSQL {_ask('SHOW server_version')}.",
            "Use version 15 or later.",
            id="openchair.E123",
        )
    if _ask("SHOW server_encoding") != "UTF8":
        yield Error(
            f"The database is encoded in {_ask('SHOW server_encoding')}: not every name fits in.",
            "Make it anew with ENCODING 'UTF8', and restore the data into it.",
            id="openchair.E124",
        )
    unsafe = [
        name
        for name in ("fsync", "full_page_writes", "synchronous_commit")
        if _ask(f"SHOW {name}") == "off"
    ]
    if unsafe:
        yield Warning(
            f"{' and '.join(unsafe)} {'is' if len(unsafe) == 1 else 'are'} off in PostgreSQL: a "
            "power cut loses bookings that were answered.",
            "Take them out of postgresql.conf, and out of the role's and the database's settings.",
            id="openchair.W125",
        )
    room = int(_ask("SHOW max_connections")) - int(_ask("SHOW superuser_reserved_connections"))
    needed = settings.WEB_CONCURRENCY * THREADS
    if needed > room and not settings.PGBOUNCER:
        yield Warning(
            f"{settings.WEB_CONCURRENCY} workers may open {needed} connections, and PostgreSQL "
            f"takes {room}.",
            "Raise max_connections, lower WEB_CONCURRENCY, or put PgBouncer between "
            "(docs/scaling.md).",
            id="openchair.W126",
        )


def _role() -> Iterator[CheckMessage]:
    """Look at what the role of the application may do beyond what it needs."""
    mighty = _ask(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication "
        "FROM pg_roles WHERE rolname = current_user"
    )
    rewrites = _ask(
        "SELECT coalesce(bool_or(has_table_privilege(c.oid, 'UPDATE') "
        "OR has_table_privilege(c.oid, 'DELETE')), false) "
        "FROM pg_class c WHERE c.oid = to_regclass('bookings_event')"
    )
    if mighty:
        yield Warning(
            f"The role {_ask('SELECT current_user')} of DATABASE_URL may rule the whole server: "
            "whoever gets into the application has it all.",
            "Let the application connect as a role of its own (deploy/postgresql/roles.sql).",
            id="openchair.W127",
        )
    elif rewrites:
        yield Warning(
            f"The role {_ask('SELECT current_user')} of DATABASE_URL may change and delete the "
            "record of what happened.",
            "Let the application connect as a role that may only add to it "
            "(deploy/postgresql/roles.sql).",
            id="openchair.W128",
        )


def _sqlite(file: Path) -> Iterator[CheckMessage]:
    if not is_a_trial():
        yield Info(
            "The database is an SQLite file: one machine, one change at a time.",
            "Use PostgreSQL for more than one practice (DATABASE_URL).",
            id="openchair.I130",
        )
    kind = file_system(file)
    if kind in NETWORK:
        yield Error(
            f"The SQLite file {file} is on a network file system ({kind}), whose locks do not "
            "hold: it will be damaged.",
            "Move it to a disk of this machine, or use PostgreSQL.",
            id="openchair.E131",
        )
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield Warning(
            f"Others on this machine can read or write the SQLite file {file}; patients are in it.",
            f"chmod 600 {file}",
            id="openchair.W132",
        )
    if _ask("PRAGMA journal_mode") != "wal" or int(_ask("PRAGMA synchronous")) < 2:
        yield Warning(
            "The SQLite file is not in WAL mode, or not written through: readers wait for the "
            "writer, or a power cut loses bookings that were answered.",
            "See that the file and its folder can be written, and that no other program has set "
            "another journal_mode.",
            id="openchair.W133",
        )
    if (told := _ask("PRAGMA quick_check(1)")) != "ok":
        yield Error(
            f"The SQLite file is damaged: {told}.",
            "Restore the last backup.",
            id="openchair.E134",
        )


def file_system(file: Path) -> str:
    """Name the kind of file system that a file is on; empty where that cannot be found out."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    found = {}
    for line in mounts.read_text().splitlines():
        _, place, kind, *_ = line.split(" ")
        found[place.encode().decode("unicode_escape")] = kind
    within = [place for place in found if file.resolve().is_relative_to(place)]
    return found[max(within, key=len)] if within else ""
