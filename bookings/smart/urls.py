"""URLs of the public list; the manifest's name is the standard's."""

from django.urls import path, re_path

from bookings.smart import views

urlpatterns = [
    path("scheduling/smart/$bulk-publish", views.manifest),
    path("scheduling/smart/<id:practice_id>/<str:kind>.ndjson", views.file),
    re_path(r"^scheduling/smart(?:/(?P<rest>[\s\S]*))?\Z", views.nothing),
]
