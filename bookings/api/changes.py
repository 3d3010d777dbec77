"""The change feed of a practice: what happened, in the order in which it was committed."""

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
from openchair.json_text import encode, join_array

LATEST = "latest"
_SALT = "openchair.feed"


class ChangeFeedViewSet(InPracticeViewSet):
    """Changes of bookings for everybody, those of appointments for the partner that made them."""

    serializer_class = ChangesSerializer

    @schema.changes_of_practice
    def of_practice(self, request: Request, practice_id: str) -> HttpResponseBase:
        """Answer a page of changes, with the bookings that they changed."""
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
        # What is not shown to this partner is behind it too.
        reached = events[-1].number if has_more else newest
        cursor = pagination.signed([practice_id, reached], _SALT)
        text = _told(events, cursor=cursor, has_more=has_more)
        response = conditional.answer_text(request, text)
        if has_more:
            response["Link"] = pagination.link(request, after=cursor)
        return response

    def _after(self, practice_id: str, newest: int) -> int:
        """Read where to go on. Raises ValidationError."""
        text = self.request.query_params.get("after")
        if text is None:
            return 0
        if text == LATEST:
            return newest
        of_practice, number = pagination.unsigned("after", text, _SALT)
        if of_practice != practice_id:
            raise ValidationError({"after": f"This is a cursor of practice {of_practice}."})
        if number > newest:
            raise ValidationError(
                {
                    "after": "The feed has not come this far: the installation was set back to "
                    "an earlier state. Read the list anew, then follow from after=latest."
                }
            )
        return int(number)


def _told(events: list[Event], **more: Any) -> str:
    """Tell events, and the bookings they are about as those are now, in JSON."""
    rows = Booking.objects.filter(pk__in={event.booking_id for event in events}).order_by("pk")
    bookings = list(rows.values_list(*representation.ROW, named=True))
    zones = {row.id: ZoneInfo(row.location__timezone) for row in bookings}
    changes = encode([_as_dict(event, zones[event.booking_id]) for event in events])
    now = join_array(map(representation.of_row, bookings))
    return f'{{"changes":{changes},"bookings":{now},{encode(more)[1:]}'


def _as_dict(event: Event, zone: ZoneInfo) -> dict[str, Any]:
    """Shape a change as the feed tells it; what patients say is not in it."""
    return {
        "at": walltime.iso(event.at, zone),
        "booking_id": event.booking_id,
        "appointment_id": event.appointment_id,
        "from_status": event.from_status or None,
        "to_status": event.to_status,
    }
