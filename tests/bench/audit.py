"""Consistency check of a database: bookings, appointments, events and feeds, row by row.

    manage.py shell -c "from tests.bench import audit; audit.main()"

prints what is wrong, one JSON list. Nothing here trusts what the application keeps to itself about
it: counts are counted anew, and every status is what the events replay to.
"""

import json
import sys
from collections import Counter, defaultdict
from typing import Any

from bookings.models import TAKEN, Appointment, Booking, Event, Feed
from bookings.scheduling.audit import AUDITED
from openchair.api.models import KeptAnswer


def main() -> None:
    """Print what is wrong."""
    sys.stdout.write(json.dumps(flaws()))


def flaws() -> list[str]:
    """Return what is wrong, in sentences; empty if nothing is."""
    events = list(Event.objects.order_by("practice_id", "number"))
    by_subject: defaultdict[tuple[str, str | None], list[Event]] = defaultdict(list)
    for event in events:
        by_subject[event.booking_id, event.appointment_id].append(event)
    return [
        *_numbering(events),
        *_openings(by_subject),
        *_places(by_subject),
        *_kept_answers(),
    ]


def _numbering(events: list[Event]) -> list[str]:
    """Yield gaps and repetitions in each practice's feed."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        numbers[event.practice_id].append(event.number)
    newest = dict(Feed.objects.values_list("practice_id", "newest"))
    return [
        f"feed of {practice_id}: {len(found)} events, newest {newest.get(practice_id)}"
        for practice_id, found in numbers.items()
        if found != list(range(1, newest.get(practice_id, 0) + 1))
    ]


def _openings(events: dict[tuple[str, str | None], list[Event]]) -> list[str]:
    found = []
    places: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for booking_id, status in Appointment.objects.values_list("booking_id", "status"):
        places[booking_id][status] += 1
    for booking in Booking.objects.iterator():
        counts = {
            str(status): getattr(booking, f"places_{status}") - getattr(booking, f"whole_{status}")
            for status in TAKEN
        }
        if any(places[booking.pk][status] != count for status, count in counts.items()):
            found.append(f"{booking.pk}: says {counts}, has {dict(places[booking.pk])}")
        if booking.status != booking.status_by_places:
            found.append(
                f"{booking.pk}: is {booking.status}, adds up to {booking.status_by_places}"
            )
        steps = events.get((booking.pk, None), [])
        found += _chain(booking.pk, steps, booking.status)
        found += _replay(booking, steps)
    return found


def _places(events: dict[tuple[str, str | None], list[Event]]) -> list[str]:
    found = []
    for pk, booking_id, status in Appointment.objects.values_list("pk", "booking_id", "status"):
        found += _chain(pk, events.get((booking_id, pk), []), status)
    return found


def _chain(subject: str, steps: list[Event], status: str) -> list[str]:
    """Follow the events of a booking or appointment to its status."""
    reached = ""
    for event in steps:
        if event.from_status != reached:
            return [f"{subject}: event {event.number} begins at {event.from_status}, not {reached}"]
        reached = event.to_status
    return [] if reached == status else [f"{subject}: is {status}, its events end at {reached}"]


def _replay(booking: Booking, steps: list[Event]) -> list[str]:
    """Apply the events' changes of a booking's fields, and compare with the row."""
    values: dict[str, Any] = {}
    for event in steps:
        for name, (before, after) in event.changes.items():
            if values.get(name, before) != before:
                return [f"{booking.pk}: event {event.number} finds {name} {before}"]
            values[name] = after
    found = []
    for name in AUDITED:
        value = getattr(booking, name)
        told = value.isoformat() if hasattr(value, "isoformat") else value
        if name in values and values[name] != told:
            found.append(f"{booking.pk}: {name} is {told}, its events end at {values[name]}")
    return found


def _kept_answers() -> list[str]:
    """Yield stored answers about something that is not there: half of a change."""
    made = {*Booking.objects.values_list("pk", flat=True)}
    made |= {*Appointment.objects.values_list("pk", flat=True)}
    kept = KeptAnswer.objects.filter(status=201).values_list("pk", "headers")
    told = {pk: headers["Location"].rpartition("/")[2] for pk, headers in kept}
    return [f"kept answer {pk}: {one} is not there" for pk, one in told.items() if one not in made]
