"""Deliveries: what became of the mail about a visit."""

from datetime import datetime

from bookings import walltime
from bookings.models import Delivery, Outcome, Task


def of(
    task: Task, outcome: Outcome, reason: str = "", *, at: datetime | None = None
) -> list[Delivery]:
    """Return what to save when a task ends; nothing of a task that is not about a visit.

    at: of one that was sent, the instant as of which the mail told of the visit; by default now.
    """
    if task.appointment is None:
        return []
    return [
        Delivery(
            appointment=task.appointment,
            kind=task.kind,
            outcome=outcome,
            reason=reason,
            at=at or walltime.now(),
        )
    ]
