"""Prometheus metrics, and access to them at /metrics (docs/monitoring.md).

Under gunicorn each worker counts in a file of its own, named by the worker's number, and the one
that answers adds all of them up (prometheus_client's multiprocess mode; openchair/gunicorn.py
creates the directory). A worker continues the file of the one before it.
"""

import hmac
import os
from contextvars import ContextVar
from functools import cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

from openchair.serving import proxies

IS_MULTIPROCESS = "METRICS_WORKER" in os.environ
if IS_MULTIPROCESS:
    _worker = os.environ["METRICS_WORKER"]
    values.ValueClass = values.MultiProcessValue(lambda: _worker)
disable_created_metrics()

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: the upper bounds of the latency histogram's buckets."""

COUNTED_IN_DATABASE = CollectorRegistry()
"""For apps' metrics that are queried at each scrape, once for all workers."""
_of_this_process = CollectorRegistry()
REQUESTS = Counter(
    "openchair_requests",
    "Requests answered.",
    ["part", "method", "route", "status"],
    registry=_of_this_process,
)
REQUEST_SECONDS = Histogram(
    "openchair_request_seconds",
    "How long requests took.",
    ["part", "method", "route"],
    buckets=BUCKETS,
    registry=_of_this_process,
)
CLAIMS = Counter(
    "openchair_claims",
    "Claims of a place, and whether they got one.",
    ["part", "outcome"],
    registry=_of_this_process,
)
HOLDS_LAPSED = Counter(
    "openchair_holds_lapsed", "Holds that ended by the clock.", registry=_of_this_process
)

_part: ContextVar[str] = ContextVar("part", default="other")


def begin(path: str) -> None:
    """Set which part of the server a request is for: api, board (the admin) or other."""
    if path.startswith(("/onlinescheduling", "/scheduling")):
        _part.set("api")
    else:
        _part.set("board" if path.startswith("/admin/") else "other")


def request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request and its duration."""
    requests, request_seconds = of_route(_part.get(), method, route, status)
    requests.inc()
    request_seconds.observe(seconds)


@cache
def of_route(part: str, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return both metrics with these labels, cached: looking them up takes as long as counting."""
    return (
        REQUESTS.labels(part, method, route, status),
        REQUEST_SECONDS.labels(part, method, route),
    )


def claim(*, won: bool) -> None:
    """Count a request that claimed a place, and whether it got one."""
    CLAIMS.labels(_part.get(), "won" if won else "lost").inc()


def holds_lapsed(count: int) -> None:
    """Count holds that expired."""
    HOLDS_LAPSED.inc(count)


# /metrics ------------------------------------------------------------------------------------


@csrf_exempt
def scrape(asked: HttpRequest) -> HttpResponse:
    """Answer with all metrics; 404 to a client without access."""
    if asked.method not in {"GET", "HEAD"} or not _may(asked):
        raise Http404
    return HttpResponse(
        _text(), content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"}
    )


def _may(asked: HttpRequest) -> bool:
    """Whether the client fits METRICS_FROM and METRICS_TOKEN, as far as they are set."""
    if not settings.METRICS_FROM and not settings.METRICS_TOKEN:
        return False
    address = asked.META.get("REMOTE_ADDR", "")
    if settings.METRICS_FROM and not proxies.is_among(address, settings.METRICS_FROM):
        return False
    if not settings.METRICS_TOKEN:
        return True
    if settings.HTTPS_ONLY and not asked.is_secure():
        return False  # a secret must not travel in clear twice
    given = asked.META.get("HTTP_AUTHORIZATION", "")
    return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())


def _text() -> bytes:
    if IS_MULTIPROCESS:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    else:
        registry = _of_this_process
    return generate_latest(registry) + generate_latest(COUNTED_IN_DATABASE)
