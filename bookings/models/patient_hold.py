"""Patient hold model: who holds places on the booking page, to count them while they do."""

from django.db import models

from practices.models import Practice


class PatientHold(models.Model):
    """A visit (of one patient or a family) that an unconfirmed patient holds."""

    group_id = models.CharField(primary_key=True, max_length=32, help_text="Of its appointments.")
    practice = models.ForeignKey(Practice, models.CASCADE, related_name="+", db_index=False)
    page = models.CharField(max_length=32, help_text="Digest of the browser page's random id.")
    address = models.CharField(
        max_length=32, help_text="Digest of the client's address; of IPv6, of its /64."
    )
    places = models.SmallIntegerField()
    pending_until = models.DateTimeField(help_text="UTC; when the last of its holds ends.")

    class Meta:
        indexes = [models.Index("practice", "pending_until", name="patient_hold_live")]

    def __str__(self) -> str:
        return self.group_id
