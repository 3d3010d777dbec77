"""One line for each request: who asked, by which route, what came of it, and what it cost.

It is on every request, so it costs what has to be: no record of `logging`, one write. Of what was
sent only what can hold nothing is told: the route's pattern, and no path, query, field or body.
"""

import json
import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from time import perf_counter, strftime
from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from openchair.serving import logs, metrics

HEADER = "X-Request-ID"
# Told as it was sent, so it must be an id and nothing else: at least a letter, or it might be a
# phone number, and no key.
_ID = re.compile(r"(?=.*[A-Za-z])(?!.*oc_)[A-Za-z0-9._-]{4,64}")
_ANSWERED_BEFORE = {"/livez", "/readyz", "/metrics"}
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}


class _Statements(threading.local):
    """How many SQL statements this thread has sent."""

    count = 0


_statements = _Statements()


def _counting(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
    _statements.count += 1
    return execute(sql, params, many, context)


def count_statements(connection: Any, **kwargs: Any) -> None:
    """Count what goes through a connection from now on."""
    if _counting not in connection.execute_wrappers:
        connection.execute_wrappers.append(_counting)


connection_created.connect(count_statements)


def _given_id(sent: dict[str, Any]) -> str:
    """Give the client's own id, if it is one and none of what is secret in this request."""
    text = sent.get("HTTP_X_REQUEST_ID", "")
    if not text or not _ID.fullmatch(text):
        return ""
    secret = f"{sent.get('HTTP_AUTHORIZATION', '')} {sent.get('HTTP_COOKIE', '')}"
    return "" if text in secret else str(text)


class Entry:
    """A request from its beginning to the line that tells of it."""

    __slots__ = ("_began", "_statements", "id", "request")

    def __init__(self, request: HttpRequest) -> None:
        self._began = perf_counter()
        self._statements = _statements.count
        self.request = request
        self.id = _given_id(request.META) or os.urandom(12).hex()
        logs.request_id.set(self.id)
        metrics.begin(request.path_info)

    def close(self, response: HttpResponseBase) -> None:
        """Write the line and count the request, once the answer is whole."""
        took = perf_counter() - self._began
        request = self.request
        key = getattr(getattr(request, "auth", None), "prefix", None)
        # Never asked for here: finding out who is logged in takes the database.
        user = getattr(request, "_cached_user", None)
        name = user.get_username() if user is not None and user.pk else None
        method = str(request.method if request.method in _METHODS else "OTHER")
        pattern = route(request)
        line, clock = _LINES[settings.LOG_FORMAT]
        said = {
            "time": clock(),
            "id": self.id,
            "method": method,
            "route": pattern,
            "status": response.status_code,
            "ms": took * 1000,
            "sql": _statements.count - self._statements,
            "key": f'"{key}"' if key else "null",
            "user": json.dumps(name) if name else "null",
            "who": key or name or "-",
        }
        _write(line % said)
        metrics.request(method, pattern, response.status_code, took)
        logs.request_id.set("")


_LINES: dict[str, tuple[str, Callable[[], str]]] = {
    "json": (
        '{"time":"%(time)sZ","level":"INFO","logger":"openchair.request",'
        '"request_id":"%(id)s","method":"%(method)s","route":"%(route)s","status":%(status)d,'
        '"ms":%(ms).1f,"sql":%(sql)d,"key":%(key)s,"user":%(user)s}\n',
        # strftime would take as long as the rest of the line.
        lambda: datetime.now(UTC).isoformat(timespec="microseconds")[:-6],
    ),
    "text": (
        "%(time)s %(status)d %(method)s %(route)s  %(ms).0f ms, %(sql)d SQL, %(who)s %(id)s\n",
        lambda: strftime("%H:%M:%S"),
    ),
}


def route(request: HttpRequest) -> str:
    """Give the pattern of the route that answered, as it goes between JSON's quotation marks."""
    match = request.resolver_match
    if match is not None:
        return _written(match.route)
    path = request.path_info
    return path if path in _ANSWERED_BEFORE else "/static/" * path.startswith("/static/")


@cache
def _written(pattern: str) -> str:
    return json.dumps(f"/{pattern.removeprefix('^')}")[1:-1]


def _write(line: str) -> None:
    # A log that cannot be written, on a full disk, stops nobody.
    with suppress(OSError):
        os.write(2, line.encode())
