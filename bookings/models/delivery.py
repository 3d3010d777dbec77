"""Delivery model: what became of each mail about a visit, for the visit's history."""

from django.db import models
from django.db.models import Q

from bookings.models.appointment import Appointment
from bookings.models.task import TaskKind


class Outcome(models.TextChoices):
    SENT = "sent", "Sent"
    WRITTEN = "written", "Written to a file"
    REFUSED = "refused", "Bounced"
    FAILED = "failed", "Not delivered"
    DROPPED = "dropped", "Not sent"


class DropReason(models.TextChoices):
    """Why a mail is not sent."""

    OVERTAKEN = "overtaken", "the visit changed"
    TOO_LATE = "too_late", "it was too late"
    NO_ADDRESS = "no_address", "there is no longer an e-mail address"
    UNSUBSCRIBED = "unsubscribed", "the family stopped reminders"
    TURNED_OFF = "turned_off", "the practice turned it off"
    BY_OPERATOR = "by_operator", "the operator dropped it"


class Delivery(models.Model):
    """The end of one mail: never altered, and kept when its task is deleted."""

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="deliveries")
    kind = models.CharField(max_length=15, choices=TaskKind)
    outcome = models.CharField(max_length=7, choices=Outcome)
    reason = models.CharField(max_length=12, choices=DropReason, blank=True)
    at = models.DateTimeField(help_text="UTC.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="delivery_outcome_known", condition=Q(outcome__in=Outcome.values)
            ),
            models.CheckConstraint(
                name="delivery_reason_of_dropped",
                condition=Q(outcome=Outcome.DROPPED, reason__in=DropReason.values)
                | Q(~Q(outcome=Outcome.DROPPED), reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome}"


class ReminderOptOut(models.Model):
    """A family wants no reminders: of this visit, and of others of its address in the practice."""

    appointment = models.OneToOneField(
        Appointment, models.PROTECT, primary_key=True, related_name="reminder_opt_out"
    )
    at = models.DateTimeField(help_text="UTC.")

    def __str__(self) -> str:
        return self.appointment_id
