"""Models of practices, their locations, doctors and staff."""

import re
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from practices.ids import PublicIdField, id_constraint, text_constraint
from practices.states import STATES


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
    # Null: a column with a default would make SQLite write the table anew, triggers and all.
    state_code = models.CharField(  # noqa: DJ001  # see above
        "state, two letters",
        max_length=2,
        null=True,
        blank=True,
        choices=STATES,
        help_text="For search sites.",
    )
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


def validate_npi(text: str) -> None:
    """Raise ValidationError for what is no National Provider Identifier (45 CFR 162.406).

    Its check digit is Luhn's, over 80840 and the ten digits.
    """
    digits = [int(each) for each in "80840" + text] if re.fullmatch("[12][0-9]{9}", text) else [1]
    doubled = [sum(divmod(2 * each, 10)) for each in digits[-2::-2]]
    if (sum(digits[::-2]) + sum(doubled)) % 10:
        raise ValidationError(
            "This is not an NPI: enter its ten digits, as the NPI registry has it."
        )


class Doctor(models.Model):
    """A doctor of a practice, who works at some of its locations."""

    id = PublicIdField(primary_key=True)
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="doctors")
    name = models.CharField(max_length=200)
    npi = models.CharField(  # noqa: DJ001  # as Location.state_code
        "NPI",
        max_length=10,
        null=True,
        blank=True,
        validators=[validate_npi],
        help_text="National Provider Identifier, ten digits; for search sites.",
    )
    locations = models.ManyToManyField(Location, related_name="doctors", blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            id_constraint("doctor_id_form"),
            text_constraint("doctor_name_length", "name", least=1, most=200),
        ]

    def __str__(self) -> str:
        return self.name


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
