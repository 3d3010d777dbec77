"""The manifest and the files of the public list: no key, no cookie, the same for everybody."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import http_date, parse_http_date_safe
from django.views.decorators.csrf import csrf_exempt

from bookings import walltime
from bookings.booking_page.limits import digests_of_address
from bookings.smart import files
from bookings.smart.files import TYPES, File
from openchair import rate_limits
from openchair.api import conditional, problems
from openchair.json_text import encode

JSON = "application/json"
NDJSON = "application/fhir+ndjson"
MAX_AGE = 60
"""Seconds for which an answer may be kept, and clients need not ask again."""
_MANIFEST = "/scheduling/smart/$bulk-publish"
_FILE = "/scheduling/smart/{}/{}.ndjson"
_POLICY = "public list"

View = Callable[..., HttpResponse]
_kept: dict[str, tuple[datetime, File]] = {}
"""The manifest as it was made last, and when."""
_MANIFEST_KEPT = timedelta(seconds=5)
"""Of a thousand practices it takes a second to make, and anybody may ask 50 times a second."""


def public(*accepted: str) -> Callable[[View], View]:
    """Decorate a view that anybody may read: GET and HEAD, so often an address, these types."""

    def decorate(view: View) -> View:
        @csrf_exempt  # other methods get the 405 below
        @wraps(view)
        def answered(request: HttpRequest, **kwargs: str) -> HttpResponse:
            return _refusal(request, accepted) or view(request, **kwargs)

        return answered

    return decorate


@public(JSON, "application/fhir+json")
def manifest(request: HttpRequest) -> HttpResponse:
    """Answer where the files are, by practice and type, with the states of its locations."""
    now = walltime.now()
    made_at, kept = _kept.get(_MANIFEST, (now, None))
    if kept is None or not timedelta(0) <= now - made_at < _MANIFEST_KEPT:
        kept = File.of(encode(_where_the_files_are(now)), now, kept)
        _kept[_MANIFEST] = now, kept
    return _answer(request, kept, JSON, now)


def _where_the_files_are(now: datetime) -> dict[str, Any]:
    # Not later than what the files say; the same from every process for a minute.
    minute = now.replace(second=0, microsecond=0)
    return {
        "transactionTime": minute.isoformat(),
        "request": f"{settings.PUBLIC_URL}{_MANIFEST}",
        "requiresAccessToken": False,
        "output": [
            {
                "type": kind,
                "url": f"{settings.PUBLIC_URL}{_FILE.format(practice.pk, kind)}",
                "extension": {"state": states},
            }
            for practice in files.practices()
            if (states := sorted({str(at.state_code) for at in files.listed(practice)}))
            for kind in TYPES
        ],
        "error": [],
    }


@public(NDJSON, "application/ndjson", "application/x-ndjson")
def file(request: HttpRequest, practice_id: str, kind: str) -> HttpResponse:
    """Answer one of a practice's files."""
    practice = files.practices().filter(pk=practice_id).first() if kind in TYPES else None
    if practice is None:
        raise Http404
    now = walltime.now()
    return _answer(request, files.of_practice(practice, now).by_type[kind], NDJSON, now)


@public("*/*")
def nothing(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer 404 for what is no file, without asking for a key as elsewhere below /scheduling."""
    raise Http404


def _refusal(request: HttpRequest, accepted: tuple[str, ...]) -> HttpResponse | None:
    if request.method not in {"GET", "HEAD"}:
        kind, detail = "method-not-allowed", f"{request.method} does not work here: use GET, HEAD."
        allow = {"Allow": "GET, HEAD"}
        return problems.problem(request, problems.CATALOGUE[kind], detail, headers=allow)
    limit = settings.PUBLIC_LISTS_PER_ADDRESS
    address = digests_of_address(request.META.get("REMOTE_ADDR", ""))[0]
    budget = rate_limits.spend_of_any(_POLICY, address, limit)
    if budget.is_overdrawn:
        kind, detail = "too-many-requests", f"More than {limit[0]} requests in {limit[1]} seconds."
        wait = {"Retry-After": str(budget.reset), **budget.headers}
        return problems.problem(request, problems.CATALOGUE[kind], detail, headers=wait)
    if request.headers.get("Accept") and not any(map(request.accepts, accepted)):
        kind, detail = "not-acceptable", f"Accept {accepted[0]}, or send no Accept header."
        return problems.problem(request, problems.CATALOGUE[kind], detail)
    return None


def _answer(request: HttpRequest, file: File, media_type: str, now: datetime) -> HttpResponse:
    """Send the file, compressed if the client takes that, or 304."""
    headers = {"Cache-Control": f"public, max-age={MAX_AGE}", "ETag": file.tag}
    modified = file.modified(now)
    if modified is not None:
        headers["Last-Modified"] = http_date(modified)
    response: HttpResponse
    if _is_known(request, file, modified):
        response = HttpResponseNotModified(headers=headers)
    elif re.search(r"\bgzip\b", request.headers.get("Accept-Encoding", "")):
        headers["Content-Encoding"] = "gzip"
        response = HttpResponse(file.compressed, content_type=media_type, headers=headers)
    else:
        response = HttpResponse(file.content, content_type=media_type, headers=headers)
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def _is_known(request: HttpRequest, file: File, modified: int | None) -> bool:
    """Whether the client has this text (RFC 9110, section 13.2.2)."""
    if "If-None-Match" in request.headers:
        return conditional.names(request.headers["If-None-Match"], file.tag)
    since = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    return modified is not None and since is not None and modified <= since
