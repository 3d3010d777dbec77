"""The board's quiet refresh: whether anything on it has changed since it was sent."""

from django.db.models import Max
from django.http import HttpRequest

from bookings.desk.desk import Desk
from bookings.models import Appointment, Booking
from openchair.api import conditional
from openchair.staff import sessions
from practices.models import Location


def etag(request: HttpRequest, desk: Desk) -> str | None:
    """Return the ETag of a refresh, which has the board alone; None for the page.

    It changes with every change in the practice, and of its locations and doctors, when the time of
    an opening or visit comes, and each hour.
    """
    if not sessions.is_refresh(request):
        return None
    # A change of a location or of a doctor is in no event.
    columns = Location.objects.filter(practice=desk.practice).order_by("pk", "doctors")
    named = columns.values_list(
        "practice__feed__newest", "pk", "name", "timezone", "doctors", "doctors__name"
    )
    come = Booking.objects.filter(practice=desk.practice, start_datetime__lte=desk.now)
    times = [come.aggregate(at=Max("start_datetime"))["at"]]
    if desk.practice.range_bookings:
        timed = Appointment.objects.timed().filter(booking__practice=desk.practice)
        come_too = timed.filter(start_datetime__lte=desk.now)
        times.append(come_too.aggregate(at=Max("start_datetime"))["at"])
    return conditional.strong_tag(*named, *times, f"{desk.now:%Y%m%d%H}")
