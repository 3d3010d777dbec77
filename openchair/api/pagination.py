"""Cursor pagination of a list: `limit`, and a Link to the next page with its cursor (RFC 8288).

A page begins after the position of the previous page's last row in the order, not after a number of
rows; so whatever is written meanwhile, a row that stays is returned once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.core import signing
from django.db.models import Q, QuerySet
from django.http import QueryDict
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

MOST = 1000
DEFAULT = 100
PARAMETERS = ("limit", "cursor")
_SALT = "openchair.page"
Position = TypeVar("Position")


@dataclass(frozen=True)
class Page:
    """The requested part of a list: up to `limit` rows, those after `after`.

    after: the value and the id of the last row of the page before; None for the first page.
    """

    limit: int
    after: tuple[datetime | None, str] | None


def is_asked_for(request: Request) -> bool:
    """Whether the request is for a page, not for the whole list."""
    return any(name in request.query_params for name in PARAMETERS)


def asked_for(request: Request) -> Page | None:
    """Parse `limit` and `cursor`; None for the whole list. Raises ValidationError."""
    if not is_asked_for(request):
        return None
    cursor = request.query_params.get("cursor")
    return Page(limit(request), None if cursor is None else _position(cursor))


def limit(request: Request) -> int:
    """Parse the highest number of rows. Raises ValidationError."""
    text = request.query_params.get("limit", str(DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST):
        raise ValidationError({"limit": f"Write a whole number from 1 to {MOST}."})
    return int(text)


def _position(cursor: str) -> tuple[datetime | None, str]:
    signer = signing.Signer(salt=_SALT)
    at, row_id = read("cursor", cursor, signer.unsign_object)
    return None if at is None else datetime.fromisoformat(at), row_id


def read(parameter: str, text: str, position_in: Callable[[str], Position]) -> Position:
    """Return the position in a signed text, however old. Raises ValidationError for any other."""
    try:
        return position_in(text)
    except signing.BadSignature:
        raise ValidationError(
            {parameter: "This is not what an answer here gave you: copy it whole, or leave it out."}
        ) from None


def rows_of(
    rows: QuerySet[Any, Any], page: Page, column: str, *, newest_first: bool = False
) -> tuple[list[Any], str | None]:
    """Return a page of rows, in order of a column then id, those without a value last.

    With them, the cursor of the next page; None on the last.
    """
    order, past = (f"-{column}", "lt") if newest_first else (column, "gt")
    placed = rows.filter(**{f"{column}__isnull": False}).order_by(order, "id")
    unplaced = rows.filter(**{f"{column}__isnull": True}).order_by("id")
    if page.after is not None:
        value, row_id = page.after
        if value is None:
            placed, unplaced = placed.none(), unplaced.filter(id__gt=row_id)
        else:
            behind = Q(**{f"{column}__{past}": value}) | Q(id__gt=row_id)
            # A condition of its own, so that an index finds where to begin.
            placed = placed.filter(behind, **{f"{column}__{past}e": value})
    # One more than requested, to know whether there is a next page.
    found = list(placed[: page.limit + 1])
    if len(found) <= page.limit and rows.model._meta.get_field(column).null:
        found += list(unplaced[: page.limit + 1 - len(found)])
    if len(found) <= page.limit:
        return found, None
    last = found[page.limit - 1]
    at = getattr(last, column)
    cursor = signing.Signer(salt=_SALT).sign_object([at and at.isoformat(), last.id])
    return found[: page.limit], cursor


def link(request: Request, **changed: str) -> str:
    """Return the Link to the next page: this request with other parameters."""
    query: QueryDict = request.query_params.copy()
    for name, value in changed.items():
        query[name] = value
    return f'<{request.build_absolute_uri(f"{request.path}?{query.urlencode()}")}>; rel="next"'
