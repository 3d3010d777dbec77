"""Base viewsets of list endpoints: lapsed holds, ETag, pagination, and unpaginated lists.

`WholeList` is the fast path of an unpaginated list: it joins the JSON stored with each booking.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Case, F, OuterRef, QuerySet, When
from django.db.models.expressions import RawSQL
from django.http import QueryDict
from django.http.response import HttpResponseBase
from rest_framework.exceptions import NotFound

from bookings import representation, walltime
from bookings.api.filters import BookingFilterSet
from bookings.models import Booking
from bookings.scheduling import bookings, series
from openchair.api import conditional, pagination
from openchair.api.filters import StrictFilterBackend, select
from openchair.api.renderers import join_array, text_response
from openchair.api.views import ApiViewSet
from openchair.database.compiled import BoundQuery, CompiledQuery
from practices.models import Practice


@dataclass(frozen=True)
class Standing:
    """A practice's current state, after `bookings.catch_up`.

    newest: the number of its newest event, which differs after every change.
    zones: pairs of location id and time zone, of all its locations or the one in the URL.
    """

    practice_id: str
    newest: int
    zones: tuple[tuple[str, str], ...]

    @property
    def zone(self) -> ZoneInfo | None:
        """Return the time zone for times without an offset; None where there is not exactly one."""
        names = {name for _, name in self.zones}
        return ZoneInfo(names.pop()) if len(names) == 1 else None

    def tag(self, *more: object) -> str:
        """Return the weak ETag of a list in it: every change of a row writes an event.

        That of the time zones' data changes what is shown without one.
        """
        state = (self.practice_id, self.newest, self.zones, representation.EDITION)
        return conditional.weak_tag(*state, *more)


def _practices(now: datetime, last_due: datetime, **which: str) -> QuerySet[Practice, Any]:
    """Query an active practice: a row for each location, or one without if it has none."""
    practices = Practice.objects.filter(active=True, **which).order_by("locations__pk")
    behind = bookings.is_behind(OuterRef("pk"), now=now, last_due=last_due)
    practices = practices.annotate(behind=behind)
    names = ("pk", "locations__pk", "locations__timezone", "feed__newest", "behind")
    return practices.values_list(*names, named=True)


_BY_ID = CompiledQuery(
    lambda which, **times: _practices(**times, pk=which), which=str, now=datetime, last_due=datetime
)
_BY_LOCATION = CompiledQuery(
    lambda which, **times: _practices(**times, locations__pk=which),
    which=str,
    now=datetime,
    last_due=datetime,
)


class InPracticeViewSet(ApiViewSet):
    """What is in a practice, or at one of its locations."""

    now: datetime
    """Set once a request, when the practice is queried."""

    def get_first_query(self, **kwargs: str) -> BoundQuery[Any]:
        ((name, which),) = kwargs.items()
        by = _BY_ID if name == "practice_id" else _BY_LOCATION
        self.now = walltime.now()
        return by.bind(which=which, now=self.now, last_due=series.last_due(self.now))

    def standing(self) -> Standing:
        """Return the active practice's state. Raises NotFound.

        This is one query, unless there is a lapsed hold or a due series to catch up with.
        """
        rows = self.first_query.rows()
        if rows and rows[0].behind:
            bookings.catch_up(practice_id=rows[0].pk, now=self.now)
            rows = self.first_query.fetch()
        if not rows:
            raise NotFound("There is nothing of that id.")
        zones = ((row.locations__pk, row.locations__timezone) for row in rows if row.locations__pk)
        return Standing(rows[0].pk, rows[0].feed__newest or 0, tuple(zones))


class PracticeListViewSet(InPracticeViewSet):
    """A list of what is in a practice."""

    filter_backends = [StrictFilterBackend]
    zone: ZoneInfo | None = None

    def answer(
        self,
        practice: Standing,
        rows: QuerySet[Any, Any],
        column: str,
        text_of: Callable[[Any], str],
        tag: str,
    ) -> HttpResponseBase:
        """Return the whole list, or the requested page, or 304.

        column: the one that `rows` are ordered by, then by id.
        text_of: encodes a row as JSON.
        """
        page = pagination.asked_for(self.request)
        same = conditional.not_modified(self.request, tag)
        if same is not None:
            return same
        headers = {"ETag": tag}
        if page is None:
            found = list(rows)
        else:
            found, cursor = pagination.rows_of(rows, page, column)
            if cursor is not None:
                headers["Link"] = pagination.link(
                    self.request, cursor=cursor, limit=str(page.limit)
                )
        return text_response(join_array(map(text_of, found)), headers=headers)


LISTED = Booking.objects.order_by(F("start_datetime").asc(nulls_last=True), "id")
# Looks up the row's location in a JSON object; in a SELECT, PostgreSQL parses it only once.
_AS_NOW = {
    "postgresql": "(SELECT %s::jsonb) ->> bookings_booking.location_id",
    "sqlite": """json_extract(%s, '$."' || bookings_booking.location_id || '"')""",
}


@dataclass(frozen=True)
class WholeList:
    """Compiled queries for the bookings of a practice or location, for one query string."""

    kept: CompiledQuery[tuple[str | None]]
    rows: CompiledQuery[Any]

    def json(self, scope_id: str, zones: Iterable[tuple[str, str]]) -> str:
        """Return the list as JSON; where a row's stored JSON is outdated, store the new one.

        zones: pairs of location id and time zone, of all locations the bookings can be at.
        """
        as_now = json.dumps(
            {location_id: representation.EDITION + zone for location_id, zone in zones}
        )
        texts = [text for (text,) in self.kept.all(scope_id=scope_id, as_now=as_now)]
        if None not in texts:
            return join_array(cast("list[str]", texts))
        rows = self.rows.all(scope_id=scope_id)
        representation.keep([row.id for row in rows if not representation.is_current(row)])
        return join_array(map(representation.of_row, rows))


@lru_cache(maxsize=500)
def whole_list(scope: str, query: str, zone: ZoneInfo | None) -> WholeList:
    """Compile the list of a practice or a location (`scope` is the column). Raises ValidationError.

    query: the raw query string; each is checked and compiled once, for all practices of a zone.
    """

    def rows(scope_id: str) -> QuerySet[Booking]:
        listed = LISTED.filter(**{scope: scope_id})
        return select(BookingFilterSet, QueryDict(query), listed, zone=zone)

    def kept(scope_id: str, as_now: str) -> QuerySet[Booking, Any]:
        # One column alone: for Python, each further one costs as much as the rest of the row.
        current = When(shown_as=RawSQL(_AS_NOW[connection.vendor], [as_now]), then="shown")  # noqa: S611  # ours
        return rows(scope_id).values_list(Case(current))

    return WholeList(
        CompiledQuery(kept, scope_id=str, as_now=str).compile(),
        CompiledQuery(
            lambda scope_id: rows(scope_id).values_list(*representation.ROW, named=True),
            scope_id=str,
        ),
    )
