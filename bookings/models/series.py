"""Series model: a booking that recurs weekly."""

from django.db import models
from django.db.models import Q

from practices.models import Doctor, Location, Partner, Practice

LONGEST = 24 * 60
"""Minutes."""
MOST_PLACES = 1000


class Series(models.Model):
    """A weekly recurrence at one wall time, with the values that its new bookings are made with."""

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    doctor = models.ForeignKey(Doctor, models.PROTECT, related_name="+")
    partner = models.ForeignKey(Partner, models.PROTECT, null=True, related_name="+")
    wall_time = models.TimeField(help_text="On the location's wall clock.")
    length = models.PositiveSmallIntegerField(help_text="Minutes.")
    total_appointments = models.PositiveSmallIntegerField()
    next_date = models.DateField(help_text="The next day to be made, on the location's calendar.")
    due_at = models.DateTimeField(help_text="UTC; from then the next day has to exist.")
    ended = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "series"
        constraints = [
            models.CheckConstraint(
                name="series_length_minutes", condition=Q(length__gte=1, length__lte=LONGEST)
            ),
            models.CheckConstraint(
                name="series_total_appointments",
                condition=Q(total_appointments__gte=1, total_appointments__lte=MOST_PLACES),
            ),
        ]
        indexes = [
            # Every read of a list looks for series of the practice that are due for more weeks.
            models.Index("practice", "due_at", name="series_due", condition=Q(ended=False)),
        ]

    def __str__(self) -> str:
        return f"Weekly at {self.wall_time.hour % 12 or 12}:{self.wall_time:%M %p}"
