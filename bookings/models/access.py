"""Access log: which actor read which patients' data."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from bookings.models.event import ActorKind
from practices.models import ApiKey, Practice


class Access(models.Model):
    """One response with patients' data in it (bookings/patients/access.py); never altered."""

    at = models.DateTimeField(help_text="UTC.")
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    actor = models.CharField(max_length=7, choices=ActorKind)
    api_key = models.ForeignKey(ApiKey, models.PROTECT, null=True, related_name="+", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    method = models.CharField(max_length=10)
    route = models.CharField(max_length=200, help_text="The pattern of the page or the list.")
    appointments = models.JSONField(help_text="The ids of the places.")
    entries = models.JSONField(null=True, help_text="The ids of families on the waiting list.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "access to patients"
        verbose_name_plural = "access to patients"
        constraints = [
            models.CheckConstraint(
                name="access_actor_known",
                condition=Q(actor=ActorKind.PARTNER, api_key__isnull=False, user__isnull=True)
                | Q(actor=ActorKind.STAFF, user__isnull=False, api_key__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.method} {self.route}"
