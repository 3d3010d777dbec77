"""DRF serializers of appointments: for request bodies and the schema."""

from rest_framework import serializers

from bookings.api.serializers import IdField, MomentField
from bookings.models import TAKEN, AppointmentStatus, Attendance, ExternalStatus, Language
from bookings.scheduling import external, families
from openchair.api.fields import (
    StrictCharField,
    StrictChoiceField,
    StrictEmailField,
    StrictSerializer,
)

OF_BOOKING = ("location_id", "doctor_id")
"""Fields of an appointment that its booking has: sent, they have to be those."""


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
    external_id = serializers.CharField(
        allow_null=True, help_text="Its id in the practice's own system, which says it; else null."
    )
    external_status = serializers.ChoiceField(
        choices=ExternalStatus.choices,
        allow_null=True,
        help_text="entered: it is in the practice's own system as it is here; failed: it could not "
        "be entered. null: not yet, or not since it was moved, got another doctor or was "
        "cancelled.",
    )
    external_reason = serializers.CharField(
        allow_null=True,
        help_text="Why it could not be entered, if it failed and you see the patient; else null.",
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
    external_id = StrictCharField(
        required=False,
        allow_null=True,
        max_length=100,
        help_text="Its id in the practice's own system, which alone says this.",
    )
    external_status = StrictChoiceField(
        required=False,
        allow_null=True,
        choices=ExternalStatus.choices,
        help_text="Whether it is in the practice's own system, which alone says this: entered, or "
        "failed with an external_reason. null takes it back.",
    )
    external_reason = StrictCharField(
        required=False,
        allow_null=True,
        max_length=200,
        help_text="Why it could not be entered: for whoever enters it by hand.",
    )


class AppointmentCreateSerializer(AppointmentFieldsSerializer):
    """A place to take for a patient."""

    class Meta:
        # An id is refused, as the server makes it; the other three have to match the booking. What
        # the practice's own system says was said of another appointment, where one is sent back.
        ignored = {*AppointmentFieldsSerializer.Meta.ignored, *external.FIELDS} - {"id"}

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
