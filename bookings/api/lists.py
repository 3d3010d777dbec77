"""What lists of a practice share: how it stands at this second, its wall clock, tag and pages."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, QuerySet
from django.http.response import HttpResponseBase
from rest_framework.exceptions import NotFound

from bookings import walltime
from bookings.scheduling import bookings
from openchair.api import conditional, pagination
from openchair.api.filters import StrictFilterBackend
from openchair.api.renderers import text_response
from openchair.api.views import ApiViewSet
from openchair.database.compiled import BoundQuery, CompiledQuery
from openchair.json_text import join_array
from practices.models import Practice


@dataclass(frozen=True)
class Standing:
    """How a practice stands now, the clock's changes written down.

    newest: the number of its newest event, which is another one whenever anything changed.
    zones: its locations, or the one asked for, with their time zones.
    """

    practice_id: str
    newest: int
    zones: tuple[tuple[str, str], ...]

    @property
    def zone(self) -> ZoneInfo | None:
        """Give the one wall clock, in which a time without an offset can be read."""
        names = {name for _, name in self.zones}
        return ZoneInfo(names.pop()) if len(names) == 1 else None

    def tag(self, *more: object) -> str:
        """Make the tag of any list in it: whatever changes a row writes an event."""
        return conditional.weak_tag(self.practice_id, self.newest, self.zones, *more)


def _practices(now: datetime, **which: str) -> QuerySet[Practice, Any]:
    """Select a practice, once for each location; once without any where it has none."""
    practices = Practice.objects.filter(active=True, **which).order_by("locations__pk")
    practices = practices.annotate(behind=bookings.is_behind(OuterRef("pk"), now=now))
    names = ("pk", "locations__pk", "locations__timezone", "feed__newest", "behind")
    return practices.values_list(*names, named=True)


_BY_ID = CompiledQuery(lambda which, now: _practices(now, pk=which), which=str, now=datetime)
_BY_LOCATION = CompiledQuery(
    lambda which, now: _practices(now, locations__pk=which), which=str, now=datetime
)


class InPracticeViewSet(ApiViewSet):
    """What is in a practice, or at one of its locations."""

    now: datetime
    """Read once a request, when the practice is asked for."""

    def get_first_query(self, **kwargs: str) -> BoundQuery[Any]:
        ((name, which),) = kwargs.items()
        by = _BY_ID if name == "practice_id" else _BY_LOCATION
        self.now = walltime.now()
        return by.bind(which=which, now=self.now)

    def standing(self) -> Standing:
        """Find how the practice stands, if it is active. Raises NotFound.

        Asked once where the clock has done nothing since somebody last looked.
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
        """Answer the whole list, or the page that is asked for, or that nothing has changed."""
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
