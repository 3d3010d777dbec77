"""Unit of work on a booking whose row is locked: status, counts, appointments, audit events.

Statuses, counts and holds are written only here, in one transaction with the events that record the
change (contract, section 1). Places taken by a status of the whole booking are a count on the
booking, with one owner and one hold; a patient's place is an appointment.
"""

from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction

from bookings.models import TAKEN, Appointment, AppointmentStatus, Booking, Status, Task
from bookings.patients.record import Patient
from bookings.scheduling import feed, holds, outbox, saving
from bookings.scheduling.actors import CLOCK, Actor
from bookings.scheduling.audit import WHEREABOUTS, AuditTrail, whereabouts
from bookings.scheduling.saving import Unsaved
from openchair.database import writes
from openchair.database.compiled import pipeline
from openchair.serving import metrics

_CANCELLED = AppointmentStatus.CANCELLED


class MovedAway(Exception):
    """A race: the appointment is in another booking than the one that was locked for it."""


class LockedBooking:
    """A booking with its row locked, or a new one. Make every change through it, then save once."""

    def __init__(self, booking: Booking, *, by: Actor, now: datetime) -> None:
        self.booking = booking
        self.by = by
        self.now = now
        self._row = writes.snapshot(booking)
        booking.shown_as = ""  # the stored JSON is of the row as it was
        self._is_new = booking._state.adding
        self._audit = AuditTrail(booking, now)
        self._known: dict[str, Appointment] = {}
        self._rows: dict[str, dict[str, Any]] = {}
        self._knows_held = booking.places_pending == booking.whole_pending
        self._made: list[Appointment] = []
        self._changed: dict[str, Appointment] = {}
        self._claims = self._holds_more = False
        self.was_free, self.lapsed = booking.free_places, 0
        self.notice = outbox.BY_MAIL
        self._tasks: list[Task] = []

    @property
    def counted_for(self) -> str | None:
        """The partner whose holds saving counts, and whom it locks for that; None: nobody's."""
        return self.by.partner_id if self._holds_more else None

    @property
    def status_before(self) -> str:
        """The status after `expire_holds`, before any change; of a new booking, its first one."""
        return self._audit.before.get("status") or self.settle()

    def settle(self) -> str:
        """Recompute the status from fields and places, and return it."""
        self.booking.status = self.booking.status_by_places
        return self.booking.status

    def close(self) -> None:
        """Set the status to closed; its places have to be free."""
        self.booking.status = Status.CLOSED

    # Patients' appointments --------------------------------------------------------------------

    def appointment(self, appointment_id: str) -> Appointment:
        """Return an appointment of this booking in any status. Raises MovedAway."""
        known = self._known.get(appointment_id)
        if known is not None:
            return known
        try:
            return self._know(self.booking.appointments.get(pk=appointment_id))
        except Appointment.DoesNotExist:
            raise MovedAway from None

    def _know(self, row: Appointment) -> Appointment:
        """Return the one instance of a row, which may have unsaved changes."""
        self._rows.setdefault(row.pk, writes.snapshot(row))
        return self._known.setdefault(row.pk, row)

    def take(
        self, status: str, patient: Patient, start_datetime: datetime | None = None, **said: Any
    ) -> Appointment:
        """Take a free place for a patient.

        said: group_id, language, source, attribution, and of an offer pending_until.
        """
        appointment = self._appointment(status, patient, start_datetime, **said)
        self._begin(appointment, "", status)
        self._made.append(appointment)
        return appointment

    def name_patient(
        self, status: str, patient: Patient, start_datetime: datetime | None = None
    ) -> Appointment:
        """Turn one of the whole booking's places of this status into an appointment.

        A held one ends when the hold of the whole booking does.
        """
        booking = self.booking
        appointment = self._appointment(status, patient, start_datetime)
        if status == AppointmentStatus.PENDING:
            appointment.held_since = booking.whole_held_since
            appointment.pending_until = booking.whole_pending_until
        self._move_whole(status, "", 1)
        self._count("", status)
        self._made.append(appointment)
        self._audit.note_appointment(appointment, self.by, self.now, "", status)
        self._settle_holds()
        return appointment

    def _appointment(
        self, status: str, patient: Patient, start_datetime: datetime | None, **said: Any
    ) -> Appointment:
        made = Appointment(
            booking=self.booking,
            status=status,
            start_datetime=start_datetime,
            partner_id=self.by.partner_id,
            created_at=self.now,
            updated_at=self.now,
            **said,
        )
        made.person = patient
        return self._know(made)

    def retake(self, appointment: Appointment, status: str) -> None:
        """Take a free place again for an expired appointment."""
        self._begin(appointment, appointment.status, status)

    def _begin(self, appointment: Appointment, was: str, status: str, **said: Any) -> None:
        if AppointmentStatus.PENDING == status != was:
            appointment.held_since = self.now
            until = appointment.pending_until or holds.ends(self.now, self.now, self.by)
            appointment.pending_until = until
            self._holds_more = True
        appointment.status = status
        self._claims = True
        self._count("", status)
        self._note(appointment, was, **said)
        self._settle_holds()

    def move(self, appointment: Appointment, status: str) -> None:
        """Change a taken appointment's status; `cancelled` frees its place."""
        if appointment.status != status:
            self._move(appointment, status)
            self._settle_holds()

    def _move(
        self, appointment: Appointment, status: str, lapsed_at: datetime | None = None
    ) -> None:
        was, appointment.status, appointment.pending_until = appointment.status, status, None
        self._count(was, status)
        self._note(appointment, was, lapsed_at=lapsed_at)

    def give_up(self, appointment: Appointment) -> Unsaved:
        """Free the place of an appointment, if it has one, that another booking will `receive`."""
        self._held()  # now: afterwards it would read the row, which still says that it is here
        self._count(appointment.status, "")
        del self._known[appointment.pk]
        self._changed.pop(appointment.pk, None)
        self._settle_holds()
        return Unsaved(self._rows.pop(appointment.pk), self._audit.give_up(appointment))

    def receive(
        self,
        appointment: Appointment,
        unsaved: Unsaved,
        status: str,
        start_datetime: datetime | None,
    ) -> None:
        """Take a free place for an appointment that its booking gave up; a hold stays what it is.

        start_datetime: its exact time here, of one that is booked in a range booking.
        """
        self._held()
        self._known[appointment.pk], self._rows[appointment.pk] = appointment, unsaved.row
        self._audit.events += unsaved.events
        was = whereabouts(appointment)
        appointment.booking, appointment.start_datetime = self.booking, start_datetime
        now = whereabouts(appointment)
        moved = {name: (was[name], now[name]) for name in was if was[name] != now[name]}
        self._begin(appointment, appointment.status, status, **moved)

    def revise(self, appointment: Appointment, **values: Any) -> None:
        """Set start_datetime (the exact time), attendance, language, confirmed_at or external_*."""
        said = {name: (getattr(appointment, name), value) for name, value in values.items()}
        changed = {name: (was, value) for name, (was, value) in said.items() if was != value}
        for name, (_, value) in changed.items():
            setattr(appointment, name, value)
        if changed:
            self._note(appointment, appointment.status, **changed)

    def set_patient(self, appointment: Appointment, said: dict[str, str]) -> None:
        """Change a patient's data; the event has the names of the fields, not their values."""
        known = appointment.unread_person
        changed = {name: value for name, value in said.items() if getattr(known, name) != value}
        if changed:
            appointment.person = known._replace(**changed)
            self._note(appointment, appointment.status, patient_fields=sorted(changed))

    def renew(self, appointment: Appointment) -> None:
        """Extend a hold, but to no later than HOLD_MAX_SECONDS after it was first taken."""
        until = self._renewed(appointment.held_since, appointment.pending_until)
        if until != appointment.pending_until:
            self.revise(appointment, pending_until=until)
            self._settle_holds()

    def _renewed(self, since: datetime | None, until: datetime | None) -> datetime:
        assert since is not None
        assert until is not None
        return max(until, holds.ends(self.now, since, self.by))

    def _note(
        self, appointment: Appointment, was: str, *, lapsed_at: Any = None, **said: Any
    ) -> None:
        """Add an event of an appointment that changed. was: its status before."""
        by, instant = (self.by, self.now) if lapsed_at is None else (CLOCK, lapsed_at)
        status, appointment.updated_at = appointment.status, instant
        # What was said of another time or place; by the practice's own system of another doctor.
        if not said.keys().isdisjoint({"start_datetime", "location_id"}):
            appointment.confirmed_at = None
        if was != _CANCELLED and (status == _CANCELLED or not said.keys().isdisjoint(WHEREABOUTS)):
            appointment.external_status = appointment.external_reason = None
        self._audit.note_appointment(appointment, by, instant, was, status, **said)
        self._changed[appointment.pk] = appointment

    # The whole booking -------------------------------------------------------------------------

    def take_whole(self, status: str) -> None:
        """Hold or take every free place, and raise the whole booking's places in earlier statuses.

        More places join an existing hold, which ends as a whole. The actor's partner then owns all
        of them. Raises LimitReached where these alone are more than a partner may hold.
        """
        booking, free = self.booking, max(0, self.booking.free_places)
        if status == AppointmentStatus.PENDING:
            if self.by.partner_id is not None:
                holds.check_size(free)
            self.renew_whole()
        earlier = TAKEN[: TAKEN.index(AppointmentStatus(status))]
        moved = [(was, self.whole(was)) for was in earlier]
        for was, count in [*moved, ("", free)]:
            self._move_whole(was, status, count)
            if count:
                booking.whole_partner_id = self.by.partner_id
        self._claims = self._claims or bool(free)
        if status == AppointmentStatus.PENDING and free:
            self._holds_more = True
            booking.whole_held_since = booking.whole_held_since or self.now
            until = holds.ends(self.now, booking.whole_held_since, self.by)
            booking.whole_pending_until = max(booking.whole_pending_until or until, until)
        self._settle_holds()

    def renew_whole(self) -> None:
        """Extend the hold of the whole booking, if it has one, as `renew` does."""
        booking = self.booking
        if booking.whole_pending:
            booking.whole_pending_until = self._renewed(
                booking.whole_held_since, booking.whole_pending_until
            )
            self._settle_holds()

    def give_back_whole(self) -> None:
        """Free the places that the whole booking holds or has taken; appointments stay."""
        for status in TAKEN:
            self._move_whole(status, "", self.whole(status))
        self._settle_holds()

    def whole(self, status: str) -> int:
        """Return how many places the whole booking has in this status, without a patient."""
        return int(getattr(self.booking, f"whole_{status}"))

    def _move_whole(self, was: str, status: str, count: int) -> None:
        self._count(was, status, count)
        self._count(was, status, count, of="whole")

    # Holds and counts --------------------------------------------------------------------------

    def expire_holds(self) -> None:
        """Expire holds that have ended, with events dated when each ended."""
        booking = self.booking
        while (instant := booking.pending_until) is not None and instant <= self.now:
            for appointment in self._held():
                if appointment.pending_until == instant:
                    self._move(appointment, AppointmentStatus.EXPIRED, instant)
                    self.lapsed += 1
            if booking.whole_pending_until == instant:
                self.lapsed += booking.whole_pending
                self._move_whole(AppointmentStatus.PENDING, "", booking.whole_pending)
            self._settle_holds()
            self._audit.note_booking(CLOCK, instant)

    def _held(self) -> list[Appointment]:
        """Return the appointments on hold, with unsaved changes; queries at most once."""
        if self.booking.places_pending == self.booking.whole_pending:
            return []
        if not self._knows_held:
            self._knows_held = True
            for row in holds.IN_BOOKING.all(booking_id=self.booking.pk):
                row.booking = self.booking
                self._know(row)
        return [one for one in self._known.values() if one.status == AppointmentStatus.PENDING]

    def _count(self, was: str, status: str, count: int = 1, *, of: str = "places") -> None:
        """Move a count between statuses, in `places_*` or, of="whole", in `whole_*`."""
        for one, change in ((was, -count), (status, count)):
            if one in TAKEN:
                name = f"{of}_{one}"
                setattr(self.booking, name, getattr(self.booking, name) + change)

    def _settle_holds(self) -> None:
        """Recompute what depends on the counts: owner, end of the first hold, status."""
        booking = self.booking
        if not booking.whole_pending:
            booking.whole_held_since = booking.whole_pending_until = None
        if not booking.whole_taken:
            booking.whole_partner_id = None
        until = [booking.whole_pending_until, *(one.pending_until for one in self._held())]
        booking.pending_until = min((one for one in until if one is not None), default=None)
        self.settle()

    # Saving ------------------------------------------------------------------------------------

    def save(self) -> Booking:
        """Save the booking, its appointments, the events and the mail they call for, if any.

        Raises LimitReached where the partner now holds more than HOLDS_PER_PARTNER.
        """
        self.settle()
        self._note_patients()
        self._audit.note_booking(self.by, self.now)
        if not self._audit.events:
            return self.booking
        self._tasks = outbox.tasks(self._audit.events, self.notice, self.now)
        for task in self._tasks:
            if task.with_words and task.appointment is not None:
                self.set_patient(task.appointment, {"words": self.notice.words})
        if self.counted_for is not None:
            self._save_counted(self.counted_for)
        else:
            feed.write(self._audit.events, **self._changes())()
        if self._claims and not self._is_new and self.by != CLOCK:  # publishing is no claim
            transaction.on_commit(partial(metrics.claim, won=True))
        transaction.on_commit(partial(metrics.holds_lapsed, self.lapsed))
        return self.booking

    def _save_counted(self, partner_id: str) -> None:
        """Save, and check the limit of places that the partner may hold."""
        # Closed whatever happens: on SQLite an open cursor keeps its connection's old snapshot.
        with connection.cursor() as counted:
            with pipeline():
                holds.count_elsewhere(counted, partner_id, self.now, booking_id=self.booking.pk)
                number_events = feed.write(self._audit.events, **self._changes())
            number_events()
            (live,) = counted.fetchone()
        holds.check(live + self._held_by(partner_id), partner_id, self.now)

    def _held_by(self, partner_id: str) -> int:
        """Return how many places of this booking the partner holds."""
        booking = self.booking
        ours = sum(one.partner_id == partner_id for one in self._held())
        return ours + booking.whole_pending * (booking.whole_partner_id == partner_id)

    def _changes(self) -> dict[str, writes.Statement]:
        """Return the statements that save the booking and its appointments."""
        changes = saving.of_appointments(self._made, self._changed.values(), self._rows)
        # A change of an appointment alone is none of the booking, which all partners see.
        if self._audit.is_of_booking:
            before = None if self._is_new else self._row
            changes = saving.of_booking(self.booking, before, self._audit.latest) | changes
        if self._tasks:
            changes["tasks"] = writes.insert(self._tasks)
        return changes

    def _note_patients(self) -> None:
        """Add an event to each appointment if the booking's time, location or doctor changed."""
        moved = self._audit.changed(*WHEREABOUTS)
        if moved:
            # Cancelled and expired ones too: the API returns the booking's time with them.
            for row in self.booking.appointments.all():
                known, said = self._know(row), moved
                if known.start_datetime is not None and "start_datetime" in moved:
                    # Its own exact time stays, which mail, history and confirmation go by.
                    said = {**moved, "opening_datetime": moved["start_datetime"]}
                    del said["start_datetime"]
                self._note(known, known.status, **said)
