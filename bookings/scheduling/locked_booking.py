"""A booking under change: its row locked, its places at hand, its record written with it.

Statuses, counts and holds are written here, and nowhere else, together with the events that tell of
it (contract, section 1).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import transaction

from bookings import representation
from bookings.models import (
    SEALED,
    TAKEN,
    Appointment,
    Booking,
    Event,
    PlaceStatus,
    Status,
)
from bookings.patients.record import Patient
from bookings.scheduling import feed, holds
from bookings.scheduling.actors import CLOCK, Actor
from openchair.database import writes
from openchair.database.compiled import CompiledQuery
from openchair.database.execute import pipeline
from openchair.serving import metrics

AUDITED = (
    "status",
    "length",
    "recurring",
    "start_datetime",
    "location_id",
    "doctor_id",
    "total_appointments",
    "places_pending",
    "places_reserved",
    "places_booked",
    "pending_until",
)


SAVED = (
    "status",
    "held_since",
    "pending_until",
    "start_datetime",
    "updated_at",
)
"""What of a place can change after it was taken, but for what is known of its patient."""


_TAKEN_IN = CompiledQuery(
    lambda booking_id: Appointment.objects.filter(booking_id=booking_id, status__in=TAKEN).order_by(
        "created_at", "id"
    ),
    booking_id=str,
)


def status_of(booking: Booking) -> str:
    """Add a status up from the places (contract, section 1); the database holds the same rule."""
    if booking.status == Status.CLOSED:
        return Status.CLOSED
    if booking.free_places > 0 and booking.start_datetime is not None:
        return Status.OPEN
    fixed = booking.places_reserved + booking.places_booked
    if booking.places_pending or (booking.start_datetime is None and not fixed):
        return Status.PENDING
    return Status.RESERVED if booking.places_reserved else Status.BOOKED


class Opening:
    """A booking under change: locked, with the places that are taken in it.

    Change the booking's fields and its places through this, then save once.
    """

    def __init__(self, booking: Booking, *, by: Actor, now: datetime) -> None:
        self.booking = booking
        self.by = by
        self.now = now
        self._row = writes.snapshot(booking)
        booking.shown = None  # it tells of the row as it was
        self._is_new = booking._state.adding
        self._before = {} if self._is_new else self._audited()
        self._instant = now
        self._events: list[Event] = []
        self._made: list[Appointment] = []
        self._moved: dict[str, Appointment] = {}
        self._resealed: set[str] = set()
        untouched = self._is_new or booking.free_places == booking.total_appointments
        self.places: list[Appointment] = [] if untouched else _TAKEN_IN.all(booking_id=booking.pk)
        for place in self.places:
            place.booking = booking

    @property
    def status_before(self) -> str:
        """Say the status as it was found, lapsed holds expired; of a new one, what it begins as."""
        return self._before.get("status") or self.settle()

    def _audited(self) -> dict[str, Any]:
        return {name: getattr(self.booking, name) for name in AUDITED}

    def place(self, appointment_id: str) -> Appointment:
        """Find a place in this opening, one that was given up too."""
        for place in [*self.places, *self._moved.values()]:
            if place.pk == appointment_id:
                return place
        return self.booking.appointments.get(pk=appointment_id)

    def take(
        self,
        count: int,
        status: str,
        *,
        patient: Patient | None = None,
        start_datetime: datetime | None = None,
    ) -> list[Appointment]:
        """Take so many free places, for the whole opening or, with a patient, for one.

        Raises LimitReached where these are more than a partner may ever hold.
        """
        if status == PlaceStatus.PENDING and self.by.partner_id is not None:
            holds.check_size(count)
        taken = [
            Appointment(
                booking=self.booking,
                status=status,
                has_patient=patient is not None,
                start_datetime=start_datetime,
                partner_id=self.by.partner_id,
                created_at=self.now,
                updated_at=self.now,
            )
            for _ in range(count)
        ]
        for place in taken:
            if patient is not None:
                place.person = patient
            self._begin(place, "", status)
        self._made += taken
        self.places += taken
        self._count()
        return taken

    def retake(self, place: Appointment, status: str) -> None:
        """Let a place that was given up take one of the free ones again."""
        self._begin(place, place.status, status)
        self._moved[place.pk] = place
        self.places.append(place)
        self._count()

    def _begin(self, place: Appointment, was: str, status: str) -> None:
        if status == PlaceStatus.PENDING:
            place.held_since = self.now
            place.pending_until = holds.ends(self.now, self.now)
        place.status = status
        place.updated_at = self.now
        self._record(place, was, status, self.now)

    def move(self, places: Iterable[Appointment], status: str) -> None:
        """Move taken places to another status; cancelled and expired ones are free again."""
        for place in list(places):
            instant = self.now
            if status == PlaceStatus.EXPIRED and place.pending_until is not None:
                instant = place.pending_until
            if place.status == status:
                continue
            self._record(place, place.status, status, instant)
            place.status = status
            place.pending_until = None
            place.updated_at = instant
            self._moved[place.pk] = place
        self.places = [place for place in self.places if place.status in TAKEN]
        self._count()

    def set_time(self, place: Appointment, start: datetime | None) -> None:
        """Change a place's exact time."""
        if place.start_datetime != start:
            was, place.start_datetime = place.start_datetime, start
            self._revised(place, start_datetime=(was, start))

    def set_patient(self, place: Appointment, said: dict[str, str]) -> None:
        """Change what is known of a patient; the record tells which fields, not what is in them."""
        known = place.unread_person
        changed = {name: value for name, value in said.items() if getattr(known, name) != value}
        if changed:
            place.person = known._replace(**changed)
            self._resealed.add(place.pk)
            self._revised(place, patient_fields=sorted(changed))

    def _revised(self, place: Appointment, **said: Any) -> None:
        place.updated_at = self.now
        self._record(place, place.status, place.status, self.now, **said)
        self._moved[place.pk] = place

    def renew(self, places: Iterable[Appointment]) -> None:
        """Let holds end later, but no later than HOLD_MAX_SECONDS after they were first taken."""
        for place in places:
            assert place.held_since is not None
            assert place.pending_until is not None
            ends = max(place.pending_until, holds.ends(self.now, place.held_since))
            if ends != place.pending_until:
                was, place.pending_until = place.pending_until, ends
                self._revised(place, pending_until=(was, ends))
        self._count()

    def expire_holds(self) -> None:
        """See holds that ended by now expired, each at its own instant."""
        held = [place for place in self.places if place.pending_until is not None]
        lapsed = [place for place in held if _pending_until(place) <= self.now]
        lapsed.sort(key=_pending_until)
        for instant, places in groupby(lapsed, key=_pending_until):
            self.move(places, PlaceStatus.EXPIRED)
            self._note_booking(CLOCK, instant)

    def close(self) -> None:
        """Delete the opening; its places have to be free."""
        self.booking.status = Status.CLOSED

    def settle(self) -> str:
        """Bring the status in line with fields and places, and say it."""
        self.booking.status = status_of(self.booking)
        return self.booking.status

    def save(self) -> Booking:
        """Write the booking, its places and the events, if anything changed.

        Raises LimitReached where the partner now holds more than it may.
        """
        self.settle()
        self._note_patients()
        self._note_booking(self.by, self.now)
        if self._events:
            # What changed of a patient's place alone is no change of the opening, which all see.
            with pipeline():
                if any(event.appointment_id is None for event in self._events):
                    self._save_booking()
                writes.insert(self._made)
                self._save_moved()
                held = self._count_holds()
                feed.write(self._events)
            if held is not None:
                held.check()
            transaction.on_commit(self._count_for_metrics)
        return self.booking

    def _count_holds(self) -> holds.Tally | None:
        holds_more = any(to == PlaceStatus.PENDING != was for was, to in self._moves())
        if not holds_more or self.by.partner_id is None:
            return None
        return holds.Tally(self.by.partner_id, self.now)

    def _moves(self) -> list[tuple[str, str]]:
        """Say which status of a place became which."""
        return [(one.from_status, one.to_status) for one in self._events if one.appointment]

    def _count_for_metrics(self) -> None:
        """Tell of a claim that won, and of holds that lapsed; publishing an opening is no claim."""
        moves = self._moves()
        if not self._is_new and any(was not in TAKEN and to in TAKEN for was, to in moves):
            metrics.claim(won=True)
        lapsed = sum(to == PlaceStatus.EXPIRED for _, to in moves)
        if lapsed:
            metrics.holds_lapsed(lapsed)

    def _save_booking(self) -> None:
        # Two machines' clocks differ, and time must not go back for who asks what changed since.
        latest = self._instant if self._is_new else max(self._instant, self.booking.updated_at)
        self.booking.updated_at = latest
        representation.write(self.booking)
        if self._is_new:
            writes.insert([self.booking])
        else:
            writes.update(self.booking, since=self._row)

    def _save_moved(self) -> None:
        """Save places that changed, those that changed alike in one statement."""
        alike: dict[tuple[tuple[str, Any], ...], list[str]] = {}
        for place in self._moved.values():
            # What is sealed may meanwhile have been sealed anew: written only where it changed.
            names = (*SAVED, *SEALED) if place.pk in self._resealed else SAVED
            values = tuple((name, getattr(place, name)) for name in names)
            alike.setdefault(values, []).append(place.pk)
        for values, ids in alike.items():
            Appointment.objects.filter(pk__in=ids).update(**dict(values))

    def _count(self) -> None:
        """Let the booking carry the counts of its places."""
        counts = Counter(place.status for place in self.places)
        self.booking.places_pending = counts[PlaceStatus.PENDING]
        self.booking.places_reserved = counts[PlaceStatus.RESERVED]
        self.booking.places_booked = counts[PlaceStatus.BOOKED]
        ends = [place.pending_until for place in self.places if place.pending_until is not None]
        self.booking.pending_until = min(ends, default=None)
        self.settle()

    def _note_patients(self) -> None:
        """Record for each patient in it that the opening is at another time, place or doctor."""
        moved = {
            name: (self._before[name], getattr(self.booking, name))
            for name in ("start_datetime", "location_id", "doctor_id")
            if name in self._before and self._before[name] != getattr(self.booking, name)
        }
        if not moved:
            return
        # Those that were given up show the opening's time and place as well.
        at_hand = {place.pk: place for place in [*self._moved.values(), *self.places]}
        for row in self.booking.appointments.filter(has_patient=True):
            place = at_hand.get(row.pk, row)
            if place not in self._made:
                place.updated_at = self.now
                self._record(place, place.status, place.status, self.now, **moved)
                self._moved[place.pk] = place

    def _note_booking(self, by: Actor, instant: datetime) -> None:
        """Record how the booking itself changed since it was last noted, if it did."""
        after = self._audited()
        changes = {
            name: [_as_json(self._before.get(name)), _as_json(value)]
            for name, value in after.items()
            if name != "status" and self._before.get(name) != value
        }
        was = self._before.get("status", "")
        if changes or was != after["status"]:
            self._events.append(self._event(by, instant, was, after["status"], changes))
            self._instant = instant
        self._before = after

    def _record(
        self, place: Appointment, was: str, status: str, instant: datetime, **changes: Any
    ) -> None:
        by = CLOCK if status == PlaceStatus.EXPIRED else self.by
        said = {name: [_as_json(value) for value in pair] for name, pair in changes.items()}
        event = self._event(by, instant, was, status, said)
        event.appointment = place
        self._events.append(event)

    def _event(
        self, by: Actor, instant: datetime, was: str, status: str, changes: dict[str, Any]
    ) -> Event:
        return Event(
            at=instant,
            practice_id=self.booking.practice_id,
            booking=self.booking,
            actor=by.kind,
            api_key_id=by.api_key_id,
            user_id=by.user_id,
            from_status=was,
            to_status=status,
            changes=changes,
        )


def _pending_until(place: Appointment) -> datetime:
    assert place.pending_until is not None
    return place.pending_until


def _as_json(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
