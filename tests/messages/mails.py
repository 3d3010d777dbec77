"""What tests of mail share: a practice with all that a mail can say, and the mail of each kind."""

from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from bookings import walltime
from bookings.messages import reminders
from bookings.messages.mail import message, to_waiting
from bookings.models import Appointment, Delivery, Outcome, Proposal, Queue, Task, TaskKind
from bookings.patients import codes
from bookings.scheduling import appointments, moving, proposals
from bookings.scheduling.actors import PATIENT, Actor
from bookings.scheduling.outbox import Notice
from bookings.scheduling.proposals import Choice
from practices.models import BookingPage, Kind, Location, MailSettings
from tests.desk.world import person
from tests.factories import NOON, Scene, doctor, location

MIA = {"first_name": "Mia", "last_name": "Park", "email": "park@example.org"}
WORDS = "We are sorry: the doctor is ill.\nPlease forgive us."
STARTS = datetime(2026, 6, 9, 14, 30)  # noqa: DTZ001  # wall time
OFFICE = {"office_phone": "(212) 555-0100", "street_address": "12 Main St", "city": "Chester"}


class MailScene(Scene):
    """A practice that says all it can; its visits are taken by patients."""

    def __init__(
        self,
        kind: Kind = Kind.EXACT,
        language: str = "en",
        timezone: str = "America/New_York",
        **patient: str,
    ) -> None:
        super().__init__(kind, timezone)
        self.language, self.patient = language, {**MIA, **patient}
        Location.objects.filter(pk=self.location.pk).update(**OFFICE, state="NY", zip="10001")
        self.location.refresh_from_db()
        self.page = BookingPage.objects.create(
            practice=self.practice,
            active=True,
            promise_en="by noon the next business day",
            promise_es="antes del mediodía del día hábil siguiente",
        )
        MailSettings.objects.create(
            practice=self.practice,
            code=True,
            text_en="Bring your insurance card.\nPark behind the house.",
            text_es="Traiga su tarjeta del seguro.\nEstacione detrás de la casa.",
        )
        self.staff = Actor.of_staff(person(f"desk-{self.practice.pk}", self.practice))

    def take(self, status: str = "", **values: Any) -> Appointment:
        usual = "reserved" if self.practice.kind == Kind.RANGE else "booked"
        fields: Any = {
            "status": status or usual,
            "language": self.language,
            **self.patient,
        }
        opening = self.booking(**values)
        return appointments.take(booking_id=opening.pk, fields=fields, by=PATIENT, now=NOON)

    def told(self, **values: Any) -> Appointment:
        """Take a visit, and note that the first mail of it was sent."""
        visit = self.take(**values)
        sent(visit, TaskKind.BOOKED)
        return visit

    def move(self, visit: Appointment, at: Location | None = None, notice: str = "") -> None:
        """Move a visit to another opening of the same office, or to another office."""
        where: Any = {"location_id": at.pk, "doctor_id": doctor(at).pk} if at else {}
        opening = self.booking(start_datetime=STARTS, **where)
        to: Any = {visit.pk: {"booking_id": opening.pk}}
        moving.move(to=to, by=self.staff, now=NOON, notice=Notice(words=notice))

    def cancel(self, visit: Appointment, by: Actor, words: str = "") -> None:
        said = Notice(words=words)
        appointments.cancel(
            appointment_id=visit.pk, by=by, now=NOON, reason="Canaryreason", notice=said
        )

    def give_time(self, visit: Appointment) -> None:
        exact: Any = {"status": "booked", "start_datetime": STARTS}
        appointments.edit(appointment_id=visit.pk, fields=exact, by=self.staff, now=NOON)

    def propose(self, visit: Appointment) -> Proposal:
        """Propose two times: one in the visit's own opening, one in another."""
        own, other = visit.booking, self.booking(start_datetime=STARTS)
        assert own.start_datetime is not None
        assert other.start_datetime is not None
        choices = [
            Choice(own.pk, own.start_datetime + timedelta(minutes=45)),
            Choice(other.pk, other.start_datetime),
        ]
        return proposals.propose(appointment_id=visit.pk, choices=choices, by=self.staff, now=NOON)


