"""Models of what a practice says of its booking page, its mail and its calendar links."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models

from practices.models.practice import Doctor, Location, Practice


def validate_origins(text: str) -> None:
    """Raise ValidationError for a line that is no origin; http only for this machine's names."""
    for line in text.split():
        if re.fullmatch(ORIGIN, line) is None:
            raise ValidationError(
                f"{line} is not the address of a website. Enter it like "
                "https://www.practice.example, without a path, one on each line."
            )


ORIGIN = (
    r"https://[a-z0-9.-]+\.[a-z]{2,63}(?::[0-9]{1,5})?"
    r"|https?://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?"
)


class BookingPage(models.Model):
    """What a practice says of its booking page, on which patients book by themselves.

    Without a row it is off, with the defaults (contract, section 6).
    """

    practice = models.OneToOneField(
        Practice, models.CASCADE, primary_key=True, related_name="booking_page"
    )
    active = models.BooleanField("Patients can book online", default=False)
    notice_hours = models.PositiveSmallIntegerField(
        "Minimum notice, in hours",
        default=2,
        validators=[MaxValueValidator(720)],
        help_text="Openings that start sooner are not shown.",
    )
    horizon_days = models.PositiveSmallIntegerField(
        "How far ahead, in days",
        default=84,
        validators=[MinValueValidator(1), MaxValueValidator(366)],
    )
    cancel_hours = models.PositiveSmallIntegerField(
        "Moving and cancelling closes, in hours before the visit",
        default=0,
        validators=[MaxValueValidator(720)],
        help_text="After that, the page asks patients to call.",
    )
    locations = models.ManyToManyField(
        Location, blank=True, related_name="+", help_text="If none are checked, all are shown."
    )
    doctors = models.ManyToManyField(
        Doctor, blank=True, related_name="+", help_text="If none are checked, all are shown."
    )
    text_en = models.TextField(
        "Text for patients, in English",
        blank=True,
        max_length=1000,
        help_text="Such as what to bring; shown on the first page and after booking.",
    )
    text_es = models.TextField("The same in Spanish", blank=True, max_length=1000)
    promise_en = models.CharField(
        "When you set the exact time, in English",
        blank=True,
        max_length=100,
        help_text="Such as “by noon the next business day”; patients see it when they book.",
    )
    promise_es = models.CharField("The same in Spanish", blank=True, max_length=100)
    promise_hours = models.PositiveSmallIntegerField(
        "Hours within which you set it",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(720)],
        help_text="Without Saturdays and Sundays; after that, a request is shown as overdue.",
    )
    after_url = models.URLField(
        "Page to go to after booking",
        blank=True,
        validators=[URLValidator(["https"])],
        help_text="A link on the last page, starting with https://.",
    )
    origins = models.TextField(
        "Websites that may show it in a frame",
        blank=True,
        max_length=1000,
        validators=[validate_origins],
        help_text="Such as https://www.practice.example, one on each line; if empty, no site may.",
    )
    public_feed = models.BooleanField(
        "Search sites can list your free times",
        default=False,
        db_default=False,
        help_text="In a public list, by the standard SMART Scheduling Links; each time leads to "
        "your booking page.",
    )

    def __str__(self) -> str:
        return f"Booking page of {self.practice_id}"

    @classmethod
    def of(cls, practice: Practice) -> "BookingPage":
        """Return the practice's row, or an unsaved one with the defaults."""
        return getattr(practice, "booking_page", None) or cls(practice=practice)


class MailSettings(models.Model):
    """What a practice says of mail to its patients; without a row, the defaults (contract, 7)."""

    practice = models.OneToOneField(
        Practice, models.CASCADE, primary_key=True, related_name="mail_settings"
    )
    reminder_3_days = models.BooleanField("Reminder 3 days before the visit", default=True)
    reminder_1_day = models.BooleanField("Reminder the day before the visit", default=True)
    code = models.BooleanField(
        "Patients enter a code from an e-mail before they book",
        default=False,
        help_text="On the booking page; patients without an e-mail address have to call.",
    )
    text_en = models.TextField(
        "Text in every e-mail about an upcoming visit, in English",
        blank=True,
        max_length=1000,
        help_text="Such as what to bring or where to park.",
    )
    text_es = models.TextField("The same in Spanish", blank=True, max_length=1000)

    def __str__(self) -> str:
        return f"Mail of {self.practice_id}"

    @classmethod
    def of(cls, practice: Practice) -> "MailSettings":
        """Return the practice's row, or an unsaved one with the defaults."""
        return getattr(practice, "mail_settings", None) or cls(practice=practice)


class CalendarSettings(models.Model):
    """What a practice says of its doctors' calendar links; without a row, the defaults."""

    practice = models.OneToOneField(
        Practice, models.CASCADE, primary_key=True, related_name="calendar_settings"
    )
    names = models.BooleanField(
        "Patients’ names in calendar links",
        default=False,
        help_text="Whoever keeps the calendar, such as Google or Microsoft, then has them too.",
    )

    def __str__(self) -> str:
        return f"Calendar links of {self.practice_id}"

    @classmethod
    def of(cls, practice: Practice) -> "CalendarSettings":
        """Return the practice's row, or an unsaved one with the defaults."""
        return getattr(practice, "calendar_settings", None) or cls(practice=practice)
