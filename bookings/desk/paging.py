"""Pages of long lists. Nobody counts the rows: a next page is where one more row was found."""

import re
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)
SIZE = 50
_LAST = 200
"""A page far behind takes long to count up to; days lead there at once."""


def page_number(text: str, last: int = _LAST) -> int:
    """Return the number of a page; what is no number of one is the first."""
    return min(int(text), last) if re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII) else 1


def page_of(request: HttpRequest, rows: QuerySet[Row]) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows of the page that is asked for, and the context of its links to others."""
    found = list(rows[slice_of(request)])
    return found[:SIZE], links(request, len(found))


def slice_of(request: HttpRequest) -> slice:
    """Return where the page begins and ends in the rows, one more row included."""
    number = page_number(request.GET.get("page", ""))
    return slice(SIZE * (number - 1), SIZE * number + 1)


def links(request: HttpRequest, found: int) -> dict[str, Any]:
    """Return the context of the links from a page. found: how many rows `slice_of` had."""
    number = page_number(request.GET.get("page", ""))
    has_next = found > SIZE and number < _LAST
    return {
        "page_number": number,
        "previous": query(request, page=number - 1) if number > 1 else "",
        "next": query(request, page=number + 1) if has_next else "",
    }


def query(request: HttpRequest, **other: object) -> str:
    """Return the query string of this page, with some of what was asked changed."""
    asked = request.GET.copy()
    for name, value in other.items():
        asked[name] = str(value)
    return f"?{asked.urlencode()}"
