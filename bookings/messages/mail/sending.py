"""Sending of one mail: whether it is still true, what it says, and what became of it."""

from datetime import datetime

from bookings import walltime
from bookings.booking_page.summary import is_past
from bookings.messages import deliveries, queue
from bookings.messages.mail import message
from bookings.messages.mail.server import AddressRefused, MailServer, MessageRefused
from bookings.models import (
    BOOKED,
    Appointment,
    AppointmentStatus,
    DropReason,
    Outcome,
    Task,
    TaskKind,
    TaskStatus,
)

ABOUT_CHANGES = (
    TaskKind.BOOKED,
    TaskKind.RESERVED,
    TaskKind.TIME_GIVEN,
    TaskKind.MOVED,
    TaskKind.CANCELLED,
)
"""Of these only the newest is sent: it tells how the visit is now."""


class MailHandler:
    """Handler of the queue of mail, with the connection of its thread."""

    def __init__(self) -> None:
        self._server = MailServer()

    def run(self, task: Task) -> None:
        visit, now = _visit(task), walltime.now()
        if (reason := _why_not(task, visit, now)) is not None:
            _drop(task, reason)
            return
        try:
            mail = message.of(task, visit, now)
            if _is_overtaken(task):  # while it was read: it may tell half of the change
                _drop(task, DropReason.OVERTAKEN)
                return
            self._server.send(mail)
        except (AddressRefused, MessageRefused) as refused:
            is_address = isinstance(refused, AddressRefused)
            told = deliveries.of(task, Outcome.REFUSED if is_address else Outcome.FAILED)
            queue.finish(task, TaskStatus.FAILED, error=type(refused).__name__, records=told)
        else:
            queue.finish(task, records=deliveries.of(task, Outcome.SENT))

    def rest(self) -> None:
        self._server.close()


def _visit(task: Task) -> Appointment:
    """Read the visit as it is now, after the claim (queue._free)."""
    rows = Appointment.objects.select_related(
        "booking__location", "booking__practice__mail_settings"
    )
    return rows.get(pk=task.appointment_id)


def _drop(task: Task, reason: DropReason) -> None:
    queue.finish(task, records=deliveries.of(task, Outcome.DROPPED, reason))


def _is_overtaken(task: Task) -> bool:
    newer = Task.objects.filter(
        appointment=task.appointment_id, kind__in=ABOUT_CHANGES, pk__gt=task.pk
    )
    return task.kind in ABOUT_CHANGES and newer.exists()


def _why_not(task: Task, visit: Appointment, now: datetime) -> DropReason | None:
    """Return why a mail is not sent any more."""
    if not visit.booking.practice.active:
        return DropReason.TURNED_OFF
    if not visit.unread_person.email:
        return DropReason.NO_ADDRESS
    if _is_overtaken(task):
        return DropReason.OVERTAKEN
    is_cancelled = visit.status == AppointmentStatus.CANCELLED
    if is_cancelled != (task.kind == TaskKind.CANCELLED):
        return DropReason.OVERTAKEN
    if not is_cancelled and visit.status not in BOOKED:
        return DropReason.OVERTAKEN
    return DropReason.TOO_LATE if is_past(visit, now) else None
