"""Call list: patients whom the office has to call, because it cannot see them as agreed."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from bookings.models.appointment import Appointment
from bookings.models.booking import Booking
from practices.models import Practice


class Call(models.Model):
    """One patient to be called; done when a person says so, or once the visit was changed."""

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="calls", db_index=False)
    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="calls")
    booking = models.ForeignKey(
        Booking,
        models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Where the visit was when the call was asked for.",
    )
    asked_at = models.DateTimeField(help_text="UTC.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False
    )
    done_at = models.DateTimeField(null=True, help_text="UTC.")
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="call_once_at_a_time",
                fields=["appointment"],
                condition=Q(done_at__isnull=True),
                violation_error_message="This patient is on the call list already.",
            ),
            models.CheckConstraint(
                name="call_done_by_somebody",
                condition=Q(done_at__isnull=True, done_by__isnull=True)
                | Q(done_at__isnull=False, done_by__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                "practice", "asked_at", name="call_to_do", condition=Q(done_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"Call about {self.appointment_id}"
