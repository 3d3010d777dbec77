"""Pages of long lists. Nobody counts the rows: a next page is where one more row was found."""

import re
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)
SIZE = 50
_LAST = 9999


def page_number(text: str, last: int = _LAST) -> int:
    """Return the number of a page; what is no number of one is the first."""
    return min(int(text), last) if re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII) else 1


def page_of(request: HttpRequest, rows: QuerySet[Row]) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows of the page that is asked for, and the context of its links to others."""
    number = page_number(request.GET.get("page", ""))
    found = list(rows[SIZE * (number - 1) : SIZE * number + 1])
    return found[:SIZE], {
        "page_number": number,
        "previous": query(request, page=number - 1) if number > 1 else "",
        "next": query(request, page=number + 1) if len(found) > SIZE else "",
    }


def query(request: HttpRequest, **other: object) -> str:
    """Return the query string of this page, with some of what was asked changed."""
    asked = request.GET.copy()
    for name, value in other.items():
        asked[name] = str(value)
    return f"?{asked.urlencode()}"
