"""Bring the database up to date while the installation is in use."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

from openchair.database.sqlite import files

RIGHTS = settings.BASE_DIR / "deploy" / "postgresql" / "rights.sql"
TRIES = 30
PAUSE = 2.0
"""Seconds between two tries, in which those who waited behind the first are served."""

# A step that waits for a table makes everybody wait who comes after it, so it waits for a moment
# only. What it does once it has the table may take its time.
_PATIENCE = """
    SET lock_timeout = '1s';
    SET statement_timeout = 0;
    SET idle_in_transaction_session_timeout = 0;
"""

_AS_BEFORE = (
    "RESET lock_timeout; RESET statement_timeout; RESET idle_in_transaction_session_timeout"
)


class Command(migrate.Command):
    """Django's, which on PostgreSQL queues behind nobody and then sets the roles' rights."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; a step that found its table in use is undone, and tried again."""
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            path = Path(connection.settings_dict["NAME"])
            if (options["plan"] or options["check_unapplied"]) and not path.exists():
                raise CommandError(f"There is no database at {path}.")
            if files.make(path):
                self.stderr.write(f"There was no database at {path}: made an empty one.")
            super().handle(*args, **options)
            return
        for attempt in range(1, TRIES + 1):
            with connection.cursor() as cursor:
                cursor.execute(_PATIENCE)
            try:
                super().handle(*args, **options)
                break
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable):
                    raise
                self.stderr.write(f"A table is in use ({attempt} of {TRIES} tries).")
                time.sleep(PAUSE)
        else:
            raise CommandError(
                "The tables stayed in use: find out who holds them (SELECT pid, query, xact_start "
                "FROM pg_stat_activity ORDER BY xact_start), and run this again. What was done is "
                "kept; what was not is as it was."
            )
        with connection.cursor() as cursor:
            if not (options["plan"] or options["check_unapplied"]):
                cursor.execute(RIGHTS.read_text())
            cursor.execute(_AS_BEFORE)
