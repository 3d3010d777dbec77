"""What the server writes about itself: lines of JSON, or of text for a terminal (LOG_FORMAT).

Everything goes to standard error. Nothing that a client, a patient or a row said is in it: texts of
errors quote values, so of an error its kind and its place are told; so do messages of libraries.
"""

import json
import logging
import time
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured

OURS = ("openchair", "practices", "bookings", "gunicorn", "tests")
# What these say is about the installation: which setting is wrong, which module is missing.
TOLD = (ImproperlyConfigured, ImportError, SyntaxError)

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered, for whatever is written meanwhile."""


def describe(error: BaseException) -> str:
    """Name an error without its text, which may quote what somebody sent or a row holds."""
    named = type(error).__name__
    diagnosed = getattr(error, "diag", None)  # psycopg's
    details = [
        getattr(error, "sqlstate", None),
        getattr(diagnosed, "constraint_name", None),
        getattr(error, "sqlite_errorname", None),
        error.strerror if isinstance(error, OSError) else None,
        str(error).partition("\n")[0] if _tells_of_the_installation(error) else None,
    ]
    told = " ".join(str(detail) for detail in details if detail)
    return f"{named}: {told}" if told else named


def _tells_of_the_installation(error: BaseException) -> bool:
    """Say whether an error's text is about a setting, a module or a database that is away."""
    return isinstance(error, TOLD) or any(
        kind.__name__ == "OperationalError" and kind.__module__.startswith(("psycopg", "sqlite3"))
        for kind in type(error).__mro__
    )


def trace(error: BaseException | None) -> str:
    """Tell an error and what caused it: where each arose, in code, and what kind it is."""
    return "\n".join(
        "".join(traceback.format_tb(one.__traceback__)) + describe(one) for one in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error after its causes, the first cause first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    yield from reversed(found)


def message(record: logging.LogRecord) -> str:
    """Say what a record says, as far as it cannot hold what was sent."""
    if record.name.startswith("django."):
        # Paths, hosts and parameters; what kind of trouble it was is in the logger's name.
        return f"{record.name.rpartition('.')[2]} {getattr(record, 'status_code', '')}".strip()
    if record.name.split(".")[0] not in OURS:
        said = str(record.msg) if record.args else "a message"
        return f"{said} ({record.filename}, line {record.lineno})"
    said = record.getMessage()
    if said.startswith("Invalid request from ip="):  # then what was sent
        return said.partition(": ")[0]
    if said.startswith("Error handling request"):  # then its path and query
        return "Error handling request"
    return said


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write it."""
        line = {
            "time": _instant(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": message(record),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        if record.exc_info and record.exc_info[1]:
            line["error"] = trace(record.exc_info[1])
        return json.dumps(line)


class TextFormatter(logging.Formatter):
    """Writes a record for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """Write it."""
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        line = (
            f"{at} {record.levelname} {record.name} {message(record)} {request_id.get()}".rstrip()
        )
        if record.exc_info and record.exc_info[1]:
            line += "\n" + trace(record.exc_info[1])
        return line


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


class BugsOnly(logging.Filter):
    """Leaves out what Django says of every answer with 5xx: the request's own line tells it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep what comes with an error."""
        return record.exc_info is not None


class StandardError(logging.StreamHandler[Any]):
    """Writes to standard error; a log that cannot be written, on a full disk, stops nobody."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Leave it; logging's own way would print the record as it is."""


def formatter(kind: str) -> logging.Formatter:
    """Make what writes records in this LOG_FORMAT."""
    return JsonFormatter() if kind == "json" else TextFormatter()
