"""Logging: JSON or text formatters, redaction, the request id, and a log line for each request.

Of what a client sent or a row has, only a harmless X-Request-ID, the key's prefix and the name of
the staff's account are ever logged. Texts of exceptions and of libraries' messages may quote
values, so an exception is logged by its type and traceback, a library's message by its template
without the arguments, and a request by its route's pattern. LOG_FORMAT chooses the formatter;
everything goes to standard error.
"""

import json
import logging
import os
import re
import time
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.signals import connection_created
from django.http import HttpRequest
from django.http.response import HttpResponseBase

OURS = ("openchair", "practices", "bookings", "gunicorn", "tests")
# Their texts are about the installation: which setting is wrong, which module is missing.
TOLD = (ImproperlyConfigured, ImportError, SyntaxError)

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the current request, for everything logged meanwhile."""

# Redaction -----------------------------------------------------------------------------------


def describe(error: BaseException) -> str:
    """Return an exception's type and codes without its text, which may quote a request or row."""
    named = type(error).__name__
    diagnosed = getattr(error, "diag", None)  # psycopg's
    details = [
        getattr(error, "sqlstate", None),
        getattr(diagnosed, "constraint_name", None),
        getattr(error, "sqlite_errorname", None),
        error.strerror if isinstance(error, OSError) else None,
        str(error).partition("\n")[0] if _is_about_the_installation(error) else None,
    ]
    told = " ".join(str(detail) for detail in details if detail)
    return f"{named}: {told}" if told else named


def _is_about_the_installation(error: BaseException) -> bool:
    """Whether the text is about a setting, a module or a database that is down."""
    return isinstance(error, TOLD) or any(
        kind.__name__ == "OperationalError" and kind.__module__.startswith(("psycopg", "sqlite3"))
        for kind in type(error).__mro__
    )


def trace(error: BaseException | None) -> str:
    """Format an exception and its causes: tracebacks and types, without texts."""
    return "\n".join(
        "".join(traceback.format_tb(one.__traceback__)) + describe(one) for one in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception after its causes, the first cause first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    yield from reversed(found)


def message(record: logging.LogRecord) -> str:
    """Return as much of a record's message as cannot contain anything that a client sent."""
    if record.name.startswith("django."):
        # It has paths, hosts and parameters; the logger's name has the kind of error.
        return f"{record.name.rpartition('.')[2]} {getattr(record, 'status_code', '')}".strip()
    if record.name.split(".")[0] not in OURS:
        template = str(record.msg) if record.args else "a message"
        return f"{template} ({record.filename}, line {record.lineno})"
    text = record.getMessage()
    if text.startswith("Invalid request from ip="):  # followed by what was sent
        return text.partition(": ")[0]
    if text.startswith("Error handling request"):  # followed by its path and query
        return "Error handling request"
    return text


# Formatters and handler ----------------------------------------------------------------------


_encode = json.JSONEncoder(separators=(",", ":")).encode

# No line has these, and `logging` would look them up for every record.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _instant(record.created),
            "level": record.levelname,
            "logger": record.name,
        }
        if record.name == request_logger.name:
            return _encode(line | vars(record)["request"])
        line["message"] = message(record)
        if request_id.get():
            line["request_id"] = request_id.get()
        if record.exc_info and record.exc_info[1]:
            line["error"] = trace(record.exc_info[1])
        return _encode(line)


class TextFormatter(logging.Formatter):
    """Formats a record for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        if record.name == request_logger.name:
            fields = vars(record)["request"]
            return _REQUEST_TEXT % {
                "who": fields["key"] or fields["user"] or "-",
                "at": at,
                **fields,
            }
        line = (
            f"{at} {record.levelname} {record.name} {message(record)} {request_id.get()}".rstrip()
        )
        if record.exc_info and record.exc_info[1]:
            line += "\n" + trace(record.exc_info[1])
        return line


_REQUEST_TEXT = (
    "%(at)s %(status)d %(method)s %(route)s  %(ms).0f ms, %(sql)d SQL, %(who)s %(request_id)s"
)


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


class BugsOnly(logging.Filter):
    """Drops Django's record of each 5xx response: the request's own line has the status."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None


class StandardError(logging.StreamHandler[Any]):
    """Writes to standard error; a failure to write, on a full disk, does not stop the request."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Ignore it; logging's own method would print the record unredacted."""


def formatter(kind: str) -> logging.Formatter:
    """Return the formatter for a LOG_FORMAT."""
    return JsonFormatter() if kind == "json" else TextFormatter()


# The line of a request -----------------------------------------------------------------------

request_logger = logging.getLogger("openchair.request")
REQUEST_ID_HEADER = "X-Request-ID"
USER = "openchair.user"
"""The key in request.META of the logged-in account's name, once that is known."""

# It is logged as it was sent, so it must be an id and nothing else: with at least a letter, or it
# might be a phone number, and no API key.
_REQUEST_ID = re.compile(r"(?=.*[A-Za-z])(?!.*oc_)[A-Za-z0-9._-]{4,64}")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}

_statements: ContextVar[int] = ContextVar("statements", default=0)


def _count_statement(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
    _statements.set(_statements.get() + 1)
    return execute(sql, params, many, context)


def _count_statements(connection: Any, **kwargs: Any) -> None:
    if _count_statement not in connection.execute_wrappers:
        connection.execute_wrappers.append(_count_statement)


connection_created.connect(_count_statements)


def method(request: HttpRequest) -> str:
    """Return the request's method, or OTHER: clients can invent any number of methods."""
    return str(request.method) if request.method in _METHODS else "OTHER"


def route(request: HttpRequest) -> str:
    """Return the pattern of the route that answered, empty if there was none."""
    match = request.resolver_match
    if match is not None:
        return f"/{match.route.removeprefix('^')}"
    return "/static/" * request.path_info.startswith("/static/")  # WhiteNoise's


class RequestTimer:
    """Starts with a request; its `log` writes the request's line."""

    __slots__ = ("began", "id")

    def __init__(self, request: HttpRequest) -> None:
        self.began = perf_counter()
        self.id = _id_sent(request.META) or os.urandom(12).hex()
        request_id.set(self.id)
        _statements.set(0)

    def log(self, request: HttpRequest, response: HttpResponseBase) -> float:
        """Write the line; return the seconds that the request took."""
        took = perf_counter() - self.began
        fields = {
            "request_id": self.id,
            "method": method(request),
            "route": route(request),
            "status": response.status_code,
            "ms": round(took * 1000, 1),
            "sql": _statements.get(),
            "key": getattr(getattr(request, "auth", None), "prefix", None),
            "user": request.META.get(USER),
        }
        if request_logger.isEnabledFor(logging.INFO):
            # Built here: `info` would also look up the calling line, a sixth of all this.
            record = logging.LogRecord(
                request_logger.name, logging.INFO, __file__, 0, "request", (), None
            )
            record.request = fields
            request_logger.handle(record)
        request_id.set("")
        return took


def _id_sent(environ: dict[str, Any]) -> str:
    """Return the client's own request id, if it is valid and no part of a secret in the request."""
    text = str(environ.get("HTTP_X_REQUEST_ID", ""))
    if not text or not _REQUEST_ID.fullmatch(text):
        return ""
    secret = f"{environ.get('HTTP_AUTHORIZATION', '')} {environ.get('HTTP_COOKIE', '')}"
    return "" if text in secret else text
