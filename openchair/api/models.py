"""Models of the API base: counters of rate limits, and answers stored for idempotency keys."""

from django.db import models


class Counter(models.Model):
    """How often something was done in one window of time: requests of a partner, wrong keys.

    One row per name, so the table stays as small as the number of partners and addresses.
    """

    name = models.CharField(max_length=100, primary_key=True)
    window = models.BigIntegerField(help_text="When it began, in milliseconds since 1970.")
    used = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.name}: {self.used}"


class KeptAnswer(models.Model):
    """The answer to a POST with an Idempotency-Key, to be repeated for 24 hours."""

    partner = models.ForeignKey(
        "practices.Partner", models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=255, help_text="The partner's own; unique for it alone.")
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    # Encrypted: a fingerprint in clear could be compared with guesses of who the patient is.
    sealed = models.TextField(help_text="SHA-256 of path and body asked, and the body answered.")
    sealed_by = models.CharField(max_length=8, help_text="The name of the key that sealed it.")
    kept_at = models.DateTimeField(db_index=True, help_text="UTC.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="kept_answer_once", fields=["partner", "key"]),
        ]

    def __str__(self) -> str:
        return f"{self.status} at {self.kept_at:%Y-%m-%d %H:%M}"
