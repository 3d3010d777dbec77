"""The second factor of a login: an app's secret, and codes for the day the phone is lost."""

from django.conf import settings
from django.db import models


class SecondFactor(models.Model):
    """The app of one person; a new one is a new row, so that its key stands for this app alone."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="second_factor"
    )
    secret = models.TextField(help_text="Encrypted with a key of PATIENT_KEYS.")
    sealed_by = models.CharField(max_length=8, help_text="The name of that key.")
    last_step = models.BigIntegerField(help_text="Of the last code used; only later ones are good.")
    confirmed_at = models.DateTimeField(help_text="When its first code was typed.")

    def __str__(self) -> str:
        return f"the second factor of {self.user}"


class RecoveryCode(models.Model):
    """A code that is good once in place of the app's; deleted when it is used."""

    factor = models.ForeignKey(SecondFactor, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, help_text="SHA-256: a code has 80 random bits.")

    class Meta:
        constraints = [
            models.UniqueConstraint("factor", "digest", name="staff_recovery_code_once"),
        ]

    def __str__(self) -> str:
        return f"a recovery code of {self.factor.user}"
