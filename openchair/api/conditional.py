"""Conditional requests: ETag, If-None-Match and If-Match (RFC 9110, section 13)."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from openchair.api.answers import as_json

Row = TypeVar("Row")


class PreconditionFailed(APIException):
    """It is no longer what the client's If-Match says (412)."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = (
        "It changed since you read it, and this request changed nothing. Read it again, then "
        "repeat the change with the new ETag."
    )


def strong_tag(*state: object) -> str:
    """Make the tag of one resource from everything that its JSON shows."""
    told = repr([str(part) for part in state])
    return f'"{hashlib.blake2b(told.encode(), digest_size=12).hexdigest()}"'


def weak_tag(*state: object) -> str:
    """Make the tag of a list from what cannot stay the same while the list changes."""
    return f"W/{strong_tag(*state)}"


def not_modified(request: Request, tag: str) -> HttpResponse | None:
    """Give the 304 if the client has what this tag names; compared weakly, as reads are."""
    said = parse_etags(request.headers.get("If-None-Match", ""))
    known = {tag.removeprefix("W/") for tag in said}
    if "*" in known or tag.removeprefix("W/") in known:
        return HttpResponseNotModified(headers={"ETag": tag})
    return None


def answer(request: Request, data: Any, tag: str | None = None) -> HttpResponseBase:
    """Answer a GET with its data, or with a 304; unless said, the tag is made of the data."""
    if tag is None:
        tag = (weak_tag if isinstance(data, list) else strong_tag)(json.dumps(data))
    return not_modified(request, tag) or as_json(data, headers={"ETag": tag})


def if_match(request: Request, tag_of: Callable[[Row], str]) -> Callable[[Row], None] | None:
    """Give the check that a change runs under its lock, or None where no If-Match was sent.

    The check raises PreconditionFailed. Tags are compared strongly: a list's never fits, nor does
    what is not a tag at all.
    """
    said = request.headers.get("If-Match")
    if said is None:
        return None
    tags = parse_etags(said)

    def check(row: Row) -> None:
        if "*" not in tags and tag_of(row) not in tags:
            raise PreconditionFailed

    return check
