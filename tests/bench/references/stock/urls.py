"""URLs of STOCK."""

from django.urls import path

from tests.bench.references.stock.scheduling.views import BookingViewSet

v = BookingViewSet.as_view
urlpatterns = [
    path("onlinescheduling/location/<str:location>/bookings", v({"get": "list"})),
    path("onlinescheduling/practice/<str:practice>/bookings", v({"get": "list"})),
    path("onlinescheduling/booking", v({"post": "create"})),
    path(
        "onlinescheduling/booking/<str:public_id>",
        v({"get": "retrieve", "put": "partial_update", "delete": "destroy"}),
    ),
]
