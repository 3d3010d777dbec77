"""Deliveries: what became of the mail about a visit."""

from bookings import walltime
from bookings.models import Delivery, Outcome, Task


def of(task: Task, outcome: Outcome, reason: str = "") -> list[Delivery]:
    """Return what to save when a task ends; nothing of a task that is not about a visit."""
    if task.appointment is None:
        return []
    return [
        Delivery(
            appointment=task.appointment,
            kind=task.kind,
            outcome=outcome,
            reason=reason,
            at=walltime.now(),
        )
    ]
