"""Database errors, classified: the text and the Retry-After of each kind, for API and pages alike.

Nothing is half done: the transaction was rolled back. Only where the connection broke during COMMIT
(GONE) may it have been committed (docs/failing.md).
"""

import logging
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError

from openchair.serving import logs

logger = logging.getLogger(__name__)

ERRORS = (DatabaseError, InterfaceError)


@dataclass(frozen=True)
class Outage:
    """A kind of failure: the text of the answer, and the seconds until a retry may work."""

    text: str
    retry_after: int


GONE = Outage("The database is not answering", 5)
BUSY = Outage("The database is too busy right now", 2)
# All verbs lock in the same order, so one of these in the log is a bug.
CONFLICT = Outage("Another change got in the way of this one", 1)
FULL = Outage("The database is full; the operator has to make room", 30)
READ_ONLY = Outage("The database is read-only right now; the operator has to look into it", 30)
MISSING = Outage(
    "The database is missing or not set up; the operator has to run manage.py migrate",
    30,
)

_BY_SQLSTATE = {
    "40001": CONFLICT,  # serialization_failure
    "40P01": CONFLICT,  # deadlock_detected
    "55P03": BUSY,  # lock_not_available: lock_timeout
    "57014": BUSY,  # query_canceled: statement_timeout
    "25P03": BUSY,  # idle_in_transaction_session_timeout
    "53200": BUSY,  # out_of_memory
    "53300": BUSY,  # too_many_connections
    "53100": FULL,  # disk_full
    "25006": READ_ONLY,  # read_only_sql_transaction: a standby, or set so
    "3D000": MISSING,  # invalid_catalog_name
    "42P01": MISSING,  # undefined_table
    "42703": MISSING,  # undefined_column
}
_BY_SQLITE_NAME = {
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_READONLY_DBMOVED": MISSING,
    "SQLITE_CANTOPEN": MISSING,
    "SQLITE_NOTADB": MISSING,
    # Without a code of its own: a missing table or column.
    "SQLITE_ERROR": MISSING,
}


def of(error: Exception) -> Outage:
    """Return the kind of failure that a database error is; GONE for an unknown one."""
    cause = error.__cause__
    found = _BY_SQLSTATE.get(getattr(cause, "sqlstate", None) or "")
    if found is None:
        name = getattr(cause, "sqlite_errorname", "")
        # SQLITE_BUSY_SNAPSHOT is a kind of SQLITE_BUSY, and so on.
        family = "_".join(name.split("_")[:2])
        found = _BY_SQLITE_NAME.get(name) or _BY_SQLITE_NAME.get(family)
    return found or GONE


def note(error: Exception) -> Outage:
    """Log a database error and return its kind of failure."""
    outage = of(error)
    logger.error("%s: %s", outage.text, logs.describe(error.__cause__ or error))
    return outage
