"""Whole lists of bookings, which partners ask for again and again in the same words."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet
from django.http import QueryDict

from bookings import shown
from bookings.api.filters import BookingFilterSet
from bookings.models import Booking
from openchair import replica
from openchair.api.filters import select
from openchair.prepared import Prepared

LISTED = Booking.objects.order_by(F("start_datetime").asc(nulls_last=True), "id")


@dataclass(frozen=True)
class WholeList:
    """What a query asks of the bookings of one practice or location, whichever that is."""

    kept: Prepared[Any]
    rows: Prepared[Any]

    def json(self, scope_id: str, zones: Iterable[tuple[str, str]], using: str) -> str:
        """Give the list; where the JSON of a row has to be written, that of all, and keep it.

        zones: the locations it may be of, with their time zones. using: the database's alias.
        Raises replica.NotThere where JSON would have to be kept there.
        """
        kept = self.kept.all(using, scope_id=scope_id)
        current = {location_id: shown.EDITION + zone for location_id, zone in zones}
        missing = [
            row.id
            for row in kept
            if row.shown is None or row.shown_as != current.get(row.location_id)
        ]
        if not missing:
            return f"[{','.join([row.shown for row in kept])}]"
        if using == replica.ALIAS:
            raise replica.NotThere
        texts = [shown.text_of_row(row) for row in self.rows.all(scope_id=scope_id)]
        shown.keep(missing)
        return f"[{','.join(texts)}]"


@lru_cache(maxsize=500)
def whole_list(scope: str, query: str, zone: ZoneInfo | None) -> WholeList:
    """Prepare the list of a practice or a location (`scope` is the column). Raises ValidationError.

    query: as it came; the same one is checked and compiled once, for all practices of that zone.
    """

    def rows(scope_id: str) -> QuerySet[Booking]:
        listed = LISTED.filter(**{scope: scope_id})
        return select(BookingFilterSet, QueryDict(query), listed, zone=zone)

    def kept(scope_id: str) -> QuerySet[Booking, Any]:
        return rows(scope_id).values_list("id", "location_id", "shown_as", "shown", named=True)

    return WholeList(
        Prepared(kept, scope_id=str).compiled(),
        Prepared(lambda scope_id: rows(scope_id).values_list(*shown.ROW, named=True), scope_id=str),
    )
