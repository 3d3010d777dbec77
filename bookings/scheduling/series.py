"""Weekly bookings: a series makes its occurrences 12 weeks ahead (contract, section 2).

"Weekly" is arithmetic on the wall clock: seven days later, the same time of day, whatever the
clocks did in between. Occurrences are bookings of their own; the series only knows the next day.
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
"""How far from a day an occurrence is still that week's, for its weekday may have been another."""


def begin(booking: Booking, *, now: datetime) -> Series:
    """Start a series at a booking that has a time, and make the booking its first occurrence.

    The booking is not saved, and later occurrences are made by `extend`.
    """
    begun = Series(practice_id=booking.practice_id, partner_id=booking.partner_id)
    _repeat(begun, booking, now=now)
    booking.series = begun
    booking.series_date = _wall_start(booking).date()
    return begun


def resume(series: Series, booking: Booking, *, now: datetime) -> None:
    """Let a locked series that has ended go on from one of its occurrences, as that is now.

    It stays the same series, so that it knows in which weeks it has an occurrence, or had one that
    somebody closed. An occurrence keeps its day in it, wherever it was moved; later ones are made
    by `extend`.
    """
    series.ended = False
    _repeat(series, booking, now=now)


def _repeat(series: Series, booking: Booking, *, now: datetime) -> None:
    """Save what a series repeats: the booking as it is, from the week after it."""
    first = _wall_start(booking)
    # A series that begins in the past repeats from now on: nobody books last year's.
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
    # Looked at again within a week, also where it begins in a year: see last_due.
    return min(walltime.start_of_day(day - HORIZON, of.location.zone), now + WEEK)


def last_due(now: datetime) -> datetime:
    """Return when a series is due at the latest, unless a clock that was ahead has extended it."""
    return now + WEEK + timedelta(days=1)


def extend(
    series: Series,
    *,
    by: Actor,
    now: datetime,
    beyond: date | None = None,
) -> None:
    """Make the occurrences that have to exist: up to 12 weeks ahead of today, or of `beyond`.

    A week that has one is left alone, also where that is closed: it never comes back.
    Call it in a transaction that has the series locked, or has just made it.
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
    """Lock a series: always before any booking, or two changes could wait for each other."""
    rows = Series.objects.select_for_update(of=("self",)).select_related("location", "practice")
    return rows.get(pk=series_id)


@transaction.atomic
def extend_due(series_id: int, *, now: datetime) -> None:
    """Make what a series has to have by now, unless it has ended or another request did."""
    series = lock(series_id)
    if series.ended or now < series.due_at <= last_due(now):
        return
    _go_back(series, now=now)
    if series.location.doctors.filter(pk=series.doctor_id).exists():
        extend(series, by=CLOCK, now=now)
    else:
        # Nobody would be there: a series ends when its doctor leaves the location.
        series.ended = True
        series.save(update_fields=["ended"])


def _go_back(series: Series, *, now: datetime) -> None:
    """Go on after the newest occurrence within the horizon: a clock that was ahead left a hole."""
    last = walltime.wall_clock(now, series.location.zone).date() + HORIZON
    newest = series.occurrences.filter(series_date__lte=last).aggregate(day=Max("series_date"))
    while newest["day"] is not None and series.next_date - WEEK > newest["day"]:
        series.next_date -= WEEK


def later_ids(series: Series, booking_id: str) -> list[str]:
    """List the occurrences of a locked series after one, if that repeats still."""
    this = series.occurrences.filter(pk=booking_id, recurring=True).values("series_date")
    later = series.occurrences.filter(series_date__gt=Subquery(this))
    return list(later.not_closed().values_list("pk", flat=True))


def end(series: Series, later: Iterable[LockedBooking]) -> None:
    """End a locked series: later occurrences in which no place is taken are closed.

    They leave it, or their days would be taken should it go on: nobody has closed these for good.
    """
    series.ended = True
    series.save(update_fields=["ended"])
    for occurrence in later:
        booking = occurrence.booking
        # Somebody may have closed one while its lock was waited for.
        if booking.status == Status.CLOSED:
            continue
        if booking.is_free:
            booking.recurring = False
            booking.series = booking.series_date = None
            moves.close(occurrence)
        occurrence.save()
