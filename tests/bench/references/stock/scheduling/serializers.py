from zoneinfo import ZoneInfo

from rest_framework import serializers

from .models import Booking, Location


class LocalDateTimeField(serializers.DateTimeField):
    """In the booking's location's timezone, with its offset."""

    def get_attribute(self, instance):
        return super().get_attribute(instance).astimezone(ZoneInfo(instance.location.timezone))

    def enforce_timezone(self, value):
        return value if value.tzinfo else super().enforce_timezone(value)


class BookingSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="public_id", read_only=True)
    start_datetime = LocalDateTimeField(source="start_at")
    location_id = serializers.SlugRelatedField(
        source="location", slug_field="public_id", queryset=Location.objects.all()
    )
    practice_id = serializers.CharField(source="practice.public_id", read_only=True)

    class Meta:
        model = Booking
        fields = [
            "id",
            "status",
            "length",
            "recurring",
            "start_datetime",
            "location_id",
            "practice_id",
            "doctor_id",
            "available_appointments",
            "total_appointments",
            "updated_at",
            "created_at",
            "range_booking",
        ]
