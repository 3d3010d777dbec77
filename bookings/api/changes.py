"""REST endpoint of a practice's change feed: events in the order of their commits."""

from typing import Any
from zoneinfo import ZoneInfo

from django.http.response import HttpResponseBase
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from bookings import representation, walltime
from bookings.api import schema
from bookings.api.lists import InPracticeViewSet
from bookings.api.serializers import ChangesSerializer
from bookings.models import Booking, Event
from bookings.scheduling import feed
from openchair.api import conditional, filters, pagination
from openchair.api.renderers import join_array
from openchair.json_text import encode

LATEST = "latest"


class ChangeFeedViewSet(InPracticeViewSet):
    """Changes of bookings for everybody, those of appointments for their maker and source."""

    serializer_class = ChangesSerializer

    @schema.changes_of_practice
    def of_practice(self, request: Request, practice_id: str) -> HttpResponseBase:
        filters.check(request.query_params, ["after", "limit"])
        newest = self.standing().newest
        limit = pagination.limit(request)
        after = self._after(practice_id, newest)
        seen = feed.shown_to(
            self.caller.partner_id,
            practice_id=practice_id,
            after=after,
            until=newest,
        )
        events = list(seen[: limit + 1])
        has_more = len(events) > limit
        events = events[:limit]
        # The cursor also passes the events that this partner cannot see.
        reached = events[-1].number if has_more else newest
        cursor = feed.cursor(practice_id, reached)
        text = _told(events, cursor=cursor, has_more=has_more)
        response = conditional.answer_text(request, text)
        if has_more:
            response["Link"] = pagination.link(request, after=cursor)
        return response

    def _after(self, practice_id: str, newest: int) -> int:
        """Return the event number to continue after, from the cursor. Raises ValidationError."""
        text = self.request.query_params.get("after")
        if text is None:
            return 0
        if text == LATEST:
            return newest
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


def _told(events: list[Event], **more: Any) -> str:
    """Encode events as JSON, with their bookings in the current state."""
    rows = Booking.objects.filter(pk__in={event.booking_id for event in events}).order_by("pk")
    bookings = list(rows.values_list(*representation.ROW, named=True))
    zones = {row.id: ZoneInfo(row.location__timezone) for row in bookings}
    changes = encode([_as_dict(event, zones[event.booking_id]) for event in events])
    now = join_array(map(representation.of_row, bookings))
    return f'{{"changes":{changes},"bookings":{now},{encode(more)[1:]}'


def _as_dict(event: Event, zone: ZoneInfo) -> dict[str, Any]:
    """Return the JSON fields of an event; patients' data is not among them."""
    return {
        "at": walltime.iso(event.at, zone),
        "booking_id": event.booking_id,
        "appointment_id": event.appointment_id,
        "from_status": event.from_status or None,
        "to_status": event.to_status,
    }
