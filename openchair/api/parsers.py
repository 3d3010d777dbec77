"""Request body parser: strict JSON in UTF-8, one object (contract, section 3; RFC 8259)."""

import codecs
import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpRequest
from gunicorn.http.errors import ParseException
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from openchair.api.problems import BodyTooLarge

LARGEST_BODY = 64 * 1024
DEEPEST = 20
EMPTY = "The body is empty: send a JSON object."


class StrictJSONParser(BaseParser):
    """Parses a JSON object, and refuses JSON that two parsers could understand differently.

    Not a subclass of DRF's JSONParser: DRF reads the whole body, of any length, before it calls
    one.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Parse the body. Raises ParseError, UnsupportedMediaType or BodyTooLarge."""
        request: Request = (parser_context or {})["request"]
        _check_declared(request._request)
        length = int(request.META["CONTENT_LENGTH"])
        if length > LARGEST_BODY:  # before any of it is read
            raise BodyTooLarge(LARGEST_BODY)
        try:
            body = stream.read(length)
        except OSError:  # the client has disconnected: not a bug
            raise ParseError("The body broke off: send it again.") from None
        if len(body) < length:
            raise ParseError("The body is shorter than its Content-Length: send it again, whole.")
        return parse_object(body)


def is_chunked(request: Request) -> bool:
    """Whether the body has no Content-Length: Django and DRF would read nothing of it."""
    return "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()


def parse_chunked(request: Request) -> dict[str, Any]:
    """Parse a chunked body. Raises as StrictJSONParser does."""
    try:
        body = request.META["wsgi.input"].read(LARGEST_BODY + 1)
    except (OSError, ParseException):  # gunicorn closes the connection afterwards
        raise ParseError("The body's chunks are broken (RFC 9112, 7.1).") from None
    if not body:
        raise ParseError(EMPTY)
    _check_declared(request._request)
    if len(body) > LARGEST_BODY:
        raise BodyTooLarge(LARGEST_BODY)
    return parse_object(body)


def _check_declared(request: HttpRequest) -> None:
    if request.content_type != StrictJSONParser.media_type:
        raise UnsupportedMediaType(str(request.content_type))
    charset = (request.content_params or {}).get("charset", "").strip(" '") or "utf-8"
    if not _is_utf8(charset):
        raise UnsupportedMediaType(
            charset, detail="JSON is written in UTF-8: leave the charset out, or write utf-8."
        )
    coding = request.META.get("HTTP_CONTENT_ENCODING", "identity")
    if coding.strip().lower() != "identity":
        raise UnsupportedMediaType(coding, detail="Send the body without a Content-Encoding.")


def _is_utf8(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name in {"utf-8", "ascii"}
    except (LookupError, ValueError):
        return False


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises ParseError with the place of the error and what to do."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise ParseError(
            f"The body is not UTF-8 at byte {error.start + 1}: write JSON in UTF-8."
        ) from None
    if not text.strip():
        raise ParseError(EMPTY)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise ParseError(_syntax(text, error)) from None
    except RecursionError:
        raise ParseError(_TOO_DEEP) from None
    except ValueError:
        raise ParseError("The body has a number with too many digits.") from None
    _check(value, depth=1)
    if not isinstance(value, dict):
        raise ParseError('The body has to be a JSON object: {"field": value, …}.')
    return value


_TOO_DEEP = f"The body is nested too deep: {DEEPEST} levels at most."


def _syntax(text: str, error: json.JSONDecodeError) -> str:
    before = text[: error.pos].rstrip()
    # The published samples end their objects with a comma, so this is a likely mistake.
    trailing = before.endswith(",") and text[error.pos : error.pos + 1] in {"}", "]"}
    hint = "take away the comma before it" if trailing else error.msg
    return f"The body is not JSON at line {error.lineno}, column {error.colno}: {hint}."


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ParseError(f"The body has the field {json.dumps(twice[:64])} twice: send it once.")
    return value


def _refuse_constant(name: str) -> None:
    raise ParseError(f"The body has {name}, which is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ParseError("The body has a number that is too large.")
    return number


def _check(value: object, *, depth: int) -> None:
    """Refuse NUL and lone surrogates, in names too, and nesting deeper than DEEPEST."""
    if isinstance(value, dict | list):
        if depth > DEEPEST:
            raise ParseError(_TOO_DEEP)
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(part, depth=depth + 1)
    elif isinstance(value, str):
        if "\0" in value:
            raise ParseError("The body has a NUL character (\\u0000): take it away.")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ParseError(
                "The body has half of a surrogate pair (\\ud800 to \\udfff): send whole characters."
            )
