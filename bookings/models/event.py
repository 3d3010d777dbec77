"""Audit events of bookings and appointments, and the counter that numbers them."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from bookings.models.appointment import Appointment, AppointmentStatus
from bookings.models.booking import Booking, Status
from practices.models import ApiKey, Practice


class ActorKind(models.TextChoices):
    PARTNER = "partner", "Partner"
    STAFF = "staff", "Staff"
    PATIENT = "patient", "Patient"
    CLOCK = "clock", "Clock"


class Feed(models.Model):
    """The number of a practice's newest event (bookings/scheduling/feed.py)."""

    practice = models.OneToOneField(Practice, models.PROTECT, primary_key=True, related_name="feed")
    newest = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.practice_id}: {self.newest}"


class Event(models.Model):
    """One change of a booking or an appointment, saved with the change and never altered."""

    number = models.BigIntegerField(help_text="In its practice, in the order of commits, from 1.")
    at = models.DateTimeField(help_text="UTC.")
    # No constraint: the number comes from the practice's row in Feed, which has one, and each would
    # lock the practice's row at every change.
    practice = models.ForeignKey(
        Practice, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="events")
    appointment = models.ForeignKey(
        Appointment, models.PROTECT, null=True, related_name="events", db_index=False
    )
    actor = models.CharField(max_length=7, choices=ActorKind)
    api_key = models.ForeignKey(ApiKey, models.PROTECT, null=True, related_name="+", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    from_status = models.CharField(max_length=9, blank=True, help_text="Empty when it was made.")
    to_status = models.CharField(max_length=9)
    changes = models.JSONField(default=dict, help_text="Field: what it was, what it is.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="event_actor_known",
                condition=Q(actor=ActorKind.PARTNER, api_key__isnull=False, user__isnull=True)
                | Q(actor=ActorKind.STAFF, user__isnull=False, api_key__isnull=True)
                | Q(
                    actor__in=[ActorKind.PATIENT, ActorKind.CLOCK],
                    api_key__isnull=True,
                    user__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="event_status_known",
                condition=Q(
                    appointment__isnull=True,
                    to_status__in=Status.values,
                    from_status__in=["", *Status.values],
                )
                | Q(
                    appointment__isnull=False,
                    to_status__in=AppointmentStatus.values,
                    from_status__in=["", *AppointmentStatus.values],
                ),
            ),
            models.UniqueConstraint(name="event_practice_number", fields=["practice", "number"]),
        ]
        indexes = [
            models.Index(
                "appointment",
                name="event_of_appointment",
                condition=Q(appointment__isnull=False),
            ),
            # The page of a practice's history.
            models.Index("practice", "at", "id", name="event_of_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.booking_id}: {self.from_status or 'made'} to {self.to_status}"
