"""Task model: a row of the queue that `manage.py worker` works off (bookings/messages/)."""

from django.db import models
from django.db.models import Q

from bookings.models.appointment import Appointment
from bookings.models.waitlist import WaitlistEntry
from bookings.models.webhook import Webhook


class Queue(models.TextChoices):
    """What a worker does side by side: one queue does not wait for another."""

    CODE = "code", "Codes"
    MAIL = "mail", "E-mail"
    REMINDER = "reminder", "Reminders"
    WEBHOOK = "webhook", "Webhooks"
    SLOW = "slow", "Webhooks of slow receivers"
    PERIODIC = "periodic", "Periodic work"


class TaskKind(models.TextChoices):
    """What a task does; of the queue of mail, what the mail says (contract, section 7)."""

    BOOKED = "booked", "Booked"
    RESERVED = "reserved", "Place reserved"
    TIME_GIVEN = "time_given", "Exact time set"
    MOVED = "moved", "Moved"
    CANCELLED = "cancelled", "Cancelled"
    PROPOSAL = "proposal", "Times proposed"
    REMINDER_3_DAYS = "reminder_3_days", "Reminder, 3 days before"
    REMINDER_1_DAY = "reminder_1_day", "Reminder, 1 day before"
    WAITING = "waiting", "On the waiting list"
    OFFER = "offer", "Place offered"
    CODE = "code", "Code"
    REMIND = "remind", "Find visits to remind of"
    PRUNE = "prune", "Delete old tasks"
    WEBHOOK = "webhook", "Deliver webhooks"
    WEBHOOK_FAILING = "webhook_failing", "Webhook fails"
    WEBHOOK_OFF = "webhook_off", "Webhook switched off"
    MAKE_OFFERS = "make_offers", "Offer free places to the waiting list"
    WATCH_WEBHOOKS = "watch_webhooks", "Find webhooks that fail"


class TaskStatus(models.TextChoices):
    """The names that django.tasks uses; running is whoever has a lease (contract, section 7)."""

    READY = "ready", "Waiting"
    SUCCESSFUL = "successful", "Done"
    FAILED = "failed", "Failed"


class Task(models.Model):
    """Something to do after the change with which it was saved: it has ids, and no texts.

    Whoever raises `lease` has it until `lease_until`, by the database's clock, and writes only
    while `lease` is still that number; whoever was given up for dead changes nothing any more.
    """

    queue_name = models.CharField(max_length=8, choices=Queue)
    kind = models.CharField(max_length=15, choices=TaskKind)
    key = models.CharField(  # noqa: DJ001  # unique where there is one
        max_length=100, null=True, unique=True, help_text="Of what must not be there twice."
    )
    appointment = models.ForeignKey(
        Appointment, models.PROTECT, null=True, related_name="tasks", db_index=False
    )
    webhook = models.ForeignKey(
        Webhook, models.CASCADE, null=True, related_name="tasks", db_index=False
    )
    entry = models.ForeignKey(
        WaitlistEntry, models.PROTECT, null=True, related_name="tasks", db_index=False
    )
    with_words = models.BooleanField(
        default=False, help_text="Whether the mail has the office's words (Patient.words)."
    )
    status = models.CharField(max_length=10, choices=TaskStatus, default=TaskStatus.READY)
    run_after = models.DateTimeField(help_text="UTC; not before then.")
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.PositiveIntegerField(default=0, help_text="Raised by each claim.")
    lease_until = models.DateTimeField(null=True, help_text="UTC, by the database's clock.")
    error = models.CharField(max_length=100, blank=True, help_text="The last error's class.")
    enqueued_at = models.DateTimeField(help_text="UTC.")
    finished_at = models.DateTimeField(null=True, help_text="UTC.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="task_finished_or_ready",
                condition=Q(status=TaskStatus.READY, finished_at__isnull=True)
                | Q(
                    status__in=[TaskStatus.SUCCESSFUL, TaskStatus.FAILED],
                    finished_at__isnull=False,
                    lease_until__isnull=True,
                ),
            ),
        ]
        indexes = [
            # PostgreSQL takes a partial index in a prepared statement only where its condition has
            # no parameter, as a status would be.
            models.Index(
                "queue_name",
                "run_after",
                name="task_due",
                condition=Q(finished_at__isnull=True),
            ),
            models.Index(
                "appointment", name="task_of_appointment", condition=Q(appointment__isnull=False)
            ),
            models.Index(
                "finished_at", name="task_finished", condition=Q(finished_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.appointment_id or ''}".strip()
