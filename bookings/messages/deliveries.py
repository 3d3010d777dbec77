"""Deliveries: what became of the mail about a visit."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from bookings import walltime
from bookings.messages import queue
from bookings.models import Appointment, Delivery, DropReason, Event, Outcome, Task


def of(
    task: Task, outcome: Outcome, reason: str = "", *, at: datetime | None = None
) -> list[Delivery]:
    """Return what to save when a task ends; nothing of a task that is not about a visit.

    at: the instant as of which the mail told of the visit; by default now.
    """
    if task.appointment_id is None:
        return []
    return [
        Delivery(
            appointment_id=task.appointment_id,
            kind=task.kind,
            outcome=outcome,
            reason=reason,
            at=at or walltime.now(),
        )
    ]


def drop(task: Task, reason: DropReason) -> None:
    """End a claimed task whose mail is not sent, and say why."""
    queue.finish(task, records=of(task, Outcome.DROPPED, reason))


def refused(appointments: Iterable[Appointment]) -> set[str]:
    """Return the ids of the visits whose address a mail server has refused, with one query.

    Another address, or a mail that was sent since, clears it.
    """
    ids = [each.pk for each in appointments if each.email_digest is not None]
    if not ids:
        return set()
    of_visit = Q(appointment=OuterRef("appointment"))
    newer = Delivery.objects.filter(of_visit, outcome__in=_TRIED, pk__gt=OuterRef("pk"))
    # The text of a JSON list of names: SQLite cannot look into it.
    edited = Event.objects.filter(
        of_visit, changes__patient_fields__icontains='"email"', at__gte=OuterRef("at")
    )
    rows = Delivery.objects.filter(appointment__in=ids, outcome=Outcome.REFUSED)
    found = rows.filter(~Exists(newer), ~Exists(edited))
    return set(found.values_list("appointment_id", flat=True))


_TRIED = (Outcome.SENT, Outcome.REFUSED)
