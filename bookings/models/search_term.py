"""Search terms: keyed digests that appointments are found by, since patients' data is encrypted."""

from django.db import models

from bookings.models.appointment import Appointment


class SearchTerm(models.Model):
    """One of the digests that an appointment is found by (bookings/patients/search.py)."""

    # No constraint: it is written and deleted with its appointment, some fifteen at a time.
    appointment = models.ForeignKey(
        Appointment, models.CASCADE, related_name="search_terms", db_constraint=False
    )
    digest = models.BigIntegerField()

    class Meta:
        indexes = [models.Index("digest", "appointment", name="search_term_found")]

    def __str__(self) -> str:
        return f"{self.digest:x}"
