"""The demo's openings and visits: eight past weeks, today, and the two weeks from today.

What is past cannot go through the verbs of `bookings/scheduling`, which read the clock anew. So the
demo makes each change of an opening of its own by a LockedBooking of that time, in one transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple

from bookings import walltime
from bookings.demo import accounts, people
from bookings.demo.practices import GROUPS
from bookings.models import (
    Appointment,
    AppointmentStatus,
    Attendance,
    Booking,
    Delivery,
    Language,
    Status,
)
from bookings.patients.record import Patient
from bookings.scheduling import bookings
from bookings.scheduling.actors import PATIENT, Actor
from bookings.scheduling.bookings import Fields
from bookings.scheduling.locked_booking import LockedBooking
from bookings.scheduling.outbox import Notice
from practices.ids import new_id
from practices.models import ApiKey, Kind, Location, Partner, Practice

DAYS = 14
WEEKS = 8
PUBLISHED_BEFORE = timedelta(weeks=3)


class Slot(NamedTuple):
    """A time of the day at which there is an opening. Minutes, and whether only on busy days."""

    wall: time
    length: int
    extra: bool = False


SLOTS = {
    Kind.EXACT: (
        Slot(time(8), 45, extra=True),
        Slot(time(9), 45),
        Slot(time(9, 45), 45),
        Slot(time(10, 30), 45),
        Slot(time(11, 15), 45),
        Slot(time(12, 15), 45, extra=True),
        Slot(time(13, 30), 45),
        Slot(time(14, 15), 45),
        Slot(time(15), 45),
        Slot(time(16), 45, extra=True),
        Slot(time(17), 45, extra=True),
    ),
    Kind.RANGE: (
        Slot(time(8, 30), 60),
        Slot(time(9, 30), 60, extra=True),
        Slot(time(10, 30), 60),
        Slot(time(11, 30), 60, extra=True),
        Slot(time(12, 30), 30, extra=True),
        Slot(time(13), 60),
        Slot(time(14), 60, extra=True),
        Slot(time(15), 60),
        Slot(time(16), 60, extra=True),
        Slot(time(17), 60, extra=True),
    ),
}
"""Today and tomorrow have all, so that at any hour there is something before and after now."""
_LUNCH = time(12)
_SEVERAL = 2
"""The slot with three places, or in the past two."""
_PAST = {Kind.EXACT: ((1, 2, 6), (3, 7)), Kind.RANGE: ((0, 2, 5), (0, 7))}
"""Slots of a past day, by location."""
_TOMORROW = {Kind.EXACT: (1, 3, 4, 6, 7, 8), Kind.RANGE: (0, 1, 2, 3, 5, 6)}
"""Slots of tomorrow that people.TOMORROW have, in their order."""
_TAKEN_BY = {
    "exact": ("full", "full", "full", "exact_only", "exact_only", "other_partner", "", "", ""),
    "range": ("full", "full", "full", "other_partner", "other_partner", "", ""),
    "ungranted": ("harbor", ""),
}
"""By practice, the partners that book its patients, as often as they do; "": the office."""
_PAGE = "page"
_BY_THEMSELVES = 0.5
"""Of visits that no partner books those booked on the booking page."""
_SAY_THEY_COME = 0.6
_ORIGINS: tuple[tuple[str, dict[str, str]], ...] = (
    ("full", {}),
    ("clinic-website", {"utm_campaign": "back-to-school"}),
    ("clinic-website", {"utm_medium": "qr", "booking_referral": "poster"}),
    ("", {"utm_source": "newsletter", "utm_campaign": "back-to-school"}),
    ("", {}),
)
"""Where patients come to the booking page from: a partner or a text, and what else is said."""
_CAME = (
    *[Attendance.KEPT] * 16,
    *[Attendance.NO_SHOW] * 2,
    Attendance.LATE_CANCEL,
    *[Attendance.UNKNOWN] * 2,  # cancelled in time
)
_CAME_BY_PHONE = (*_CAME, *[Attendance.NO_SHOW] * 4, Attendance.LATE_CANCEL)
_A_DAY = timedelta(days=1)
_A_WHILE = timedelta(minutes=45)
_CANCELLED = 0.06
_WITHOUT_PATIENT = 0.06
_WAITS = 0.3
"""Of visits ahead those cancelled, of openings those taken without a patient, and in a practice
with range bookings those that wait for an exact time."""
_REASONS = (
    "Found an orthodontist nearer to home.",
    "School trip that day; will call again.",
    "The child is ill.",
    "Insurance does not cover it.",
    "No reason given.",
)


def fill(name: str, partners: dict[str, Partner], *, now: datetime) -> None:
    """Add to a practice what it lacks of the demo's schedule; what there is stays.

    name: of the practice in GROUPS. partners: by name.
    """
    _Schedule(name, partners, now).fill()


class _Schedule:
    def __init__(self, name: str, partners: dict[str, Partner], now: datetime) -> None:
        self.name = name
        self.now = now
        self.group = GROUPS[name]
        self.random = Random(self.group.id)  # noqa: S311  # the same every time, and no secret
        self.pages_random = Random(self.group.id)  # noqa: S311  # as above
        self.partners = partners
        self.patients = people.patients(self.group.kind)
        staff = accounts.person(name if name in accounts.PEOPLE else "operator")
        self.by = {"": Actor.of_staff(staff), _PAGE: PATIENT}
        self.takers = sorted({*_TAKEN_BY[name]} - {""})
        for taker in self.takers:
            ends = now + accounts.KEY_LASTS
            key, _ = ApiKey.objects.issue(partners[taker], label="demo data", expires_at=ends)
            self.by[taker] = Actor.of_key(key)
        self.owner = self.by[_TAKEN_BY[name][0]]

    def fill(self) -> None:
        practice = Practice.objects.get(pk=self.group.id)
        rows = {each.pk: each for each in practice.locations.all()}
        locations = [rows[office.id] for office in self.group.offices]
        is_new = not Booking.objects.filter(practice=practice).exists()
        if self.name == "exact":
            self._publish_weekly(locations[0])
        there = self._there(practice)
        for nth, location in enumerate(locations):
            today = walltime.wall_clock(self.now, location.zone).date()
            if is_new and self.name != "ungranted":
                self._fill_past(location, nth, today)
            for ahead in range(DAYS):
                self._fill_day(location, nth, today, today + timedelta(days=ahead), there)

    def _there(self, practice: Practice) -> list[Booking]:
        """List the practice's openings from about today on, closed ones too."""
        return list(
            Booking.objects.filter(
                practice=practice, start_datetime__gt=self.now - timedelta(days=2)
            )
        )

    def _fill_past(self, location: Location, nth: int, today: date) -> None:
        slots = SLOTS[self.group.kind]
        day = today - timedelta(days=today.weekday(), weeks=WEEKS)
        while day < today:
            if day.weekday() < 5:
                for which in _PAST[self.group.kind][nth]:
                    places = 2 if which == _SEVERAL else 1
                    booking = self._publish(location, nth, day, slots[which], places)
                    self._take_places(booking, likely=0.84)
            day += timedelta(days=1)

    def _fill_day(
        self, location: Location, nth: int, today: date, day: date, there: list[Booking]
    ) -> None:
        """Make the openings of a day where nothing is at their time, and some of its visits."""
        ahead = (day - today).days
        if day.weekday() > 4 and ahead > 1:
            return
        known = {}
        if ahead == 1 and self.name != "ungranted":
            known = dict(zip(_TOMORROW[self.group.kind], people.TOMORROW[nth], strict=False))
        for which, slot in enumerate(SLOTS[self.group.kind]):
            if (slot.extra and ahead > 1) or self._clashes(location, nth, day, slot, there):
                continue
            booking = self._publish(location, nth, day, slot, 3 if which == _SEVERAL else 1)
            is_over = booking.start_datetime is None or booking.start_datetime <= self.now
            if which in known:
                since_last_night = which == _TOMORROW[self.group.kind][nth]
                asked = self.now - _A_WHILE if since_last_night else self._asked(booking)
                visit, _ = self._take(booking, known[which], asked, waits=True)
                self._tell(visit)
            elif (which + nth + ahead) % 9 == 0 and ahead < 5 and not is_over:
                self._hold(booking, with_patient=ahead == 1)
            else:
                self._take_places(booking, likely=0.7 - 0.05 * ahead)

    def _doctor(self, nth: int, day: date, slot: Slot) -> str:
        """Return the id of who works then: one in the morning, another in the afternoon."""
        doctors = list(self.group.doctors)
        return doctors[(day.toordinal() + nth + (slot.wall >= _LUNCH)) % len(doctors)]

    def _clashes(
        self, location: Location, nth: int, day: date, slot: Slot, there: list[Booking]
    ) -> bool:
        start = walltime.occurrence(day, slot.wall, location.zone)
        doctor_id, end = self._doctor(nth, day, slot), start + timedelta(minutes=slot.length)
        return any(
            location.pk == each.location_id or doctor_id == each.doctor_id
            for each in there
            if each.start_datetime is not None
            and start < each.start_datetime + timedelta(minutes=each.length)
            and each.start_datetime < end
        )

    def _publish(self, location: Location, nth: int, day: date, slot: Slot, places: int) -> Booking:
        start = walltime.occurrence(day, slot.wall, location.zone)
        fields: Fields = {
            "location_id": location.pk,
            "doctor_id": self._doctor(nth, day, slot),
            "start_datetime": start,
            "length": slot.length,
            "total_appointments": places,
        }
        then = min(start, self.now) - PUBLISHED_BEFORE
        return bookings.publish(fields=fields, by=self.owner, now=then)

    @contextmanager
    def _changed(self, booking: Booking, taker: str, then: datetime) -> Iterator[LockedBooking]:
        """Change an opening at a past time; saved at the end of the block."""
        locked = LockedBooking(booking, by=self.by[taker], now=walltime.milliseconds(then))
        locked.notice = Notice(by_mail=False)  # nobody is there to read it
        yield locked
        locked.save()

    def _hold(self, booking: Booking, *, with_patient: bool) -> None:
        # By staff, so that a partner's whole limit of holds can be tried out.
        with self._changed(booking, "", self.now) as locked:
            if with_patient:
                locked.take(AppointmentStatus.PENDING, next(self.patients))
            else:
                locked.take_whole(Status.PENDING)

    def _take_places(self, booking: Booking, *, likely: float) -> None:
        """Give each place of an opening to a patient, or not; seldom to nobody by name."""
        if self.random.random() < _WITHOUT_PATIENT:
            taker = self.random.choice(self.takers)
            with self._changed(booking, taker, self._asked(booking)) as locked:
                locked.take_whole(Status.BOOKED)
            return
        coming = [
            next(self.patients)
            for _ in range(booking.total_appointments)
            if self.random.random() < likely
        ]
        asked = sorted(self._asked(booking) for _ in coming)
        assert booking.start_datetime is not None
        waits = booking.start_datetime > self.now and self.random.random() < _WAITS
        taken = [
            self._take(booking, *each, waits=waits) for each in zip(coming, asked, strict=True)
        ]
        for visit, taker in taken:
            self._end(booking, visit, taker)

    def _asked(self, booking: Booking) -> datetime:
        """Return when a patient asked for an opening: days before its time, or before now."""
        assert booking.start_datetime is not None
        latest = min(booking.start_datetime, self.now)
        return latest - timedelta(days=self.random.uniform(1.5, 15))

    def _take(
        self, booking: Booking, patient: Patient, asked: datetime, *, waits: bool = False
    ) -> tuple[Appointment, str]:
        """Take a place for a patient; return the visit, and who took it.

        waits: for the exact time, in a practice with range bookings.
        """
        assert booking.start_datetime is not None
        taker = self.random.choice(_TAKEN_BY[self.name])
        if not taker and self.pages_random.random() < _BY_THEMSELVES:
            taker = _PAGE
        status, exact = AppointmentStatus.BOOKED, None
        if self.group.kind == Kind.RANGE and waits:
            status = AppointmentStatus.RESERVED
            # An office that promises a time within a day seldom leaves anybody waiting for weeks.
            asked = self.now - (self.now - asked) / 8
        elif self.group.kind == Kind.RANGE:
            exact = booking.start_datetime + timedelta(minutes=15 * self.random.randrange(3))
        with self._changed(booking, taker, asked) as locked:
            origin = self._origin() if taker == _PAGE else {}
            visit = locked.take(status, patient, exact, **origin)
        begins = visit.exact_time
        if begins and taker == _PAGE and self.pages_random.random() < _SAY_THEY_COME:
            then = max(asked, min(begins, self.now) - _A_DAY)
            with self._changed(booking, _PAGE, then) as locked:
                locked.revise(locked.appointment(visit.pk), confirmed_at=locked.now)
        return visit, taker

    def _tell(self, visit: Appointment) -> None:
        """Record what became of the mail of a visit; nothing is sent."""
        told = people.MAIL.get(visit.unread_person.email, ())
        for nth, (kind, outcome, reason) in enumerate(told):
            if nth > 0 and visit.exact_time is None:
                continue  # nobody is reminded of a visit without a time
            Delivery.objects.create(
                appointment=visit,
                kind=kind or visit.status,
                outcome=outcome,
                reason=reason,
                at=min(visit.created_at + nth * _A_DAY, self.now),
            )

    def _origin(self) -> dict[str, Any]:
        """Return what the booking page knows of a visit besides the patient."""
        source, said = self.pages_random.choice(_ORIGINS)
        partner = self.partners.get(source)
        return {
            "group_id": new_id(),
            "language": self.pages_random.choice(Language.values),
            "source": partner.pk if partner else source or None,
            "attribution": said or None,
        }

    def _end(self, booking: Booking, visit: Appointment, taker: str) -> None:
        """Say whether a patient came, or cancel the visit, in the mix that a practice has."""
        begins = visit.exact_time
        if begins is None or begins > self.now:
            if self.random.random() < _CANCELLED:
                self._cancel(booking, visit, max(self.now - _A_DAY, visit.created_at))
            return
        # Of today and yesterday the office has not marked everybody yet.
        is_recent = begins > self.now - 1.5 * _A_DAY
        if begins > self.now - _A_WHILE or (is_recent and self.random.random() < 0.5):
            return
        attendance = self.random.choice(_CAME_BY_PHONE if taker == "other_partner" else _CAME)
        if attendance == Attendance.UNKNOWN:
            self._cancel(booking, visit, begins - _A_DAY)
        elif attendance == Attendance.LATE_CANCEL:
            self._cancel(booking, visit, begins - 2 * _A_WHILE, late=True)
        else:
            with self._changed(booking, "", begins + _A_WHILE) as locked:
                locked.revise(locked.appointment(visit.pk), attendance=attendance)

    def _cancel(
        self, booking: Booking, visit: Appointment, then: datetime, *, late: bool = False
    ) -> None:
        with self._changed(booking, "", then) as locked:
            known = locked.appointment(visit.pk)
            locked.move(known, AppointmentStatus.CANCELLED)
            attendance = Attendance.LATE_CANCEL if late else Attendance.UNKNOWN
            locked.revise(known, attendance=attendance)
            locked.set_patient(known, {"cancel_reason": self.random.choice(_REASONS)})

    def _publish_weekly(self, location: Location) -> None:
        """Publish one series, on Saturday mornings, unless the location has one."""
        if Booking.objects.filter(location=location, recurring=True).exists():
            return
        today = walltime.wall_clock(self.now, location.zone).date()
        after_tomorrow = today + timedelta(days=2)
        saturday = after_tomorrow + timedelta(days=(5 - after_tomorrow.weekday()) % 7)
        fields: Fields = {
            "location_id": location.pk,
            "doctor_id": next(iter(self.group.doctors)),
            "start_datetime": walltime.occurrence(saturday, time(9, 30), location.zone),
            "length": 60,
            "total_appointments": 2,
            "recurring": True,
        }
        bookings.publish(fields=fields, by=self.owner, now=self.now)
