"""Serializers of practices, locations and doctors, in the published form."""

from typing import Any

from rest_framework import serializers

from practices.models import Doctor, Location, Practice


class PracticeSerializer(serializers.ModelSerializer[Practice]):
    """A practice currently using OpenChair."""

    location_ids: serializers.Field[Any, Any, Any, Any] = serializers.PrimaryKeyRelatedField(
        source="locations", many=True, read_only=True, help_text="Ids of its locations."
    )

    class Meta:
        model = Practice
        fields = ["id", "name", "location_ids"]
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "The practice's id."},
            "name": {"help_text": "The name the practice goes by."},
        }


class LocationSerializer(serializers.ModelSerializer[Location]):
    """An office of a practice."""

    practice_id = serializers.CharField(read_only=True, help_text="The practice it belongs to.")

    class Meta:
        model = Location
        fields = [
            "id",
            "practice_id",
            "name",
            "office_phone",
            "street_address",
            "city",
            "state",
            "zip",
            "timezone",
            "latitude",
            "longitude",
        ]
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "The location's id."},
            "name": {"help_text": "The name the office goes by."},
            "office_phone": {"help_text": "As the practice writes it."},
            "timezone": {"help_text": "IANA time zone, the office's wall clock."},
            "latitude": {"help_text": "Degrees, -90 to 90; null if unknown."},
            "longitude": {"help_text": "Degrees, -180 to 180; null if unknown."},
        }


class DoctorSerializer(serializers.ModelSerializer[Doctor]):
    """Who sees the patient."""

    practice_id = serializers.CharField(read_only=True, help_text="The practice.")
    location_ids: serializers.Field[Any, Any, Any, Any] = serializers.PrimaryKeyRelatedField(
        source="locations", many=True, read_only=True, help_text="Ids of the locations."
    )

    class Meta:
        model = Doctor
        fields = ["id", "practice_id", "name", "location_ids"]
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "The doctor's id."},
            "name": {"help_text": "As patients are told it."},
        }
