"""REST endpoint of a practice's change feed: events in the order of their commits."""

from collections import namedtuple
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Subquery
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from bookings import representation, walltime
from bookings.api import feed_schema as schema
from bookings.api.lists import InPracticeViewSet
from bookings.api.serializers import ChangesSerializer
from bookings.models import Feed
from bookings.scheduling import feed
from openchair.api import conditional, filters, pagination
from openchair.api.renderers import join_array
from openchair.json_text import encode

LATEST = "latest"
_EVENT = ("number", "at", "booking_id", "appointment_id", "from_status", "to_status")
_BOOKING = tuple(f"booking__{name}" for name in representation.ROW)
_Booking: Any = namedtuple("_Booking", representation.ROW)  # type: ignore[misc]  # computed


class ChangeFeedViewSet(InPracticeViewSet):
    """Changes of bookings for everybody, those of appointments for their maker and source."""

    serializer_class = ChangesSerializer

    @schema.changes_of_practice
    def of_practice(self, request: Request, practice_id: str) -> HttpResponseBase:
        filters.check(request.query_params, ["after", "limit"])
        newest = self.standing().newest
        limit = pagination.limit(request)
        after = self._after(practice_id, newest)
        events = [] if after is None else self._events(practice_id, after, limit + 1)
        has_more = len(events) > limit
        events = events[:limit]
        if has_more:
            reached = events[-1].number
        elif events:
            reached = events[0].newest
        else:
            reached = newest
        # The cursor also passes the events that this partner cannot see.
        cursor = feed.cursor(practice_id, reached)
        text = _told(events, cursor=cursor, has_more=has_more)
        response = conditional.answer_text(request, text)
        if has_more:
            response["Link"] = pagination.link(request, after=cursor)
        return response

    def _events(self, practice_id: str, after: int, most: int) -> list[Any]:
        """Return events with their bookings and the feed's newest number.

        In one statement, hence one snapshot: where nothing is left to tell, the bookings are as
        they are at that number, no older and no newer, and a digest at it can be compared.
        """
        seen = feed.shown_to(self.caller.partner_id, practice_id=practice_id, after=after)
        newest = Subquery(Feed.objects.filter(practice=practice_id).values("newest"))
        rows = seen.annotate(newest=newest).values_list(*_EVENT, "newest", *_BOOKING, named=True)
        return list(rows[:most])

    def _after(self, practice_id: str, newest: int) -> int | None:
        """Return the event number to continue after, from the cursor; None behind the newest.

        Raises ValidationError.
        """
        text = self.request.query_params.get("after")
        if text is None:
            return 0
        if text == LATEST:
            return None
        of_practice, number = pagination.read("after", text, feed.position)
        if of_practice != practice_id:
            raise ValidationError({"after": f"This is a cursor of practice {of_practice}."})
        if number > newest:
            raise ValidationError(
                {
                    "after": "The feed has not come this far: the installation was set back to "
                    "an earlier state. Read the list anew, then follow from after=latest."
                }
            )
        return number


def _told(events: Sequence[Any], **more: Any) -> str:
    """Encode events as JSON, with their bookings."""
    known = {event.booking_id: _Booking._make(event[-len(_BOOKING) :]) for event in events}
    bookings: list[Any] = [known[each] for each in sorted(known)]
    zones = {row.id: ZoneInfo(row.location__timezone) for row in bookings}
    changes = encode([_as_dict(event, zones[event.booking_id]) for event in events])
    now = join_array(map(representation.of_row, bookings))
    return f'{{"changes":{changes},"bookings":{now},{encode(more)[1:]}'


def _as_dict(event: Any, zone: ZoneInfo) -> dict[str, Any]:
    """Return the JSON fields of an event; patients' data is not among them."""
    return {
        "at": walltime.iso(event.at, zone),
        "booking_id": event.booking_id,
        "appointment_id": event.appointment_id,
        "from_status": event.from_status or None,
        "to_status": event.to_status,
    }
