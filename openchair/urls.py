"""The root URLconf: API, public pages and admin."""

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path, register_converter

from openchair import front_page
from openchair.api.views import UnknownRouteView
from openchair.docs import views
from openchair.operations import probes
from openchair.serving import metrics
from practices.ids import PublicIdConverter

register_converter(PublicIdConverter, "id")

urlpatterns: list[URLPattern | URLResolver] = [
    # First, because each pattern tried before the right one costs as much as that one.
    path("", include("bookings.api.urls")),
    path("", include("practices.api.urls")),
    path("", include("bookings.smart.urls")),
    path("", front_page.index, name="index"),
    path("docs/", include("openchair.docs.urls")),
    path("openapi.json", views.openapi, name="openapi"),
    path("admin/", admin.site.urls),
    path("livez", probes.livez),
    path("readyz", probes.readyz),
    path("metrics", metrics.scrape),
    path("", include("bookings.calendars.urls")),
    # In English without a prefix, in Spanish below /es/.
    *i18n_patterns(path("", include("bookings.booking_page.urls")), prefix_default_language=False),
    re_path(r"^(?:online)?scheduling(?:/[\s\S]*)?\Z", UnknownRouteView.as_view({"get": "handle"})),
]

handler400 = "openchair.pages.bad_request"
handler403 = "openchair.pages.forbidden"
handler404 = "openchair.pages.not_found"
handler500 = "openchair.pages.server_error"
