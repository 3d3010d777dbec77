"""Health checks: /livez and /readyz, for load balancers and supervisors (docs/monitoring.md).

Answered before any other check of the request: with any Host and over plain HTTP, because a probe
calls a machine by its address; without key, cookie or limit, because the answer is one bit.
"""

import logging
from functools import cache

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse

from openchair.serving import logs

logger = logging.getLogger(__name__)

RETRY_AFTER = 5


def answer(request: HttpRequest) -> HttpResponse | None:
    """Answer a probe; None for any other request."""
    if request.path_info not in {"/livez", "/readyz"}:
        return None
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    headers = {"Cache-Control": "no-store"}
    if request.path_info == "/livez":
        status, text = 200, "ok"
    elif is_ready():
        status, text = 200, "ready"
    else:
        status, text = 503, "not ready"
        headers["Retry-After"] = str(RETRY_AFTER)
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain", headers=headers)


def is_ready() -> bool:
    """Whether the database answers and has every migration of this release."""
    try:
        missing = missing_migrations()
    except (DatabaseError, InterfaceError) as error:
        # Its text may name host and user.
        logger.warning("not ready: the database does not answer (%s)", logs.describe(error))
        return False
    if missing:
        logger.warning("not ready: %s not applied: run manage.py migrate", ", ".join(missing))
    return not missing


def missing_migrations() -> list[str]:
    """Return the migrations of this release that the database lacks; later ones do no harm."""
    applied = {".".join(key) for key in MigrationRecorder(connection).applied_migrations()}
    return sorted(known_migrations() - applied)


@cache
def known_migrations() -> frozenset[str]:
    """Return every migration of this release, as app.name."""
    return frozenset(".".join(key) for key in MigrationLoader(None).disk_migrations)
