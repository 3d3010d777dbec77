"""DRF serializers of bookings, appointments and changes: for request bodies and the schema."""

from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookings import walltime
from bookings.models import (
    LONGEST,
    MOST_PLACES,
    TAKEN,
    AppointmentStatus,
    Attendance,
    Language,
    Status,
)
from bookings.representation import TIME_RANGES
from bookings.scheduling import families
from openchair.api.fields import (
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictEmailField,
    StrictIntegerField,
    StrictSerializer,
)
from practices.ids import ID_PATTERN, ID_RULE, is_id

OF_BOOKING = ("location_id", "doctor_id")
"""Fields of an appointment that its booking has: sent, they have to be those."""


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


class AttributionSerializer(serializers.Serializer[object]):
    """What the first address of a booking page said; each only if it said it."""

    booking_referral = serializers.CharField(required=False, help_text="`booking-referral`.")
    utm_source = serializers.CharField(required=False, help_text="`utm_source`.")
    utm_medium = serializers.CharField(required=False, help_text="`utm_medium`.")
    utm_campaign = serializers.CharField(required=False, help_text="`utm_campaign`.")


class AppointmentSerializer(serializers.Serializer[object]):
    """One patient's place in a booking."""

    id = serializers.CharField(help_text="The appointment's id.")
    booking_id = serializers.CharField(help_text="The opening in which it is.")
    status = serializers.ChoiceField(
        choices=AppointmentStatus.choices,
        help_text="pending: held while the patient completes the form. reserved: the office still "
        "owes the exact time (range bookings only). booked: complete. cancelled: the place is "
        "free again. expired: the hold ended.",
    )
    start_datetime = serializers.DateTimeField(
        allow_null=True,
        help_text="When the patient comes, with the location's UTC offset at that moment; null "
        "while a range booking's exact time is not known.",
    )
    location_id = serializers.CharField(help_text="Where.")
    doctor_id = serializers.CharField(help_text="With whom.")
    first_name = serializers.CharField(help_text="The patient's.")
    last_name = serializers.CharField(help_text="The patient's.")
    email = serializers.CharField(help_text="Where to write; several patients may share it.")
    phone = serializers.CharField(help_text="Where to call.")
    guardian_name = serializers.CharField(help_text="Who answers for a child.")
    zip_code = serializers.CharField(help_text="Where the patient lives.")
    message = serializers.CharField(help_text="What the patient wrote.")
    attendance = serializers.ChoiceField(
        choices=Attendance.choices,
        help_text="Whether the patient came: unknown until somebody says kept, no_show or "
        "late_cancel (cancelled too late for the place to be used).",
    )
    group_id = serializers.CharField(
        allow_null=True, help_text="The same for all whose places were taken together; else null."
    )
    language = serializers.ChoiceField(
        choices=Language.choices, help_text="What the patient reads: English or Spanish."
    )
    source = serializers.CharField(  # type: ignore[assignment]  # DRF takes it out of the class
        allow_null=True,
        help_text="Where the patient came from to the booking page: a partner's id, or any text.",
    )
    attribution = AttributionSerializer(
        allow_null=True, help_text="What else the address of the booking page said; else null."
    )
    confirmed_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the patient said: I will come. Another time or place makes it null again.",
    )
    pending_until = serializers.DateTimeField(
        allow_null=True, help_text="While pending: when the hold expires. Else null."
    )
    updated_at = serializers.DateTimeField(help_text="When it last changed.")
    created_at = serializers.DateTimeField(help_text="When it was made.")


class CancelledAppointmentSerializer(serializers.Serializer[object]):
    """What cancelling an appointment answers."""

    id = serializers.CharField(help_text="The appointment's id.")
    status = serializers.ChoiceField(
        choices=[AppointmentStatus.CANCELLED.value], help_text="Always cancelled."
    )


class AppointmentFieldsSerializer(StrictSerializer):
    """What a client says of an appointment, new or not."""

    status = StrictChoiceField(
        required=False,
        choices=AppointmentStatus.choices,
        help_text="pending, reserved or booked. The same again renews a hold; to cancel, DELETE.",
    )
    start_datetime = MomentField(
        required=False,
        allow_null=True,
        help_text="The exact time of a range booking, which makes it booked. Without an offset it "
        "is the location's wall time.",
    )
    first_name = StrictCharField(required=False, allow_blank=True, max_length=100)
    last_name = StrictCharField(required=False, allow_blank=True, max_length=100)
    email = StrictEmailField(required=False, allow_blank=True, max_length=254)
    phone = StrictCharField(required=False, allow_blank=True, max_length=40)
    guardian_name = StrictCharField(
        required=False, allow_blank=True, max_length=200, help_text="Who answers for a child."
    )
    zip_code = StrictCharField(required=False, allow_blank=True, max_length=20)
    message = StrictCharField(required=False, allow_blank=True, max_length=2000)
    attendance = StrictChoiceField(
        required=False,
        choices=Attendance.choices,
        help_text="Once the visit's time has come: kept, no_show or late_cancel; unknown takes it "
        "back.",
    )
    language = StrictChoiceField(
        required=False,
        choices=Language.choices,
        help_text="What the patient reads; en unless sent.",
    )

    class Meta:
        ignored = {
            "id",
            "booking_id",
            "group_id",
            "source",
            "attribution",
            "confirmed_at",
            "pending_until",
            "updated_at",
            "created_at",
            *OF_BOOKING,
        }


class AppointmentEditSerializer(AppointmentFieldsSerializer):
    """What can be changed of an appointment; only the fields sent change."""

    class Meta:
        ignored = AppointmentFieldsSerializer.Meta.ignored - {"booking_id"}

    booking_id = IdField(
        required=False,
        help_text="Another opening of the practice moves the appointment there, with all there is "
        "of it. A booked one in a range booking needs its new exact start_datetime with it.",
    )


class AppointmentCreateSerializer(AppointmentFieldsSerializer):
    """A place to take for a patient."""

    class Meta:
        # An id is refused, as the server makes it; the other three have to match the booking.
        ignored = AppointmentFieldsSerializer.Meta.ignored - {"id"}

    status = StrictChoiceField(
        required=False,
        choices=[status.value for status in TAKEN],
        help_text="pending (the default) holds the place while the patient completes the form; "
        "reserved is for range bookings; booked needs the exact start_datetime there.",
    )


class WantedSerializer(AppointmentCreateSerializer):
    """A place to take for one of a family."""

    class Meta:
        ignored = AppointmentCreateSerializer.Meta.ignored - {"booking_id"}

    booking_id = IdField(help_text="The opening. Two may be in the same one.")


class FamilySerializer(StrictSerializer):
    """Places to take together."""

    appointments = serializers.ListField(
        child=WantedSerializer(),
        min_length=1,
        max_length=families.MOST,
        error_messages={
            "not_a_list": "Write a list, in square brackets.",
            "min_length": "Send at least one.",
            "max_length": "Send at most {max_length}: so many people are one family.",
        },
        help_text="1 to 4, all in one practice. They are taken all, or none of them.",
    )


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
        many=True, help_text="Each booking named in `changes`, as it is now: put it over yours."
    )
    cursor = serializers.CharField(
        help_text="Send it as `after` to go on from here, now or in a year."
    )
    has_more = serializers.BooleanField(help_text="Whether there is more to fetch at once.")
