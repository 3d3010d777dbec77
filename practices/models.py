"""Models: practices with locations, doctors and staff; partners with grants and API keys."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from practices import keys
from practices.ids import PublicIdField, id_constraint, text_constraint


def validate_timezone(name: str) -> None:
    """Raise ValidationError for a name that is not an IANA time zone."""
    if name not in available_timezones():
        raise ValidationError(f"{name!r} is not a time zone name. Enter one like America/New_York.")


class Kind(models.TextChoices):
    """What a practice offers, never a mix of both (contract, section 1)."""

    EXACT = "exact", "Exact times"
    RANGE = "range", "Parts of the day"


class Practice(models.Model):
    """An orthodontic group: the tenant."""

    id = PublicIdField(primary_key=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(
        max_length=5,
        choices=Kind,
        default=Kind.EXACT,
        help_text="What patients book. Chosen once, for all openings of the practice.",
    )
    active = models.BooleanField(
        default=True, help_text="Off: partners and patients can no longer see this practice."
    )

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            id_constraint("practice_id_form"),
            text_constraint("practice_name_length", "name", least=1, most=200),
            models.CheckConstraint(name="practice_kind_known", condition=Q(kind__in=Kind.values)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def range_bookings(self) -> bool:
        return self.kind == Kind.RANGE


class Location(models.Model):
    """An office of one practice; every wall time there is in its time zone."""

    id = PublicIdField(primary_key=True)
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="locations")
    name = models.CharField(max_length=200)
    office_phone = models.CharField(max_length=40, blank=True)
    street_address = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=100, blank=True)
    zip = models.CharField("ZIP code", max_length=20, blank=True)
    timezone = models.CharField(
        "time zone",
        max_length=64,
        validators=[validate_timezone],
        help_text="A name like America/New_York.",
    )
    latitude = models.FloatField(null=True, blank=True, help_text="Degrees, -90 to 90.")
    longitude = models.FloatField(null=True, blank=True, help_text="Degrees, -180 to 180.")

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            id_constraint("location_id_form"),
            text_constraint("location_name_length", "name", least=1, most=200),
            text_constraint("location_office_phone_length", "office_phone", most=40),
            text_constraint("location_street_address_length", "street_address", most=200),
            text_constraint("location_city_length", "city", most=100),
            text_constraint("location_state_length", "state", most=100),
            text_constraint("location_zip_length", "zip", most=20),
            text_constraint("location_timezone_length", "timezone", least=1, most=64),
            models.CheckConstraint(
                name="location_latitude_degrees",
                condition=Q(latitude__isnull=True) | Q(latitude__gte=-90, latitude__lte=90),
                violation_error_message="Enter a latitude from -90 to 90 degrees.",
            ),
            models.CheckConstraint(
                name="location_longitude_degrees",
                condition=Q(longitude__isnull=True) | Q(longitude__gte=-180, longitude__lte=180),
                violation_error_message="Enter a longitude from -180 to 180 degrees.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Doctor(models.Model):
    """A doctor of a practice, who works at some of its locations."""

    id = PublicIdField(primary_key=True)
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="doctors")
    name = models.CharField(max_length=200)
    locations = models.ManyToManyField(Location, related_name="doctors", blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            id_constraint("doctor_id_form"),
            text_constraint("doctor_name_length", "name", least=1, most=200),
        ]

    def __str__(self) -> str:
        return self.name


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


class Membership(models.Model):
    """A staff account's membership of a practice, which it works for in the admin."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    practice = models.ForeignKey(Practice, models.CASCADE, related_name="memberships")

    class Meta:
        ordering = ["practice", "user"]
        constraints = [
            models.UniqueConstraint(
                name="membership_once",
                fields=["user", "practice"],
                violation_error_message="This person already works for this practice.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.practice}"


class Partner(models.Model):
    """An organisation that calls the API. It owns its keys and the bookings made with them."""

    id = PublicIdField(primary_key=True)
    name = models.CharField(max_length=200, unique=True)
    active = models.BooleanField(default=True, help_text="Off: none of its keys work.")
    special_authorization = models.BooleanField(
        default=False,
        help_text="May list all practices, and publish, edit and close openings "
        "in the practices it is granted.",
    )
    all_practices = models.BooleanField(
        default=False, help_text="Granted every practice, including those added later."
    )
    practices = models.ManyToManyField(
        Practice,
        related_name="partners",
        blank=True,
        help_text="Where it may publish openings and book patients; reading needs no grant.",
    )

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            id_constraint("partner_id_form"),
            text_constraint("partner_name_length", "name", least=1, most=200),
        ]

    def __str__(self) -> str:
        return self.name


class ApiKeyManager(models.Manager["ApiKey"]):
    """Issues keys."""

    def issue(
        self,
        partner: Partner,
        *,
        label: str = "",
        expires_at: datetime | None = None,
        created_by: AbstractBaseUser | None = None,
    ) -> tuple["ApiKey", str]:
        """Create a key and return its row and its text, which is not stored."""
        text = keys.new_key()
        row = self.create(
            partner=partner,
            label=label,
            prefix=text[: keys.PREFIX_SHOWN],
            digest=keys.digest(text),
            expires_at=expires_at,
            created_by_id=None if created_by is None else created_by.pk,
        )
        return row, text


class ApiKey(models.Model):
    """A secret that authenticates a partner; only its SHA-256 is stored."""

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="keys")
    label = models.CharField(max_length=100, blank=True, help_text="Where it is used.")
    prefix = models.CharField(max_length=12, editable=False, help_text="The key's beginning.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="The operator; empty if it was issued on the command line.",
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="If empty, never.")
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="When it stopped working.")
    last_used_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="To the minute."
    )

    objects = ApiKeyManager()

    class Meta:
        verbose_name = "API key"
        ordering = ["partner", "-created_at"]
        constraints = [
            text_constraint("api_key_label_length", "label", most=100),
            text_constraint("api_key_prefix_length", "prefix", least=keys.PREFIX_SHOWN, most=12),
            text_constraint("api_key_digest_length", "digest", least=64, most=64),
            models.CheckConstraint(
                name="api_key_expires_later",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
                violation_error_message="Enter a time after the key was issued.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.partner}"

    def has_ended(self, now: datetime) -> bool:
        """Whether it is revoked or expired; its partner may be switched off besides."""
        return any(at is not None and at <= now for at in (self.revoked_at, self.expires_at))
