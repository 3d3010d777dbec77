"""Practices, their locations and doctors (contract, sections 2 and 4)."""

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request

from openchair.api import conditional, filters
from openchair.api.schema import path_id
from openchair.api.views import ApiViewSet
from practices.api.permissions import SpecialAuthorization
from practices.api.serializers import DoctorSerializer, LocationSerializer, PracticeSerializer
from practices.models import Doctor, Location, Practice

PRACTICE_ID = path_id("practice_id", "The id of the practice.")

_practice = OpenApiExample(
    "practice",
    value={"id": "3rt42", "name": "ABC 123 Orthodontics", "location_ids": ["dr556", "rfW2X"]},
    response_only=True,
)
_location = OpenApiExample(
    "location",
    value={
        "id": "b2rGH",
        "practice_id": "rtGB2",
        "name": "Chesterfield",
        "office_phone": "555 555 5555",
        "street_address": "1234 Main Street",
        "city": "New York",
        "state": "New York",
        "zip": "12345",
        "timezone": "America/New_York",
        "latitude": 26.6545731,
        "longitude": -80.2043307,
    },
    response_only=True,
)
_doctor = OpenApiExample(
    "doctor",
    value={
        "id": "DD3456",
        "practice_id": "rtGB2",
        "name": "Dr. Elena Reyes",
        "location_ids": ["b2rGH", "HK295"],
    },
    response_only=True,
)


class PracticeListViewSet(ApiViewSet):
    """All practices."""

    queryset = Practice.objects.filter(active=True).order_by("id").prefetch_related("locations")
    serializer_class = PracticeSerializer
    permission_classes = [SpecialAuthorization]

    @extend_schema(
        operation_id="list_practices",
        summary="Get all OpenChair practices 🔒",
        description="Every practice currently using OpenChair, in order of their ids. "
        "Needs special authorization.",
        examples=[_practice],
    )
    def list(self, request: Request) -> HttpResponseBase:
        """Answer all of them in one array."""
        filters.check(request.query_params)
        practices = self.get_serializer(self.get_queryset(), many=True)
        return conditional.answer(request, practices.data)


class PracticeViewSet(ApiViewSet):
    """One practice, and what belongs to it."""

    queryset = Practice.objects.filter(active=True)
    serializer_class = PracticeSerializer

    @extend_schema(
        operation_id="get_practice",
        summary="Get an individual practice",
        description="Its name and the ids of its locations.",
        parameters=[PRACTICE_ID],
        examples=[_practice],
    )
    def retrieve(self, request: Request, practice_id: str) -> HttpResponseBase:
        """Answer one."""
        return conditional.answer(request, self.get_serializer(self._practice(practice_id)).data)

    @extend_schema(
        operation_id="list_practice_locations",
        summary="Get the locations of a practice",
        description="In order of their ids.",
        parameters=[PRACTICE_ID],
        responses={200: LocationSerializer(many=True)},
        examples=[_location],
    )
    def locations(self, request: Request, practice_id: str) -> HttpResponseBase:
        """Answer its locations."""
        filters.check(request.query_params)
        locations = self._practice(practice_id).locations.order_by("id")
        return conditional.answer(request, LocationSerializer(locations, many=True).data)

    @extend_schema(
        operation_id="list_practice_doctors",
        summary="Get the doctors of a practice",
        description="In order of their ids, with the locations at which they work.",
        parameters=[PRACTICE_ID],
        responses={200: DoctorSerializer(many=True)},
        examples=[_doctor],
    )
    def doctors(self, request: Request, practice_id: str) -> HttpResponseBase:
        """Answer its doctors."""
        filters.check(request.query_params)
        doctors = self._practice(practice_id).doctors.order_by("id").prefetch_related("locations")
        return conditional.answer(request, DoctorSerializer(doctors, many=True).data)

    def _practice(self, practice_id: str) -> Practice:
        practices: QuerySet[Practice] = self.get_queryset()
        return get_object_or_404(practices, pk=practice_id)


class LocationViewSet(ApiViewSet):
    """Locations."""

    queryset = Location.objects.filter(practice__active=True)
    serializer_class = LocationSerializer

    @extend_schema(
        operation_id="get_location",
        summary="Get an individual location",
        description="One office, with the time zone of its wall clock.",
        examples=[_location],
    )
    def retrieve(self, request: Request, location_id: str) -> HttpResponseBase:
        """Answer one."""
        location = get_object_or_404(self.get_queryset(), pk=location_id)
        return conditional.answer(request, self.get_serializer(location).data)


class DoctorViewSet(ApiViewSet):
    """Doctors."""

    queryset = Doctor.objects.filter(practice__active=True)
    serializer_class = DoctorSerializer

    @extend_schema(
        operation_id="get_doctor",
        summary="Get an individual doctor",
        description="The name, and the locations at which this doctor works.",
        examples=[_doctor],
    )
    def retrieve(self, request: Request, doctor_id: str) -> HttpResponseBase:
        """Answer one."""
        doctor = get_object_or_404(self.get_queryset(), pk=doctor_id)
        return conditional.answer(request, self.get_serializer(doctor).data)
