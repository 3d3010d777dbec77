"""Problem documents (RFC 9457): the catalogue of types, and the API's exception handler."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions

from openchair.database import failures
from openchair.errors import LimitReached, Refused
from openchair.rate_limits import RateLimitExceeded

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProblemType:
    """A type of problem; `meaning` and `mend` are on the page that its `type` links to."""

    slug: str
    status: int
    title: str
    meaning: str
    mend: str


CATALOGUE = {
    kind.slug: kind
    for kind in (
        ProblemType(
            "bad-request",
            400,
            "Bad request",
            "The request is not HTTP as this API understands it: its host or its body's form.",
            "Read `detail`: it says where. Bodies are one strict JSON object in UTF-8.",
        ),
        ProblemType(
            "invalid-fields",
            400,
            "Invalid fields",
            "The body or the query has fields that do not exist, or values that cannot be.",
            "Each entry of `errors` names a `field` and says what to write.",
        ),
        ProblemType(
            "unauthenticated",
            401,
            "A valid key is needed",
            "The request has no API key, or one that is unknown, revoked or expired.",
            "Send the key, bare, in the Authorization header. An operator gives you a new one.",
        ),
        ProblemType(
            "forbidden",
            403,
            "Not allowed",
            "The key is good, but its partner may not do this: it lacks the special authorization, "
            "the practice, or the booking is another partner's. Web clients are refused as well.",
            "Read `detail`, and ask the operator for what is missing. Call from a server.",
        ),
        ProblemType(
            "not-found",
            404,
            "Not found",
            "Nothing is at this address.",
            "Check the path and the id; ids tell upper from lower case.",
        ),
        ProblemType(
            "method-not-allowed",
            405,
            "Method not allowed",
            "The address exists, but not for this method.",
            "Use one of the methods in the Allow header.",
        ),
        ProblemType(
            "not-acceptable",
            406,
            "Not acceptable",
            "The Accept header asks for something other than JSON.",
            "Accept application/json, or send no Accept header.",
        ),
        ProblemType(
            "conflict",
            409,
            "The state forbids it",
            "The request is well formed, but what it asks for does not go with how things are. "
            "Nothing changed.",
            "`reason` is a code for programs, `detail` says how things are. Read the booking or "
            "appointment again before you send anything else.",
        ),
        ProblemType(
            "precondition-failed",
            412,
            "Precondition failed",
            "It changed since you read it.",
            "Read it again, then repeat the change with the new ETag.",
        ),
        ProblemType(
            "body-too-large",
            413,
            "Body too large",
            "The body has more than 65 536 bytes.",
            "Send less: no request of this API needs more.",
        ),
        ProblemType(
            "unsupported-media-type",
            415,
            "Unsupported media type",
            "The body is not declared as JSON in UTF-8.",
            "Send Content-Type: application/json.",
        ),
        ProblemType(
            "key-reused",
            422,
            "Idempotency-Key reused",
            "The Idempotency-Key came before with another path or body, in the last 24 hours.",
            "A retry repeats the request as it was. A new request takes a new key.",
        ),
        ProblemType(
            "too-many-requests",
            429,
            "Too many",
            "Too many requests, wrong keys or held places for now.",
            "Wait as many seconds as the Retry-After header says.",
        ),
        ProblemType(
            "internal-error",
            500,
            "Our mistake",
            "OpenChair has a bug. Nothing was half done.",
            "Tell the operator the X-Request-ID of the answer.",
        ),
        ProblemType(
            "unavailable",
            503,
            "Unavailable",
            "The database cannot be reached, is too busy, is full or takes no changes, or more "
            "requests came than can be answered. Nothing was half done.",
            "Send the same request again after as many seconds as Retry-After says. Where the "
            "connection broke in the middle of a change it may have happened: an Idempotency-Key "
            "makes sure that it happens once.",
        ),
    )
}
_BY_STATUS = {kind.status: kind for kind in CATALOGUE.values() if kind.slug != "invalid-fields"}


class BodyTooLarge(exceptions.APIException):
    """A body of more than `limit` bytes (413)."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body has more than {limit} bytes: send less.")


