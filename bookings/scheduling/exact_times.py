"""Exact times of a doctor in range practices: those given to patients, and those proposed to them.

An opening there is a part of the day in which patients come one after another.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from django.db.models import Q

from bookings import walltime
from bookings.models import LONGEST, Appointment, Booking, ProposedTime
from practices.models import Doctor


@dataclass(frozen=True)
class Busy:
    """A time at which a doctor has an opening, or with `appointment` a patient.

    is_proposed: the time is held for the patient, who has yet to take it.
    """

    start: datetime
    booking: Booking
    appointment: Appointment | None = None
    is_proposed: bool = False


def lock_doctors(*doctor_ids: str) -> dict[str, Doctor]:
    """Lock doctors' rows until the transaction ends, so that exact times are given one by one.

    A doctor is locked before series and bookings (docs/adr/0004-one-door.md).
    """
    rows = Doctor.objects.select_for_update(no_key=True).filter(pk__in=doctor_ids)
    return {each.pk: each for each in rows.order_by("pk")}


def of_doctors(doctor_ids: Collection[str], near: Q, *, but: Collection[str] = ()) -> list[Busy]:
    """List exact times given or proposed to patients of these doctors, in order.

    A range opening that was booked as a whole has its start as the exact time.
    near: a filter of start_datetime. but: ids of appointments and openings that do not count.
    """
    whole = Booking.objects.filter(near, doctor__in=doctor_ids, whole_booked__gt=0)
    timed = Appointment.objects.timed().filter(near, booking__doctor__in=doctor_ids)
    proposed = ProposedTime.objects.live(walltime.now()).filter(
        near, booking__doctor__in=doctor_ids
    )
    found = of_openings(whole.exclude(pk__in=but).select_related("location", "whole_partner"))
    timed = timed.exclude(pk__in=but).select_related("booking__location", "booking__practice")
    for visit in timed:
        assert visit.start_datetime is not None
        found.append(Busy(visit.start_datetime, visit.booking, visit))
    related = proposed.select_related("booking__location", "proposal__appointment")
    for each in related.exclude(proposal__appointment__in=but):
        request = each.proposal.appointment
        found.append(Busy(each.start_datetime, each.booking, request, is_proposed=True))
    return in_order(found)


def of_openings(openings: Iterable[Booking]) -> list[Busy]:
    """Return the times of openings, in order; they have one."""
    found = []
    for booking in openings:
        assert booking.start_datetime is not None
        found.append(Busy(booking.start_datetime, booking))
    return in_order(found)


def in_order(found: Iterable[Busy]) -> list[Busy]:
    return sorted(found, key=lambda each: (each.start, each.booking.pk))


def near(starts: Sequence[datetime], minutes: int) -> Q:
    """Return the filter of start_datetime for what can overlap these starts, which are in order."""
    return Q(
        start_datetime__gt=starts[0] - timedelta(minutes=LONGEST),
        start_datetime__lt=starts[-1] + timedelta(minutes=minutes),
    )


def overlapping(busy: Sequence[Busy], start: datetime, minutes: int) -> list[Busy]:
    """Return those that overlap; `busy` is in order."""
    begin = bisect_left(busy, start - timedelta(minutes=LONGEST), key=attrgetter("start"))
    end = bisect_left(busy, start + timedelta(minutes=minutes), key=attrgetter("start"))
    return [
        each
        for each in busy[begin:end]
        if start < each.start + timedelta(minutes=each.booking.length)
    ]
