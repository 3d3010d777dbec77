import os

import django_filters
from django.db import transaction
from rest_framework import status, viewsets
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from .models import Booking
from .serializers import BookingSerializer

FROM = {
    "pending": ["open"],
    "reserved": ["pending"],
    "booked": ["pending", "reserved"],
    "open": ["pending"],
}


class Conflict(APIException):
    status_code = 409
    default_detail = "Status does not allow this change."


class BookingFilter(django_filters.FilterSet):
    status = django_filters.MultipleChoiceFilter(choices=Booking.STATUS)

    class Meta:
        model = Booking
        fields = ["status"]


class BookingViewSet(viewsets.ModelViewSet):
    serializer_class = BookingSerializer
    filterset_class = BookingFilter
    lookup_field = "public_id"

    def get_queryset(self):
        qs = Booking.objects.select_related("location", "practice")
        if "location" in self.kwargs:
            qs = qs.filter(location__public_id=self.kwargs["location"])
        elif "practice" in self.kwargs:
            qs = qs.filter(practice__public_id=self.kwargs["practice"])
        elif self.request.method in ("PUT", "DELETE"):
            qs = qs.filter(created_by=self.request.auth)
        return qs

    def perform_create(self, serializer):
        serializer.save(
            created_by=self.request.auth,
            practice_id=serializer.validated_data["location"].practice_id,
            public_id=os.urandom(6).hex(),
            status="open",
        )

    @transaction.atomic
    def partial_update(self, request, *args, **kwargs):
        booking = (
            self.get_queryset()
            .select_for_update(of=("self",))
            .filter(public_id=kwargs["public_id"])
            .first()
        )
        if booking is None:
            return Response({"error": "not found"}, status=status.HTTP_404_NOT_FOUND)
        serializer = self.get_serializer(booking, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        new = serializer.validated_data.get("status", booking.status)
        if booking.status not in FROM[new]:
            raise Conflict()
        serializer.save()
        return Response(serializer.data)

    def destroy(self, request, *args, **kwargs):
        booking = self.get_object()
        booking.delete()
        return Response({"id": kwargs["public_id"], "status": "closed"})
