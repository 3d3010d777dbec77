"""Calendar link model: the secret address of a doctor's calendar for one person, as a digest."""

from django.conf import settings
from django.db import models

from practices.models import Doctor


class CalendarLink(models.Model):
    """A person's link to a doctor's calendar: deleted when it is revoked (contract, section 9)."""

    digest = models.CharField(
        primary_key=True, max_length=64, help_text="SHA-256 of the token, in hexadecimal."
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_links"
    )
    doctor = models.ForeignKey(Doctor, models.CASCADE, related_name="calendar_links")
    created_at = models.DateTimeField(help_text="UTC.")
    last_used_at = models.DateTimeField(null=True, help_text="UTC; to the minute.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="calendar_link_once", fields=["user", "doctor"])
        ]

    def __str__(self) -> str:
        return f"{self.doctor_id} for {self.user_id}"
