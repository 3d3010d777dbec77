"""The board's quiet refresh: whether anything on it has changed since it was sent."""

from django.db.models import Max
from django.http import HttpRequest

from bookings.desk.desk import Desk
from bookings.models import Appointment, Booking, Feed
from openchair.staff import sessions


def etag(request: HttpRequest, desk: Desk) -> str | None:
    """Return the ETag of a refresh, which has the board alone; None for the page.

    It changes with every change in the practice, when the time of an opening or visit comes, and
    each hour.
    """
    if not sessions.is_refresh(request):
        return None
    number = Feed.objects.filter(practice=desk.practice).values_list("newest", flat=True).first()
    come = Booking.objects.filter(practice=desk.practice, start_datetime__lte=desk.now)
    last = [come.aggregate(at=Max("start_datetime"))["at"]]
    if desk.practice.range_bookings:
        timed = Appointment.objects.timed().filter(booking__practice=desk.practice)
        come_too = timed.filter(start_datetime__lte=desk.now)
        last.append(come_too.aggregate(at=Max("start_datetime"))["at"])
    times = "-".join(str(int(each.timestamp()) if each else 0) for each in last)
    return f'"{number or 0}-{times}-{desk.now:%Y%m%d%H}"'
