"""/livez and /readyz: what a load balancer or a supervisor asks (docs/monitoring.md).

Both are answered before anything else looks at the request: whatever Host it names, for a probe
calls a machine by its address and the answer holds nothing of it; over plain HTTP, for it comes
from beside the server; and with no key, cookie or limit, for they tell one bit and cost little.
"""

import logging
import time
from functools import cache
from threading import Event, Lock, Thread

from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)

PATIENCE = 2.5
"""Seconds that a probe waits for the database; the answer is promised within 3."""
FRESH = 1.0
"""Seconds for which an answer is given again, so that probes cost little however many come."""
GIVEN_UP = 30
"""Seconds after which a look that hangs, on a cut network for instance, is left to itself."""
RETRY_AFTER = 5


def answer(request: HttpRequest) -> HttpResponse | None:
    """Answer a probe; None where the request is none."""
    if request.path_info == "/livez":
        told = _say(200, "ok")
    elif request.path_info == "/readyz":
        told = _say(200, "ready") if readiness.is_ready() else _say(503, "not ready")
    else:
        return None
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    return told


def _say(status: int, text: str) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER)
    told = HttpResponse(f"{text}\n", status=status, content_type="text/plain", headers=headers)
    # Django would log an error for each; the change is logged once. The mark is its own.
    told._has_been_logged = True  # type: ignore[attr-defined]  # not in its stubs
    return told


class _Question:
    """One look at the database, and what came of it; `flaw` is empty where all is well."""

    def __init__(self) -> None:
        self.flaw = "the database has not answered yet"
        self.answered = Event()
        self.at = time.monotonic()

    @property
    def is_open(self) -> bool:
        """Say whether its answer is still awaited, or fresh enough to be given again."""
        return time.monotonic() - self.at < (FRESH if self.answered.is_set() else GIVEN_UP)


class Readiness:
    """Asks the database in a thread of its own, one at a time.

    So a database that hangs, in whatever way, costs a probe its patience and a process one thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._question: _Question | None = None
        self._told = ""

    def is_ready(self) -> bool:
        """Say whether the database answers and has every migration; log when that changes."""
        with self._lock:
            if self._question is None or not self._question.is_open:
                self._question = _Question()
                Thread(target=_ask, args=[self._question], daemon=True).start()
            question = self._question
        question.answered.wait(PATIENCE)
        flaw = question.flaw
        with self._lock:
            if flaw != self._told:
                logger.warning("not ready: %s" if flaw else "ready again%s", flaw)
                self._told = flaw
        return not flaw

    def forget(self) -> None:
        """Ask anew, however fresh the last answer is."""
        self._question = None


readiness = Readiness()


def _ask(question: _Question) -> None:
    try:
        missing = missing_migrations()
        question.flaw = f"{', '.join(missing)} not applied: run manage.py migrate" * bool(missing)
    except Exception as error:
        # Whatever it is, the database cannot be used. Its words may name host and user: `check
        # --database default` tells them to who may know.
        question.flaw = f"the database does not answer ({type(error).__name__})"
    finally:
        question.at = time.monotonic()
        question.answered.set()
        connection.close()


def missing_migrations() -> list[str]:
    """Name the migrations of this release that the database lacks; later ones do no harm."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT app, name FROM django_migrations")
        except OperationalError as error:
            if "no such table" in str(error):
                return sorted(known_migrations())
            raise
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", "") == "42P01":  # no such table
                return sorted(known_migrations())
            raise
        applied = {f"{app}.{name}" for app, name in cursor.fetchall()}
    return sorted(known_migrations() - applied)


@cache
def known_migrations() -> frozenset[str]:
    """Name every migration of this release, as app.name."""
    return frozenset(".".join(key) for key in MigrationLoader(None).disk_migrations)
