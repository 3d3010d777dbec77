"""Tasks for tests of the queue: of a practice's patients, or of periodic work."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now

from bookings.models import Appointment, Queue, Task, TaskKind
from bookings.scheduling import appointments
from tests.factories import NOON, Scene

ADDRESS = "ada@example.org"


def visit(scene: Scene, **values: Any) -> Appointment:
    """Book a place; its task "booked" is saved with it."""
    booking = scene.booking(**values)
    fields: Any = {"status": "booked", "first_name": "Ada", "phone": "555 0100", "email": ADDRESS}
    return appointments.take(booking_id=booking.pk, fields=fields, by=scene.actor, now=NOON)


def task(appointment: Appointment | None = None, **values: Any) -> Task:
    """Save a task of the queue of mail that has been due since NOON."""
    made: dict[str, Any] = {
        "queue_name": Queue.MAIL,
        "kind": TaskKind.BOOKED,
        "appointment": appointment,
        "run_after": NOON,
        "enqueued_at": NOON,
    }
    return Task.objects.create(**made | values)


def expire(claimed: Task) -> None:
    """End a lease, by the database's clock, as if its worker had died five minutes ago."""
    Task.objects.filter(pk=claimed.pk).update(lease_until=Now() - timedelta(seconds=1))


def stored(one: Task) -> Task:
    return Task.objects.get(pk=one.pk)


def seconds_until(one: Task, since: datetime) -> float:
    return (stored(one).run_after - since).total_seconds()
