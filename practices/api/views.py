"""Viewsets of practices, their locations and doctors (contract, sections 2 and 4)."""

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from openchair.api import conditional, filters
from openchair.api.views import ApiViewSet
from practices.api import schema
from practices.api.permissions import SpecialAuthorization
from practices.api.serializers import DoctorSerializer, LocationSerializer, PracticeSerializer
from practices.models import Doctor, Location, Practice


class PracticeListViewSet(ApiViewSet):
    """All practices."""

    queryset = Practice.objects.filter(active=True).order_by("id").prefetch_related("locations")
    serializer_class = PracticeSerializer
    permission_classes = [SpecialAuthorization]

    @schema.list_practices
    def list(self, request: Request) -> HttpResponseBase:
        """Answer all of them in one array."""
        filters.check(request.query_params)
        practices = self.get_serializer(self.get_queryset(), many=True)
        return conditional.answer(request, practices.data)


class PracticeViewSet(ApiViewSet):
    """One practice, and what belongs to it."""

    queryset = Practice.objects.filter(active=True)
    serializer_class = PracticeSerializer

    @schema.get_practice
    def retrieve(self, request: Request, practice_id: str) -> HttpResponseBase:
        """Answer one."""
        return conditional.answer(request, self.get_serializer(self._practice(practice_id)).data)

    @schema.list_practice_locations
    def locations(self, request: Request, practice_id: str) -> HttpResponseBase:
        """Answer its locations."""
        filters.check(request.query_params)
        locations = self._practice(practice_id).locations.order_by("id")
        return conditional.answer(request, LocationSerializer(locations, many=True).data)

    @schema.list_practice_doctors
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

    @schema.get_location
    def retrieve(self, request: Request, location_id: str) -> HttpResponseBase:
        """Answer one."""
        location = get_object_or_404(self.get_queryset(), pk=location_id)
        return conditional.answer(request, self.get_serializer(location).data)


class DoctorViewSet(ApiViewSet):
    """Doctors."""

    queryset = Doctor.objects.filter(practice__active=True)
    serializer_class = DoctorSerializer

    @schema.get_doctor
    def retrieve(self, request: Request, doctor_id: str) -> HttpResponseBase:
        """Answer one."""
        doctor = get_object_or_404(self.get_queryset(), pk=doctor_id)
        return conditional.answer(request, self.get_serializer(doctor).data)
