"""DRF serializers of bookings and changes: for request bodies and the schema."""

from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookings import walltime
from bookings.models import (
    LONGEST,
    MOST_PLACES,
    Status,
)
from bookings.representation import TIME_RANGES
from openchair.api.fields import (
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictSerializer,
)
from practices.ids import ID_PATTERN, ID_RULE, is_id


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentField(serializers.Field[datetime, object, str, datetime]):
    """A date and time; aware with an offset, naive (the location's wall time) without."""

    def to_internal_value(self, data: object) -> datetime:
        if not isinstance(data, str):
            raise serializers.ValidationError("Write a date and time in quotation marks.")
        try:
            return walltime.parse(data)
        except walltime.WallTimeError as error:
            raise serializers.ValidationError(str(error)) from None


@extend_schema_field({"type": "string", "pattern": f"^{ID_PATTERN}$"})
class IdField(StrictCharField):
    """An id that a client sends."""

    default_error_messages = {"invalid": ID_RULE}

    def __init__(self, **kwargs: Any) -> None:
        # Not trimmed: grants are checked with the id as sent, which a leading space makes invalid.
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: object) -> str:
        text = super().to_internal_value(data)
        if not is_id(text):
            self.fail("invalid")
        return text


class BookingSerializer(serializers.Serializer[object]):
    """An opening for an initial consultation."""

    id = serializers.CharField(help_text="The booking's id.")
    status = serializers.ChoiceField(
        choices=Status.choices,
        help_text="open: a place is available. pending: out of public view while a patient "
        "completes the sign-up form. reserved: the patient has booked and the office still owes an "
        "exact time (range bookings only). booked: complete. closed: deleted.",
    )
    length = serializers.IntegerField(min_value=1, max_value=LONGEST, help_text="Minutes.")
    recurring = serializers.BooleanField(help_text="Repeated every week at the same wall time.")
    start_datetime = serializers.DateTimeField(
        allow_null=True,
        help_text="ISO 8601 with milliseconds and the location's UTC offset at that moment; "
        "null until it is set.",
    )
    location_id = serializers.CharField(help_text="Where.")
    doctor_id = serializers.CharField(help_text="With whom.")
    available_appointments = serializers.IntegerField(
        min_value=0,
        max_value=MOST_PLACES,
        help_text="Places neither reserved nor booked; 0 once closed.",
    )
    total_appointments = serializers.IntegerField(
        min_value=1, max_value=MOST_PLACES, help_text="Places."
    )
    updated_at = serializers.DateTimeField(help_text="When it last changed.")
    created_at = serializers.DateTimeField(help_text="When it was created.")
    range_booking = serializers.BooleanField(
        help_text="Whether the patient asks for a part of the day; a property of the practice."
    )
    time_range = serializers.ChoiceField(
        choices=TIME_RANGES,
        allow_null=True,
        help_text="The part of the day of a range booking: morning before 10:00, late_morning "
        "before 12:00, early_afternoon before 14:30, late_afternoon from there. Else null.",
    )
    pending_until = serializers.DateTimeField(
        allow_null=True, help_text="While pending: when the first hold expires. Else null."
    )


class ClosedBookingSerializer(serializers.Serializer[object]):
    """What deleting a booking answers."""

    id = serializers.CharField(help_text="The booking's id.")
    status = serializers.ChoiceField(choices=[Status.CLOSED.value], help_text="Always closed.")


class BookingEditSerializer(StrictSerializer):
    """What can be changed of a booking; only the fields sent change."""

    id = IdField(required=False, help_text="The booking's id.")
    status = StrictChoiceField(
        required=False,
        choices=Status.choices,
        help_text="Of the whole opening: pending holds every free place, booked and reserved take "
        "every free place, open frees the places taken this way. To close, send DELETE.",
    )
    length = StrictIntegerField(
        required=False, min_value=1, max_value=LONGEST, help_text="Minutes; 60 unless sent."
    )
    recurring = StrictBooleanField(
        required=False,
        help_text="true: repeated every week at the same wall time, 12 weeks ahead. "
        "false: the series ends after this one.",
    )
    start_datetime = MomentField(
        required=False,
        allow_null=True,
        help_text="ISO 8601; without an offset it is the location's wall time.",
    )
    location_id = IdField(required=False, help_text="Where.")
    doctor_id = IdField(required=False, help_text="With whom; a doctor who works there.")
    total_appointments = StrictIntegerField(
        required=False,
        min_value=1,
        max_value=MOST_PLACES,
        help_text="Places; 1 unless sent. Not below the places taken.",
    )

    class Meta:
        ignored = {
            "updated_at",
            "created_at",
            "available_appointments",
            "range_booking",
            "time_range",
            "pending_until",
        }


class BookingEditByBodySerializer(BookingEditSerializer):
    """The same edit, with the id in the body."""

    id = IdField(help_text="The id of the booking to edit.")


class BookingCreateSerializer(BookingEditSerializer):
    """A booking to create."""

    id = IdField(required=False, help_text="An id of your own; one is made unless sent.")
    location_id = IdField(help_text="Where.")
    doctor_id = IdField(help_text="With whom; a doctor who works there.")


class ChangeSerializer(serializers.Serializer[object]):
    """One change of a booking, or of an appointment of yours."""

    at = serializers.DateTimeField(help_text="When it happened.")
    booking_id = serializers.CharField(help_text="The booking that changed.")
    appointment_id = serializers.CharField(
        allow_null=True, help_text="The appointment of yours that changed; null for the booking."
    )
    from_status = serializers.CharField(
        allow_null=True, help_text="What it was; null when it was made."
    )
    to_status = serializers.CharField(help_text="What it became.")


class ChangesSerializer(serializers.Serializer[object]):
    """A page of the change feed."""

    changes = ChangeSerializer(many=True, help_text="In the order in which they were committed.")
    bookings = BookingSerializer(
        many=True,
        help_text="Each booking named in `changes`, as it is now: put it over yours. Where there "
        "is no more to fetch, that is exactly at `cursor`.",
    )
    cursor = serializers.CharField(
        help_text="Send it as `after` to go on from here, now or in a year."
    )
    has_more = serializers.BooleanField(help_text="Whether there is more to fetch at once.")


class DigestSerializer(serializers.Serializer[object]):
    """What the bookings of a location come to."""

    cursor = serializers.CharField(help_text="The feed's cursor at which this is so.")
    count = serializers.IntegerField(min_value=0, help_text="Bookings that are not closed.")
    sha256 = serializers.RegexField(
        "^[0-9a-f]{64}$",
        help_text="SHA-256, in hexadecimal, over a line "
        "`id,updated_at,status,available_appointments` and a line feed for each of them, as the "
        "list shows them, in order of the id's bytes.",
    )
