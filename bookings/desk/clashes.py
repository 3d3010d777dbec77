"""Clash guard: what else occupies a doctor at a time, at any location of the practice.

An opening occupies its doctor for its length until it is closed. An opening of a range practice is
a part of the day in which patients come one after another: there openings are compared with
openings, and exact times with exact times.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from django.db import transaction

from bookings import walltime
from bookings.desk import labels
from bookings.models import Appointment, Booking
from bookings.scheduling import exact_times, series
from bookings.scheduling.exact_times import Busy
from openchair.errors import Refused
from practices.models import Doctor, Kind, Location

Result = TypeVar("Result")


@dataclass(frozen=True)
class Clash:
    """An opening or an exact time that overlaps; `who` has it."""

    of: str
    start: datetime
    minutes: int
    location: Location
    who: str

    @property
    def key(self) -> str:
        """Tell it from others, and from itself at another time."""
        return f"{self.of} {self.start.isoformat()} {self.minutes}"

    @property
    def clock(self) -> str:
        """Format without the day: 9:00 AM, 45 min, Chesterfield: Ada Byron."""
        wall = walltime.wall_clock(self.start, self.location.zone)
        return f"{labels.clock(wall)}, {self._rest}"

    @property
    def _rest(self) -> str:
        return f"{self.minutes} min, {self.location.name}: {self.who}"

    def __str__(self) -> str:
        return f"{labels.dated(self.start, self.location.zone)}, {self._rest}"


class Clashing(Exception):  # no error: a person is asked
    """Exact times overlap others, and the person has not agreed to it (see desk_page)."""

    def __init__(
        self,
        booking: Booking,
        doctor: str,
        found: Collection[Clash],
        visits: Collection[Appointment],
    ) -> None:
        super().__init__()
        self.booking = booking
        self.visits = visits
        self.doctor = doctor
        self.found = found

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.found)


class Keyed(Protocol):
    @property
    def key(self) -> str: ...


def fingerprint(listed: Iterable[Keyed]) -> str:
    """Hash what a person was asked about: who agrees does not agree to what has come since."""
    return hashlib.sha256("\n".join(each.key for each in listed).encode()).hexdigest()


@dataclass(frozen=True)
class Given:
    """An exact time that a patient is to get in an opening of a range practice; None: no time."""

    booking: Booking
    exact: datetime | None
    visit: Appointment | None = None


@transaction.atomic
def guard(act: Callable[[], Result], *given: Given, agreed: str) -> Result:
    """Call `act`, which gives patients these exact times.

    agreed: the fingerprint that was ticked (`anyway` in the form).
    Raises Clashing where a doctor has another patient then, and Refused where an opening got
    another doctor meanwhile. Without exact times nothing is checked.
    """
    timed = [each for each in given if each.exact is not None]
    if not timed:
        return act()
    doctors = exact_times.lock_doctors(*(each.booking.doctor_id for each in timed))
    ids = {each.booking.pk for each in timed}
    of_now = dict(Booking.objects.filter(pk__in=ids).values_list("pk", "doctor_id"))
    moving = {each.visit.pk for each in timed if each.visit is not None}
    found: dict[str, list[Clash]] = defaultdict(list)
    for nth, each in enumerate(timed):
        assert each.exact is not None
        doctor = doctors[each.booking.doctor_id]
        if of_now.get(each.booking.pk) != doctor.pk:
            raise Refused(
                "changed",
                "The doctor of this opening was changed while you had it open. Check it again.",
            )
        minutes = each.booking.length
        (others,) = with_exact_times(doctor, [each.exact], minutes, but={*moving, each.booking.pk})
        together = [
            Busy(one.exact, one.booking, one.visit)
            for one in timed[:nth]
            # Several times of one visit are proposed to it: it takes one of them.
            if one.exact is not None
            and one.booking.doctor_id == doctor.pk
            and (one.visit is None or one.visit != each.visit)
        ]
        together = exact_times.in_order(together)
        found[doctor.name] += others + _clashes(together, [each.exact], minutes)[0]
    listed = [clash for clashes in found.values() for clash in clashes]
    if listed and agreed != fingerprint(listed):
        doctor_names = ", ".join(name for name, clashes in found.items() if clashes)
        visits = [each.visit for each in timed if each.visit is not None]
        raise Clashing(timed[0].booking, doctor_names, listed, visits)
    return act()


def of_opening(
    doctor: Doctor,
    start: datetime,
    minutes: int,
    location: Location,
    *,
    repeats: bool = False,
    edited: Booking | None = None,
) -> list[Clash]:
    """Find what overlaps an opening to be published or edited; with `repeats`, its weeks too.

    Of an edited one in a range practice the exact times in it are compared as well.
    """
    starts = [start]
    own = {edited.pk} if edited is not None else set()
    if repeats:
        wall = walltime.wall_clock(start, location.zone)
        starts += [
            walltime.occurrence(wall.date() + week * series.WEEK, wall.time(), location.zone)
            for week in range(1, series.HORIZON // series.WEEK + 1)
        ]
        if edited is not None and edited.series_id is not None:
            # Weeks that it has already are not made again.
            weeks = Booking.objects.filter(series=edited.series_id)
            own |= set(weeks.values_list("pk", flat=True))
    found = with_openings(doctor, starts, minutes, but=own)
    if edited is not None and edited.practice.kind == Kind.RANGE:
        timed = edited.appointments.timed()
        given = {row.pk: row.start_datetime for row in timed if row.start_datetime is not None}
        if edited.whole_booked:
            given[edited.pk] = start
        found += with_exact_times(doctor, sorted(given.values()), minutes, but={*given, edited.pk})
    unique = {clash.key: clash for clashes in found for clash in clashes}
    return list(unique.values())


def with_openings(
    doctor: Doctor, starts: Sequence[datetime], minutes: int, *, but: Collection[str] = ()
) -> list[list[Clash]]:
    """Find the doctor's openings that overlap, for each of these starts, which are in order.

    but: ids of openings that do not count.
    """
    if not starts:
        return []
    near = exact_times.near(starts, minutes)
    rows = Booking.objects.not_closed().filter(near, doctor=doctor).exclude(pk__in=but)
    busy = exact_times.of_openings(rows.select_related("location", "whole_partner"))
    return _clashes(busy, starts, minutes)


def with_exact_times(
    doctor: Doctor, starts: Sequence[datetime], minutes: int, *, but: Collection[str] = ()
) -> list[list[Clash]]:
    """Find exact times given or proposed to the doctor's patients that overlap, for each start.

    but: ids of appointments and openings that do not count.
    """
    if not starts:
        return []
    busy = exact_times.of_doctors([doctor.pk], exact_times.near(starts, minutes), but=but)
    return _clashes(busy, starts, minutes)


def _clashes(busy: Sequence[Busy], starts: Sequence[datetime], minutes: int) -> list[list[Clash]]:
    hits = [exact_times.overlapping(busy, start, minutes) for start in starts]
    openings = {each.booking.pk for hit in hits for each in hit if each.appointment is None}
    patients = defaultdict(list)
    for row in Appointment.objects.taken().filter(booking__in=openings).order_by("created_at"):
        patients[row.booking_id].append(labels.patient(row))
    return [[_clash(each, patients[each.booking.pk]) for each in hit] for hit in hits]


def _clash(busy: Busy, patients: list[str]) -> Clash:
    booking = busy.booking
    if busy.appointment is not None:
        of, who = busy.appointment.pk, labels.patient(busy.appointment)
        who += " (proposed)" if busy.is_proposed else ""
    else:
        of, who = booking.pk, ", ".join([*patients, *labels.whole(booking)]) or "nobody yet"
    return Clash(of, busy.start, booking.length, booking.location, who)
