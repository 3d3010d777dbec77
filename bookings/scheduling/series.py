"""Recurring bookings: a weekly series makes its bookings 12 weeks ahead (contract, section 2).

"Weekly" is in wall time: seven days later at the same time of day, across clock changes too.
Occurrences are bookings of their own; the series has only the next day to make.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max, Subquery

from bookings import walltime
from bookings.models import Booking, Series, Status
from bookings.scheduling import moves
from bookings.scheduling.actors import CLOCK, Actor
from bookings.scheduling.locked_booking import LockedBooking

HORIZON = timedelta(weeks=12)
WEEK = timedelta(weeks=1)
_THAT_WEEK = timedelta(days=3)
"""An occurrence this near a day is that week's: a resumed series may be on another weekday."""


def begin(booking: Booking, *, now: datetime) -> Series:
    """Start a series at a booking that has a time, and make the booking its first occurrence.

    Saves the series but not the booking; `extend` makes the later occurrences.
    """
    begun = Series(practice_id=booking.practice_id, partner_id=booking.partner_id)
    _repeat(begun, booking, now=now)
    booking.series = begun
    booking.series_date = _wall_start(booking).date()
    return begun


def resume(series: Series, booking: Booking, *, now: datetime) -> None:
    """Resume a locked series that has ended, from one of its occurrences as that is now.

    It stays the same series, so that it has a row for each week with an occurrence, closed ones
    too. An occurrence keeps its series_date, wherever it was moved; `extend` makes the later ones.
    """
    series.ended = False
    _repeat(series, booking, now=now)


def _repeat(series: Series, booking: Booking, *, now: datetime) -> None:
    """Save the booking's values in the series, to repeat from the week after it."""
    first = _wall_start(booking)
    # A series that begins in the past repeats from now on: past occurrences are of no use.
    today = walltime.wall_clock(now, booking.location.zone).date()
    weeks_past = max(0, -((first.date() - today) // WEEK))
    series.location, series.doctor_id = booking.location, booking.doctor_id
    series.wall_time, series.length = first.time(), booking.length
    series.total_appointments = booking.total_appointments
    series.next_date = first.date() + max(WEEK, weeks_past * WEEK)
    series.due_at = _due_at(series.next_date, booking, now=now)
    series.save()


def _wall_start(booking: Booking) -> datetime:
    assert booking.start_datetime is not None
    return walltime.wall_clock(booking.start_datetime, booking.location.zone)


def _due_at(day: date, of: Booking | Series, *, now: datetime) -> datetime:
    # Due within a week, even where it begins in a year: see last_due.
    return min(walltime.start_of_day(day - HORIZON, of.location.zone), now + WEEK)


def last_due(now: datetime) -> datetime:
    """Return the latest due_at (UTC) there can be, unless a clock that was ahead has set one."""
    return now + WEEK + timedelta(days=1)


def extend(
    series: Series,
    *,
    by: Actor,
    now: datetime,
    beyond: date | None = None,
) -> None:
    """Make the missing occurrences up to 12 weeks after today or `beyond`, the later of the two.

    A week that has one is left alone, also where that is closed: it is not made again.
    Call it in a transaction that has locked the series or just made it.
    """
    zone = series.location.zone
    today = walltime.wall_clock(now, zone).date()
    last = max(today, beyond or today) + HORIZON
    coming = series.occurrences.filter(series_date__gte=series.next_date - _THAT_WEEK)
    days = [day for day in coming.values_list("series_date", flat=True) if day is not None]
    while series.next_date <= last:
        start = walltime.occurrence(series.next_date, series.wall_time, zone)
        has_one = any(abs(day - series.next_date) <= _THAT_WEEK for day in days)
        if now < start < walltime.LATEST and not has_one:
            _make(series, start, by=by, now=now)
        series.next_date += WEEK
    series.due_at = _due_at(series.next_date, series, now=now)
    series.save(update_fields=["next_date", "due_at", "ended"])


def _make(series: Series, start: datetime, *, by: Actor, now: datetime) -> None:
    booking = Booking(
        practice=series.practice,
        location=series.location,
        doctor_id=series.doctor_id,
        partner_id=series.partner_id,
        length=series.length,
        total_appointments=series.total_appointments,
        start_datetime=start,
        recurring=True,
        series=series,
        series_date=series.next_date,
        created_at=now,
    )
    LockedBooking(booking, by=by, now=now).save()


def lock(series_id: int) -> Series:
    """Lock a series' row. Lock order: before any booking, or two changes could deadlock."""
    rows = Series.objects.select_for_update(of=("self",)).select_related("location", "practice")
    return rows.get(pk=series_id)


@transaction.atomic
def extend_due(series_id: int, *, now: datetime) -> None:
    """Extend a series, unless it has ended or another request has extended it already."""
    series = lock(series_id)
    if series.ended or now < series.due_at <= last_due(now):
        return
    _go_back(series, now=now)
    if series.location.doctors.filter(pk=series.doctor_id).exists():
        extend(series, by=CLOCK, now=now)
    else:
        # A series ends when its doctor leaves the location.
        series.ended = True
        series.save(update_fields=["ended"])


def _go_back(series: Series, *, now: datetime) -> None:
    """Set next_date back to the week after the newest occurrence within the horizon.

    A clock that was ahead has left a gap there.
    """
    last = walltime.wall_clock(now, series.location.zone).date() + HORIZON
    newest = series.occurrences.filter(series_date__lte=last).aggregate(day=Max("series_date"))
    while newest["day"] is not None and series.next_date - WEEK > newest["day"]:
        series.next_date -= WEEK


def later_ids(series: Series, booking_id: str) -> list[str]:
    """Return the ids of a locked series' occurrences after one; none if that one is not recurring.

    Closed ones are left out.
    """
    this = series.occurrences.filter(pk=booking_id, recurring=True).values("series_date")
    later = series.occurrences.filter(series_date__gt=Subquery(this))
    return list(later.not_closed().values_list("pk", flat=True))


def end(series: Series, later: Iterable[LockedBooking]) -> None:
    """End a locked series, and close later occurrences in which no place is taken.

    These leave the series, so that it makes their weeks again if it is resumed: unlike those closed
    one by one, they are not closed for good.
    """
    series.ended = True
    series.save(update_fields=["ended"])
    for occurrence in later:
        booking = occurrence.booking
        # Another request may have closed one while we waited for its lock.
        if booking.status == Status.CLOSED:
            continue
        if booking.is_free:
            booking.recurring = False
            booking.series = booking.series_date = None
            moves.close(occurrence)
        occurrence.save()
