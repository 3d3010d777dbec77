"""Whole lists of bookings, which partners ask for again and again in the same words."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Case, F, QuerySet, When
from django.db.models.expressions import RawSQL
from django.http import QueryDict

from bookings import representation
from bookings.api.filters import BookingFilterSet
from bookings.models import Booking
from openchair.api.filters import select
from openchair.database.compiled import CompiledQuery
from openchair.json_text import join_array

LISTED = Booking.objects.order_by(F("start_datetime").asc(nulls_last=True), "id")
# Looks the location of a row up in a JSON object, which PostgreSQL reads once in its SELECT.
_AS_NOW = {
    "postgresql": "(SELECT %s::jsonb) ->> bookings_booking.location_id",
    "sqlite": """json_extract(%s, '$."' || bookings_booking.location_id || '"')""",
}


@dataclass(frozen=True)
class WholeList:
    """What a query asks of the bookings of one practice or location, whichever that is."""

    kept: CompiledQuery[tuple[str | None]]
    rows: CompiledQuery[Any]

    def json(self, scope_id: str, zones: Iterable[tuple[str, str]]) -> str:
        """Give the list; where the JSON of a row has to be written, keep it for who asks next.

        zones: the locations it may be of, with their time zones.
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
    """Prepare the list of a practice or a location (`scope` is the column). Raises ValidationError.

    query: as it came; the same one is checked and compiled once, for all practices of that zone.
    """

    def rows(scope_id: str) -> QuerySet[Booking]:
        listed = LISTED.filter(**{scope: scope_id})
        return select(BookingFilterSet, QueryDict(query), listed, zone=zone)

    def kept(scope_id: str, as_now: str) -> QuerySet[Booking, Any]:
        # One column alone: each that is read costs Python as much as the rest of its row.
        current = When(shown_as=RawSQL(_AS_NOW[connection.vendor], [as_now]), then="shown")  # noqa: S611  # ours
        return rows(scope_id).values_list(Case(current))

    return WholeList(
        CompiledQuery(kept, scope_id=str, as_now=str).compile(),
        CompiledQuery(
            lambda scope_id: rows(scope_id).values_list(*representation.ROW, named=True),
            scope_id=str,
        ),
    )
