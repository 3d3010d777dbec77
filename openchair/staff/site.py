"""The admin site: its URLs, login and start page, and the views of Django's that are removed."""

from http import HTTPStatus
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils import timezone

from bookings.desk import health
from openchair.staff import second_factor, sessions
from openchair.staff.invitations import InvitationView
from openchair.staff.login import CodePage, PasswordPage
from openchair.staff.own_password import OwnPasswordChangeForm
from openchair.staff.second_factor_page import SecondFactorPage
from practices.scoping import practices_of

# They reveal rows by content type, or by any app, model and field: not needed, so removed.
SHUT = {"view_on_site", "autocomplete"}
# What an operator sets up first comes first; whatever is not named follows.
ORDER = ["Practice", "Location", "Doctor", "User", "Membership", "Partner", "ApiKey"]


class OpenChairSite(AdminSite):
    """The admin of an installation; staff start at their board, operators at an overview."""

    enable_nav_sidebar = False

    def get_urls(self) -> list[URLPattern | URLResolver]:
        kept = [url for url in super().get_urls() if getattr(url, "name", None) not in SHUT]
        return [
            path("desk/<id:practice_id>/", include("bookings.desk.urls")),
            path("", include("practices.admin.urls")),
            path("partners/<id:partner_id>/webhooks/", include("bookings.admin_webhooks.urls")),
            path("bookings/", include("bookings.desk.former")),
            path("invitation/<uidb64>/<token>/", InvitationView.as_view(), name="invitation"),
            path("login/code/", CodePage.as_view(), name="second_factor_code"),
            path(
                "second-factor/",
                self.admin_view(SecondFactorPage.as_view()),
                name="second_factor",
            ),
            path("stay/", self.admin_view(self.stay), name="stay"),
            *kept,
        ]

    def stay(self, request: HttpRequest) -> HttpResponse:
        """Keep an idle session alive: the middleware has recorded this request."""
        return HttpResponse(status=HTTPStatus.NO_CONTENT)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return all lists as one app's, in their ORDER."""
        apps: list[Any] = super().get_app_list(request, app_label)
        models = [model for app in apps for model in app["models"]]
        places = {name: place for place, name in enumerate(ORDER)}
        models.sort(key=lambda model: places.get(model["object_name"], len(ORDER)))
        return [{**apps[0], "models": models}] if apps else []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        if self.has_permission(request):
            context["idle_seconds_left"] = sessions.seconds_left(request)
            context["second_factor_offered"] = second_factor.is_offered()
        if self.has_permission(request) and not request.user.is_superuser:
            mine = practices_of(request.user)
            context["my_practices"] = mine
            context["practice"] = mine[0] if mine else None
        return context

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        mine = practices_of(request.user)
        if mine and not request.user.is_superuser:
            return redirect("admin:desk_board", practice_id=mine[0].pk)
        sought = request.GET.get("q", "").strip()
        found = [each for each in mine if sought.casefold() in each.name.casefold()]
        healths = health.of(found, now=timezone.now(), with_keys=True)
        context = {
            **self.each_context(request),
            "title": "Practices" if request.user.is_superuser else "Welcome",
            "sought": sought,
            "has_practices": bool(mine),
            "healths": sorted(healths, key=lambda each: -len(each.serious)),
            **(extra_context or {}),
        }
        return render(request, "admin/start.html", context)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return PasswordChangeView.as_view(
            form_class=OwnPasswordChangeForm,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "GET" and self.has_permission(request):
            return redirect("admin:index")
        return PasswordPage.as_view()(request)
