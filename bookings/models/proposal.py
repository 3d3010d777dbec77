"""Proposal models: exact times that the office proposes for a request it cannot meet."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from bookings.models.appointment import Appointment, AppointmentStatus
from bookings.models.booking import Booking


class ProposalOutcome(models.TextChoices):
    """How a proposal ended; withdrawn also where the request got a time or ended otherwise."""

    TAKEN = "taken", "Took a time"
    OTHERS = "others", "Asked for other times"
    GAVE_UP = "gave_up", "Gave up the request"
    UNANSWERED = "unanswered", "Did not answer"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Proposal(models.Model):
    """Up to three exact times for one request, held for the patient until it ends.

    Only bookings/scheduling/proposals.py writes it. One that has ended may not be settled yet:
    then it has no outcome, and `until` has passed.
    """

    appointment = models.ForeignKey(
        Appointment, models.PROTECT, related_name="proposals", help_text="The request."
    )
    booking = models.ForeignKey(
        Booking,
        models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Where the request was; moved elsewhere, it is another one.",
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False
    )
    made_at = models.DateTimeField(help_text="UTC.")
    until = models.DateTimeField(help_text="UTC; until then the times are held.")
    answered_at = models.DateTimeField(null=True, help_text="UTC; when it got its outcome.")
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="Who of the staff withdrew it.",
    )
    outcome = models.CharField(  # noqa: DJ001  # null as long as it is live
        max_length=10, choices=ProposalOutcome, null=True
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="proposal_outcome_known",
                condition=Q(outcome__isnull=True, answered_at__isnull=True)
                # A condition that is null would hold, too.
                | Q(
                    outcome__isnull=False,
                    outcome__in=ProposalOutcome.values,
                    answered_at__isnull=False,
                ),
            ),
            models.CheckConstraint(name="proposal_ends_later", condition=Q(until__gt=F("made_at"))),
            models.UniqueConstraint(
                name="proposal_one_at_a_time",
                fields=["appointment"],
                condition=Q(answered_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.appointment_id}: {self.outcome or 'live'}"

    def is_live(self, now: datetime) -> bool:
        """Whether the times are held."""
        return self.outcome is None and now < self.until


class ProposedTimeQuerySet(models.QuerySet["ProposedTime"]):
    def live(self, now: datetime) -> Self:
        """Those that are held for a request which still waits for its time."""
        return self.filter(
            proposal__answered_at__isnull=True,
            proposal__until__gt=now,
            proposal__appointment__status=AppointmentStatus.RESERVED,
        )


class ProposedTime(models.Model):
    """One of the exact times of a proposal, in an opening of a range practice."""

    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="times", db_index=False)
    start_datetime = models.DateTimeField(help_text="UTC.")
    booking = models.ForeignKey(
        Booking, models.PROTECT, related_name="+", db_index=False, help_text="The opening it is in."
    )
    held = models.ForeignKey(
        Appointment,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="The place held in that opening; empty where it is the request's own.",
    )

    objects = ProposedTimeQuerySet.as_manager()

    class Meta:
        ordering = ["start_datetime"]
        constraints = [
            models.UniqueConstraint(
                name="proposed_time_once", fields=["proposal", "start_datetime"]
            ),
        ]
        indexes = [
            # The clash guard looks at the exact times of a day.
            models.Index("start_datetime", name="proposed_time_start"),
        ]

    def __str__(self) -> str:
        return f"{self.proposal_id}: {self.start_datetime:%Y-%m-%d %H:%M}"
