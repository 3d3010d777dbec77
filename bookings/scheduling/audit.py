"""Audit events of one change of a booking and its appointments (contract, section 4)."""

from datetime import datetime
from typing import Any

from bookings.models import Appointment, Booking, Event
from bookings.scheduling.actors import Actor

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
    "whole_pending",
    "whole_reserved",
    "whole_booked",
    "whole_pending_until",
)
"""The booking's fields whose changes are in its events."""
WHEREABOUTS = ("start_datetime", "location_id", "doctor_id")
"""The fields by which a visit is when it is, where, and with whom."""
_IN_WORDS = {"external_reason"}
"""Fields that may name a patient: events, which stay for ever, have not their values."""


class AuditTrail:
    """The events of one change, collected until they are saved.

    before: AUDITED as the last event left them; empty for a new booking.
    latest: the instant of the booking's last event, at first that of the change.
    """

    def __init__(self, booking: Booking, now: datetime) -> None:
        self._booking = booking
        self.before = {} if booking._state.adding else self._audited()
        self.latest = now
        self.events: list[Event] = []

    def _audited(self) -> dict[str, Any]:
        return {name: getattr(self._booking, name) for name in AUDITED}

    @property
    def is_of_booking(self) -> bool:
        """Whether one of the events is the booking's own."""
        return any(event.appointment_id is None for event in self.events)

    def changed(self, *names: str) -> dict[str, tuple[Any, Any]]:
        """Return what these fields were and are, for those that changed; none of a new booking."""
        return {
            name: (self.before[name], getattr(self._booking, name))
            for name in names
            if name in self.before and self.before[name] != getattr(self._booking, name)
        }

    def note_booking(self, by: Actor, instant: datetime) -> None:
        """Add an event of what changed in AUDITED since the last one, if anything did."""
        after = self._audited()
        changes = {
            name: [_as_json(self.before.get(name)), _as_json(value)]
            for name, value in after.items()
            if name != "status" and self.before.get(name) != value
        }
        was = self.before.get("status", "")
        if changes or was != after["status"]:
            self._add(by, instant, was, after["status"], changes)
            self.latest = instant
        self.before = after

    def note_appointment(
        self,
        appointment: Appointment,
        by: Actor,
        instant: datetime,
        was: str,
        status: str,
        **changes: Any,
    ) -> None:
        """Add an event of an appointment. changes: by field, what it was and is, or their names."""
        said = {
            name: [] if name in _IN_WORDS else [_as_json(value) for value in pair]
            for name, pair in changes.items()
        }
        self._add(by, instant, was, status, said).appointment = appointment

    def give_up(self, appointment: Appointment) -> list[Event]:
        """Take the events of an appointment out, and return them."""
        given = [event for event in self.events if event.appointment_id == appointment.pk]
        self.events = [event for event in self.events if event not in given]
        return given

    def _add(
        self, by: Actor, instant: datetime, was: str, status: str, changes: dict[str, Any]
    ) -> Event:
        event = Event(
            at=instant,
            practice_id=self._booking.practice_id,
            booking=self._booking,
            actor=by.kind,
            api_key_id=by.api_key_id,
            user_id=by.user_id,
            from_status=was,
            to_status=status,
            changes=changes,
        )
        self.events.append(event)
        return event


def whereabouts(appointment: Appointment) -> dict[str, Any]:
    """Return where and when an appointment is; without an exact time, the booking's time."""
    booking = appointment.booking
    return {
        "booking_id": booking.pk,
        "start_datetime": appointment.starts_at,
        "location_id": booking.location_id,
        "doctor_id": booking.doctor_id,
    }


def _as_json(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
