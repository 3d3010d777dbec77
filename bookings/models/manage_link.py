"""Manage link model: the secret address under which a patient manages a visit, as a digest."""

from django.db import models

from bookings.models.appointment import Appointment


class ManageLink(models.Model):
    """A link to one appointment (bookings/patients/links.py has its token)."""

    digest = models.CharField(
        primary_key=True, max_length=64, help_text="SHA-256 of the token, in hexadecimal."
    )
    appointment = models.ForeignKey(
        Appointment, models.CASCADE, related_name="manage_links", help_text="Whose link it is."
    )

    def __str__(self) -> str:
        return self.appointment_id
