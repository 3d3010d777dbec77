"""DRF serializers of waiting list entries: for request bodies and the schema."""

from typing import Any

from django.db.models import TextChoices
from rest_framework import serializers

from bookings.api.serializers import IdField
from bookings.models import WEEKDAYS, Language
from bookings.representation import TIME_RANGES
from bookings.scheduling import families
from openchair.api.fields import (
    StrictCharField,
    StrictChoiceField,
    StrictDateField,
    StrictEmailField,
    StrictIntegerField,
    StrictSerializer,
)

MOST_IDS = 100
_LIST: Any = {
    "not_a_list": "Write a list, in square brackets.",
    "max_length": "At most {max_length}.",
}


class ShownStatus(TextChoices):
    """Statuses of an entry as partners see them: those of EntryStatus, and one more."""

    WAITING = "waiting"
    OFFERED = "offered"
    PAUSED = "paused"
    BOOKED = "booked"
    LEFT = "left"
    ENDED = "ended"


OFF_LIST = (ShownStatus.BOOKED, ShownStatus.LEFT, ShownStatus.ENDED)


class WaitlistOfferSerializer(serializers.Serializer[object]):
    """Places that are held for a family until it answers."""

    appointment_ids = serializers.ListField(
        child=serializers.CharField(), help_text="The places, in the order of their times."
    )
    booking_ids = serializers.ListField(
        child=serializers.CharField(), help_text="The opening of each of them."
    )
    until = serializers.DateTimeField(help_text="Until when they are held for the family.")


class WaitlistPersonSerializer(serializers.Serializer[object]):
    """One of the further people."""

    first_name = serializers.CharField(help_text="Theirs.")
    last_name = serializers.CharField(help_text="Theirs.")


class WaitlistNameSerializer(StrictSerializer):
    """The name of one of the further people."""

    first_name = StrictCharField(required=False, allow_blank=True, max_length=100)
    last_name = StrictCharField(required=False, allow_blank=True, max_length=100)


class WaitlistEntrySerializer(serializers.Serializer[object]):
    """A family that waits for places in a practice."""

    id = serializers.CharField(help_text="The entry's id.")
    practice_id = serializers.CharField(help_text="Where they wait.")
    status = serializers.ChoiceField(
        choices=ShownStatus.choices,
        help_text="waiting: for places that fit. offered: places are held for them until they "
        "answer. paused: they are offered nothing, since they did not answer twice or the office "
        "says so. booked: they have their visits. left: they were taken off the list. ended: the "
        "time was over.",
    )
    people = serializers.IntegerField(
        min_value=1, max_value=families.MOST, help_text="How many places they need, side by side."
    )
    location_ids = serializers.ListField(
        child=serializers.CharField(), help_text="Where they would come; empty: anywhere."
    )
    doctor_ids = serializers.ListField(
        child=serializers.CharField(), help_text="Whom they would see; empty: anybody."
    )
    weekdays = serializers.ListField(
        child=serializers.ChoiceField(choices=WEEKDAYS),
        help_text="On which days of the week; empty: on any.",
    )
    parts = serializers.ListField(
        child=serializers.ChoiceField(choices=TIME_RANGES),
        help_text="In which parts of the day, by the location's clock; empty: in any.",
    )
    earliest = serializers.DateField(
        allow_null=True, help_text="The first day that fits; null: any."
    )
    latest = serializers.DateField(allow_null=True, help_text="The last one; null: any.")
    first_name = serializers.CharField(help_text="The patient's.")
    last_name = serializers.CharField(help_text="The patient's.")
    email = serializers.CharField(help_text="Where to write.")
    phone = serializers.CharField(help_text="Where to call.")
    guardian_name = serializers.CharField(help_text="Who answers for a child.")
    zip_code = serializers.CharField(help_text="Where the patient lives.")
    message = serializers.CharField(help_text="What the patient wrote.")
    others = WaitlistPersonSerializer(
        many=True, help_text="The further people, as far as they are named."
    )
    language = serializers.ChoiceField(
        choices=Language.choices, help_text="What they read: English or Spanish."
    )
    offer = WaitlistOfferSerializer(
        allow_null=True, help_text="What they are offered now; null unless the status is offered."
    )
    ends_at = serializers.DateTimeField(help_text="When the entry ends by itself.")
    updated_at = serializers.DateTimeField(help_text="When it last changed.")
    created_at = serializers.DateTimeField(help_text="When they joined.")


class LeftWaitlistSerializer(serializers.Serializer[object]):
    """What taking a family off the list answers."""

    id = serializers.CharField(help_text="The entry's id.")
    status = serializers.ChoiceField(
        choices=[each.value for each in OFF_LIST],
        help_text="left; booked or ended where it was off the list before.",
    )


class WaitlistJoinSerializer(StrictSerializer):
    """A family to put on the list."""

    class Meta:
        ignored = frozenset({"status", "offer", "ends_at", "updated_at", "created_at"})

    practice_id = IdField(required=False, help_text="The practice in the path, if it is sent.")
    people = StrictIntegerField(
        required=False,
        min_value=1,
        max_value=families.MOST,
        help_text="How many places they need, side by side; 1 unless sent.",
    )
    location_ids = serializers.ListField(
        required=False,
        child=IdField(),
        max_length=MOST_IDS,
        error_messages=_LIST,
        help_text="Where they would come; anywhere unless sent.",
    )
    doctor_ids = serializers.ListField(
        required=False,
        child=IdField(),
        max_length=MOST_IDS,
        error_messages=_LIST,
        help_text="Whom they would see; anybody unless sent.",
    )
    weekdays = serializers.ListField(
        required=False,
        child=StrictChoiceField(choices=WEEKDAYS),
        max_length=len(WEEKDAYS),
        error_messages=_LIST,
        help_text="On which days of the week; on any unless sent.",
    )
    parts = serializers.ListField(
        required=False,
        child=StrictChoiceField(choices=TIME_RANGES),
        max_length=len(TIME_RANGES),
        error_messages=_LIST,
        help_text="In which parts of the day, by the location's clock; in any unless sent.",
    )
    earliest = StrictDateField(
        required=False, allow_null=True, help_text="The first day that fits, on the calendar there."
    )
    latest = StrictDateField(required=False, allow_null=True, help_text="The last day that fits.")
    first_name = StrictCharField(required=False, allow_blank=True, max_length=100)
    last_name = StrictCharField(required=False, allow_blank=True, max_length=100)
    email = StrictEmailField(
        required=False,
        allow_blank=True,
        max_length=254,
        help_text="Where offers are sent. This or phone is needed: without it the office calls.",
    )
    phone = StrictCharField(required=False, allow_blank=True, max_length=40)
    guardian_name = StrictCharField(
        required=False, allow_blank=True, max_length=200, help_text="Who answers for a child."
    )
    zip_code = StrictCharField(required=False, allow_blank=True, max_length=20)
    message = StrictCharField(required=False, allow_blank=True, max_length=2000)
    others = serializers.ListField(
        required=False,
        child=WaitlistNameSerializer(),
        max_length=families.MOST - 1,
        error_messages=_LIST,
        help_text="The further people's names: at most one fewer than people.",
    )
    language = StrictChoiceField(
        required=False,
        choices=Language.choices,
        help_text="What they read; en unless sent.",
    )
