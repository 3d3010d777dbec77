"""Conditional requests: ETag, If-None-Match and If-Match (RFC 9110, section 13)."""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from openchair.api.renderers import text_response
from openchair.json_text import encode

Row = TypeVar("Row")


class PreconditionFailed(APIException):
    """The row no longer has the ETag of the client's If-Match (412)."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = (
        "It changed since you read it, and this request changed nothing. Read it again, then "
        "repeat the change with the new ETag."
    )


def strong_tag(*state: object) -> str:
    """Return the ETag of one resource from every value that is in its JSON."""
    told = repr([str(part) for part in state])
    return text_tag(told)


def text_tag(text: str) -> str:
    """Return the ETag of one resource from its JSON."""
    return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


def weak_tag(*state: object) -> str:
    """Return the ETag of a list from values that cannot stay the same while the list changes."""
    return f"W/{strong_tag(*state)}"


def names(if_none_match: str, tag: str) -> bool:
    """Whether an If-None-Match has this tag; compared weakly."""
    said = {each.removeprefix("W/") for each in parse_etags(if_none_match)}
    return "*" in said or tag.removeprefix("W/") in said


def not_modified(request: Request, tag: str) -> HttpResponse | None:
    """Return a 304 if the client has this tag, compared weakly, as for reads; else None."""
    said = request.META.get("HTTP_IF_NONE_MATCH")
    if said is not None and names(said, tag):
        return HttpResponseNotModified(headers={"ETag": tag})
    return None


def answer(request: Request, data: Any) -> HttpResponseBase:
    """Answer a GET with its data, or with a 304; the tag is computed from the data."""
    text = encode(data)
    tag = weak_tag(text) if isinstance(data, list) else text_tag(text)
    return not_modified(request, tag) or text_response(text, headers={"ETag": tag})


def answer_text(request: Request, text: str) -> HttpResponseBase:
    """Answer a GET of one resource with a text that is JSON already, or with a 304."""
    tag = text_tag(text)
    return not_modified(request, tag) or text_response(text, headers={"ETag": tag})


def precondition(
    request: Request,
    tag_of: Callable[[Row], str],
    *,
    is_done: Callable[[Row], bool] = lambda _: False,
) -> Callable[[Row], None] | None:
    """Return the check that a change runs under its lock; None if the request has no precondition.

    is_done: whether the requested change is made already; then it may be requested again, whatever
    the precondition (RFC 9110, section 13.1.1).
    The check raises PreconditionFailed. If-Match compares strongly: a list's tag never fits, nor
    does a text that is no tag. If-None-Match with `*` always fails, because the row exists.
    """
    said = request.META.get("HTTP_IF_MATCH")
    unwanted = request.META.get("HTTP_IF_NONE_MATCH")
    if said is None and unwanted is None:
        return None
    wanted = None if said is None else parse_etags(said)

    def check(row: Row) -> None:
        if is_done(row):
            return
        tag = tag_of(row)
        if wanted is not None and "*" not in wanted and tag not in wanted:
            raise PreconditionFailed
        if unwanted is not None and names(unwanted, tag):
            raise PreconditionFailed

    return check
