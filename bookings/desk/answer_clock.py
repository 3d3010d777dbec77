"""Answer clock of requests: by when the practice promised a time, and what is overdue.

It runs from the request, anew from an answer to proposed times that takes none, and not at all
while times are proposed. Saturdays and Sundays do not count, by the location's clock.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Max, Min, Q, QuerySet
from django.db.models.functions import Coalesce

from bookings import walltime
from bookings.models import Appointment, AppointmentStatus, Status
from practices.models import BookingPage, Location

_SATURDAY = 5
_DAY = timedelta(days=1)


def with_clock(requests: QuerySet[Appointment]) -> QuerySet[Any]:
    """Add to requests `since` (when they were made), `answered` and `proposed_until`, if any."""
    asked = Min("events__at", filter=Q(events__to_status=AppointmentStatus.RESERVED))
    live = Q(proposals__answered_at__isnull=True)
    return requests.annotate(
        since=Coalesce(asked, "created_at"),
        answered=Max("proposals__answered_at"),
        proposed_until=Max("proposals__until", filter=live),
    )


def due(request: Any, now: datetime) -> datetime | None:
    """Return by when a request that is read `with_clock` is answered, in UTC.

    None where the practice has not said within how many hours, or the family has times to choose.
    """
    hours = BookingPage.of(request.booking.practice).promise_hours
    until = request.proposed_until
    if hours is None or (until is not None and until > now):
        return None
    since = max(each for each in (request.since, request.answered, until) if each is not None)
    return after(since, timedelta(hours=hours), request.booking.location.zone)


def after(at: datetime, span: timedelta, zone: ZoneInfo) -> datetime:
    """Return when this much time has passed without Saturdays and Sundays, in UTC."""
    while True:
        day = walltime.wall_clock(at, zone).date()
        ends = walltime.start_of_day(day + _DAY, zone)
        if day.weekday() < _SATURDAY:
            if at + span <= ends:
                return at + span
            span -= ends - at
        at = ends


def overdue(locations: Iterable[Location], now: datetime) -> Counter[str]:
    """Count the requests at these locations that are overdue, by the id of the practice."""
    rows = Appointment.objects.waiting_for_time().filter(
        # With the statuses that it can have, for the index of a location's openings.
        booking__location__in=locations,
        booking__status__in=(Status.OPEN, Status.PENDING, Status.RESERVED),
        booking__places_reserved__gt=0,
        booking__practice__booking_page__promise_hours__isnull=False,
    )
    related = rows.select_related("booking__location", "booking__practice__booking_page")
    return Counter(
        each.booking.practice_id
        for each in with_clock(related)
        if (by := due(each, now)) is not None and by <= now
    )