def problem(
    request: HttpRequest | None,
    kind: ProblemType,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **members: Any,
) -> HttpResponse:
    """Return a problem document; `type` is relative without a request whose host can be trusted."""
    path = f"/docs/problems/{kind.slug}"
    document = {
        "type": request.build_absolute_uri(path) if request is not None else path,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        **members,
    }
    return HttpResponse(
        json.dumps(document, ensure_ascii=False),
        status=kind.status,
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Turn a view's exception into a problem document (DRF's EXCEPTION_HANDLER)."""
    request: HttpRequest = context["request"]._request
    if isinstance(error, DjangoValidationError | exceptions.ValidationError):
        return _invalid_fields(request, error)
    if isinstance(error, Refused):
        return problem(request, _BY_STATUS[409], error.text, reason=error.reason)
    if isinstance(error, LimitReached):
        return _too_many(request, error.text, error.retry_after)
    if isinstance(error, RateLimitExceeded):
        return _too_many(request, error.text, error.budget.reset, error.budget.headers)
    if isinstance(error, failures.ERRORS):
        return database_failed(request, error)
    if isinstance(error, SuspiciousOperation):
        return problem(request, _BY_STATUS[400], "The request has too many parameters: send fewer.")
    if isinstance(error, Http404):
        error = exceptions.NotFound(
            "There is nothing of this id: check it; ids tell upper from lower case."
        )
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return _api_exception(request, error, context)
    logger.error("a bug", exc_info=error)
    return problem(request, _BY_STATUS[500], "OpenChair has a bug here; the operator can see it.")


def _broken_rule(error: IntegrityError) -> str:
    """Return the constraint's name; PostgreSQL's whole message would log the patient's row."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    return name or str(error)


def _api_exception(
    request: HttpRequest, error: exceptions.APIException, context: dict[str, Any]
) -> HttpResponse:
    headers = {}
    auth_header = getattr(error, "auth_header", None)
    if auth_header:
        headers["WWW-Authenticate"] = auth_header
    if isinstance(error, exceptions.MethodNotAllowed):
        allowed = ", ".join(context["view"].allowed_methods)
        headers["Allow"] = allowed
        detail = f"{request.method} does not work here: use {allowed}."
    elif isinstance(error, exceptions.NotAcceptable):
        detail = "Answers are JSON: accept application/json, or send no Accept header."
    elif isinstance(error, exceptions.UnsupportedMediaType):
        detail = "The body has to be declared as JSON: send Content-Type: application/json."
    else:
        detail = str(error.detail)
    kind = _BY_STATUS.get(error.status_code, CATALOGUE["bad-request"])
    return problem(request, kind, detail, headers=headers)


def _invalid_fields(
    request: HttpRequest, error: DjangoValidationError | exceptions.ValidationError
) -> HttpResponse:
    if isinstance(error, DjangoValidationError):
        found = getattr(error, "message_dict", None) or {NON_FIELD_ERRORS: error.messages}
    else:
        found = error.detail
    errors = [{"field": field, "message": message} for field, message in _flat(found)]
    one = len(errors) == 1
    detail = (
        f"{errors[0]['field']}: {errors[0]['message']}"
        if one
        else f"{len(errors)} fields need mending; see errors."
    )
    return problem(request, CATALOGUE["invalid-fields"], detail, errors=errors)


def _flat(found: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Yield field and message of nested errors; nested names are joined, as in `status.1`."""
    if isinstance(found, dict):
        for name, part in found.items():
            yield from _flat(part, f"{field}.{name}" if field else str(name))
    elif isinstance(found, list | tuple):
        for part in found:
            yield from _flat(part, field)
    else:
        yield field, str(found)


def _too_many(
    request: HttpRequest, detail: str, retry_after: int, headers: dict[str, str] | None = None
) -> HttpResponse:
    wait = {"Retry-After": str(max(1, retry_after)), **(headers or {})}
    return problem(request, _BY_STATUS[429], detail, headers=wait)


def database_failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer 503 for a database that is down or too busy, 409 for one that refused a change."""
    if isinstance(error, IntegrityError):
        # A rule that only the database checked. Nothing changed, so a 409 and not a 500.
        logger.error("the database refused a change: %s", _broken_rule(error))
        return problem(
            request,
            _BY_STATUS[409],
            "The database refused this change, and nothing changed. Read it anew and try again.",
            reason="refused",
        )
    outage = failures.note(error)
    return problem(
        request,
        _BY_STATUS[503],
        f"{outage.text}: send the request again in {outage.retry_after} seconds.",
        headers={"Retry-After": str(outage.retry_after)},
    )


def by_status(request: HttpRequest | None, status: int, detail: str) -> HttpResponse:
    """Return the problem document of a plain HTTP status."""
    return problem(request, _BY_STATUS[status], detail)
