"""Health checks: /livez and /readyz, for load balancers and supervisors (docs/monitoring.md).

Answered with any Host and over plain HTTP (settings.PROBES), because a probe calls a machine by its
address; without key, cookie or limit, because the answer is one bit.
"""

import logging
from functools import cache

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from openchair.serving import logs

logger = logging.getLogger(__name__)

RETRY_AFTER = 5


@csrf_exempt
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """Answer that this worker answers, without the database."""
    return _answer(200, "ok")


@csrf_exempt
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer whether the database can be used."""
    if is_ready():
        return _answer(200, "ready")
    return _answer(503, "not ready", {"Retry-After": str(RETRY_AFTER)})


def _answer(status: int, text: str, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(
        f"{text}\n",
        status=status,
        content_type="text/plain",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


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