def sent(visit: Appointment, kind: str, at: datetime = NOON) -> None:
    Delivery.objects.create(appointment=visit, kind=kind, outcome=Outcome.SENT, at=at)


def a_mail(kind: str, language: str, clock: Any, **patient: str) -> tuple[Appointment, Task]:
    """Return a visit to which all happened that the mail of a kind tells of, and its task.

    Kinds are those of TaskKind, and `cancelled_by_family`, in a practice without a booking page.
    """
    in_range = kind in {TaskKind.RESERVED, TaskKind.TIME_GIVEN, TaskKind.PROPOSAL}
    scene = MailScene(Kind.RANGE if in_range else Kind.EXACT, language, **patient)
    is_first = kind in {TaskKind.BOOKED, TaskKind.RESERVED}
    if kind == TaskKind.CODE:
        return _a_code(scene)
    if kind in {TaskKind.REMINDER_3_DAYS, TaskKind.REMINDER_1_DAY}:
        return _a_reminder(scene, kind, clock)
    visit = scene.take() if is_first else scene.told()
    clock.shift(1)
    if kind == TaskKind.TIME_GIVEN:
        scene.give_time(visit)
    elif kind == TaskKind.PROPOSAL:
        scene.propose(visit)
    elif kind == TaskKind.MOVED:
        other = location(scene.practice, name="Kirkwood", **OFFICE)
        scene.move(visit, other, WORDS)
    elif kind == TaskKind.CANCELLED:
        scene.cancel(visit, scene.staff, WORDS)
    elif kind == "cancelled_by_family":
        BookingPage.objects.update(active=False)
        scene.cancel(visit, PATIENT)
    return visit, visit.tasks.latest("id")


def _a_code(scene: MailScene) -> tuple[Appointment, Task]:
    """Hold a place, and ask for the code."""
    held = scene.take("pending")
    [key] = codes.task_keys(held, held.unread_person.email)
    said: dict[str, Any] = {"queue_name": Queue.CODE, "kind": TaskKind.CODE, "key": key}
    when = {"run_after": NOON, "enqueued_at": NOON}
    return held, Task.objects.create(appointment=held, **said, **when)


def _a_reminder(scene: MailScene, kind: str, clock: Any) -> tuple[Appointment, Task]:
    """Turn the clock to when a reminder is due; the family has confirmed before the last one."""
    visit = scene.told(start_datetime=STARTS)
    if kind == TaskKind.REMINDER_1_DAY:
        appointments.confirm(appointment_id=visit.pk, by=PATIENT, now=NOON)
    due = STARTS - timedelta(days=reminders.DAYS[TaskKind(kind)])
    clock.move_to(due.replace(tzinfo=scene.location.zone))
    reminders.enqueue(walltime.now())
    return visit, visit.tasks.latest("id")


def mail_of(task: Task, code: str = "") -> EmailMessage:
    """Return the mail of a task as it is read where it arrives."""
    read = message_from_bytes(wire(task, code), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def wire(task: Task, code: str = "") -> bytes:
    """Return the mail of a task as it travels."""
    if task.entry_id is not None:
        made: Any = to_waiting.of(task, task.run_after)
    else:
        rows = Appointment.objects.select_related("booking__location", "booking__practice")
        made = message.of(task, rows.get(pk=task.appointment_id), task.run_after, code)
    as_it_travels: bytes = made.message().as_bytes(linesep="\r\n")
    return as_it_travels


def part(mail: EmailMessage, content_type: str) -> str:
    """Return the text of a mail's first part of this type."""
    for each in mail.walk():
        if each.get_content_type() == content_type:
            text: str = each.get_content().replace("\r\n", "\n")
            return text
    return ""
