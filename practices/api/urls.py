from django.urls import path

from practices.api.views import (
    DoctorViewSet,
    LocationViewSet,
    PracticeListViewSet,
    PracticeViewSet,
)

_PRACTICE = "scheduling/practice/<id:practice_id>"

urlpatterns = [
    path("scheduling/practices", PracticeListViewSet.as_view({"get": "list"})),
    path(_PRACTICE, PracticeViewSet.as_view({"get": "retrieve"})),
    path(f"{_PRACTICE}/locations", PracticeViewSet.as_view({"get": "locations"})),
    path(f"{_PRACTICE}/doctors", PracticeViewSet.as_view({"get": "doctors"})),
    path("scheduling/location/<id:location_id>", LocationViewSet.as_view({"get": "retrieve"})),
    path("scheduling/doctor/<id:doctor_id>", DoctorViewSet.as_view({"get": "retrieve"})),
]
