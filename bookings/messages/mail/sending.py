"""Sending of one mail: whether it is still true, what it says, and what became of it."""

import time
from collections.abc import Collection
from datetime import datetime

from django.core.mail import EmailMessage
from django.db import connection

from bookings import walltime
from bookings.booking_page.summary import is_past
from bookings.messages import deliveries, queue, reminders
from bookings.messages.mail import facts, message, to_partners, to_waiting
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
from bookings.patients import codes
from bookings.scheduling import daylight, proposals
from openchair.database import failures

_INSISTS = 120.0
"""Seconds, within the task's lease."""


class MailHandler:
    """Handler of the queue of mail, with the connection of its thread."""

    def __init__(self) -> None:
        self._server = MailServer()

    def run(self, task: Task) -> None:
        # In this order: what changes after `now` is news in the next mail (facts.last_told), and
        # another address then has not been refused (deliveries.refused).
        now = walltime.now()
        if task.webhook_id is not None:
            self._tell_partner(task, now)
            return
        if task.entry_id is not None:
            self._tell_who_waits(task, now)
            return
        visit = _visit(task)
        if (reason := _why_not(task, visit, now)) is not None:
            deliveries.drop(task, reason)
            return
        if task.kind in reminders.DAYS:
            at = daylight.first(now, visit.booking.location.zone)
            if at > now:
                queue.put_off(task, at)
                return
        code = codes.of(visit) if task.kind == TaskKind.CODE else ""
        mail = message.of(task, visit, now, code)
        if _is_overtaken(task):  # while it was read: it may tell half of the change
            deliveries.drop(task, DropReason.OVERTAKEN)
            return
        self._send(task, mail, now)

    def _tell_partner(self, task: Task, now: datetime) -> None:
        mail = to_partners.of(task, now)
        if mail is None:
            queue.finish(task)
        else:
            self._send(task, mail, now)

    def _tell_who_waits(self, task: Task, now: datetime) -> None:
        if (reason := to_waiting.why_not(task, now)) is not None:
            deliveries.drop(task, reason)
        else:
            self._send(task, to_waiting.of(task, now), now)

    def _send(self, task: Task, mail: EmailMessage, now: datetime) -> None:
        try:
            self._server.send(mail)
        except (AddressRefused, MessageRefused) as refused:
            is_address = isinstance(refused, AddressRefused)
            outcome = Outcome.REFUSED if is_address else Outcome.FAILED
            told = deliveries.of(task, outcome, at=now)
            queue.finish(task, TaskStatus.FAILED, error=type(refused).__name__, records=told)
            if is_address and task.kind == TaskKind.OFFER:
                to_waiting.no_such_address(task, now)
        else:
            outcome = Outcome.WRITTEN if self._server.is_files else Outcome.SENT
            _note_sent(task, outcome, now)

    def rest(self) -> None:
        self._server.close()


def _visit(task: Task) -> Appointment:
    """Read the visit as it is now, after the claim (queue._free)."""
    rows = Appointment.objects.select_related(
        "booking__location", "booking__practice__mail_settings"
    )
    return rows.get(pk=task.appointment_id)


def _note_sent(task: Task, outcome: Outcome, now: datetime) -> None:
    """Finish the task of a mail that is out, as soon as the database can: else it goes again."""
    end = time.monotonic() + _INSISTS
    while True:
        try:
            queue.finish(task, records=deliveries.of(task, outcome, at=now))
        except failures.ERRORS as error:
            if time.monotonic() > end:
                raise
            failures.note(error)
            connection.close()
            time.sleep(1)
        else:
            return


def _is_overtaken(task: Task) -> bool:
    """Whether there is a newer mail about a change: of these only the newest is sent."""
    about_changes = message.ABOUT_CHANGES
    return task.kind in about_changes and _has_newer(task, about_changes)


def _has_newer(task: Task, kinds: Collection[str]) -> bool:
    newer = Task.objects.filter(appointment=task.appointment_id, kind__in=kinds, pk__gt=task.pk)
    return newer.exists()


def _why_not(task: Task, visit: Appointment, now: datetime) -> DropReason | None:
    """Return why a mail is not sent any more."""
    if not visit.booking.practice.active:
        return DropReason.TURNED_OFF
    if not visit.unread_person.email:
        return DropReason.NO_ADDRESS
    if task.kind == TaskKind.CODE:
        return _why_no_code(task, visit, now)
    if task.kind == TaskKind.PROPOSAL:
        return _why_no_proposal(task, visit, now)
    if _is_overtaken(task):
        return DropReason.OVERTAKEN
    is_cancelled = visit.status == AppointmentStatus.CANCELLED
    if is_cancelled != (task.kind == TaskKind.CANCELLED):
        return DropReason.OVERTAKEN
    if not is_cancelled and visit.status not in BOOKED:
        return DropReason.OVERTAKEN
    if is_past(visit, now):
        return DropReason.TOO_LATE
    return reminders.why_not(task, visit, now) if task.kind in reminders.DAYS else None


def _why_no_proposal(task: Task, visit: Appointment, now: datetime) -> DropReason | None:
    """Return why proposed times are not told any more: answered, overtaken, or ended."""
    if _has_newer(task, {TaskKind.PROPOSAL}):
        return DropReason.OVERTAKEN
    if facts.live_proposal(visit, now) is not None:
        return None
    last = visit.proposals.latest("pk")
    return DropReason.TOO_LATE if proposals.can_answer(last, visit) else DropReason.OVERTAKEN


def _why_no_code(task: Task, visit: Appointment, now: datetime) -> DropReason | None:
    """Return why a code is not sent any more: nobody is waiting for it."""
    if not codes.are_asked(visit.booking.practice):
        return DropReason.TURNED_OFF
    # What is typed since may be half an address, or one whose mail was not counted.
    keys = tuple(codes.task_keys(visit, visit.unread_person.email))
    if _has_newer(task, {TaskKind.CODE}) or not (task.key or "").startswith(keys):
        return DropReason.OVERTAKEN
    if visit.status in {*BOOKED, AppointmentStatus.CANCELLED}:
        return DropReason.OVERTAKEN
    is_held = visit.pending_until is not None and visit.pending_until > now
    return None if is_held else DropReason.TOO_LATE
