"""Statements that save a booking, its appointments, and the terms that these are found by."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from bookings import representation
from bookings.models import TAKEN, Appointment, Booking, Event, Status
from bookings.patients import record, terms
from bookings.scheduling.audit import WHEREABOUTS
from openchair.database import writes
from openchair.database.writes import Statement


class Unsaved(NamedTuple):
    """What goes with an appointment that moves, to be saved with the booking to which it goes.

    row: its columns as they are in the database. events: what happened to it in this change.
    """

    row: dict[str, Any]
    events: list[Event]


def of_booking(
    booking: Booking, before: dict[str, Any] | None, latest: datetime
) -> dict[str, Statement]:
    """Return what saves a booking. before: its row, None of a new one. latest: its last event."""
    # Machines' clocks differ; updated_at must not go back, or a sync by it would miss changes.
    booking.updated_at = latest if before is None else max(latest, booking.updated_at)
    if _is_freed(booking, before):
        booking.freed_at = booking.updated_at
    representation.write(booking)
    if before is None:
        return {"booking": writes.insert([booking])}
    names = writes.changed(booking, since=before) or ("updated_at",)
    return {"booking": writes.update([booking], names)}


def _is_freed(booking: Booking, before: dict[str, Any] | None) -> bool:
    """Whether there is more free than before, or what is free is of another time or place."""
    if booking.status != Status.OPEN:
        return False
    if before is None or before["status"] != Status.OPEN:
        return True
    was_free = before["total_appointments"] - sum(before[f"places_{each}"] for each in TAKEN)
    return booking.free_places > was_free or any(
        getattr(booking, name) != before[name] for name in WHEREABOUTS
    )


def of_appointments(
    made: Sequence[Appointment],
    changed: Iterable[Appointment],
    before: Mapping[str, dict[str, Any]],
) -> dict[str, Statement]:
    """Return what saves new and changed appointments. before: the rows as they were, by id."""
    statements = {"made": writes.insert(made)} if made else {}
    edited = [one for one in changed if one not in made]
    for nth, (names, rows) in enumerate(_alike(edited, before)):
        statements[f"changed_{nth}"] = writes.update(rows, names)
    found_anew = [one for one in edited if _is_found_anew(one, before[one.pk])]
    return statements | terms.saving(made, found_anew)


def _alike(
    changed: Iterable[Appointment], before: Mapping[str, dict[str, Any]]
) -> list[tuple[tuple[str, ...], list[Appointment]]]:
    """Group the changed appointments that one UPDATE can save, with the columns it writes.

    Only columns that changed: key rotation may have re-encrypted a patient meanwhile.
    """
    alike: dict[tuple[tuple[str, Any], ...], list[Appointment]] = {}
    for one in changed:
        names = writes.changed(one, since=before[one.pk])
        said = tuple((name, getattr(one, name)) for name in names)
        alike.setdefault(said, []).append(one)
    return [(tuple(name for name, _ in said), rows) for said, rows in alike.items() if said]


def _is_found_anew(appointment: Appointment, before: dict[str, Any]) -> bool:
    """Whether it is found by something else than before, or by digests with another key."""
    if appointment.patient == before["patient"]:
        return False
    if appointment.patient_key != before["patient_key"]:
        return True
    practice_id, known = appointment.booking.practice_id, record.read(before["patient"])
    return terms.of(known, practice_id) != terms.of(appointment.unread_person, practice_id)
