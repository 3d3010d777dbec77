"""The order of the lists of patients and openings: by time, in either direction."""

from typing import TypeVar

from django.db.models import F, Model, QuerySet
from django.http import HttpRequest

from bookings.desk.paging import query

Row = TypeVar("Row", bound=Model)


def is_latest_first(request: HttpRequest) -> bool:
    return request.GET.get("order") == "latest"


def in_order(rows: QuerySet[Row], instant: str, *then: str, latest_first: bool) -> QuerySet[Row]:
    """Sort by time, and rows of one time as `then` says; what has no time is later than all."""
    if latest_first:
        return rows.order_by(F(instant).desc(nulls_first=True), *(f"-{name}" for name in then))
    return rows.order_by(F(instant).asc(nulls_last=True), *then)


def sorting(request: HttpRequest) -> dict[str, str]:
    """Return the context of a column that the list is sorted by, which is a link."""
    latest = is_latest_first(request)
    return {
        "sorted": "descending" if latest else "ascending",
        "other_order": query(request, order="soonest" if latest else "latest", page=1),
    }
