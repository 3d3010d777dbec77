"""Former addresses of the lists, those of Django's admin: they lead to the pages of the desk."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.views.decorators.http import require_safe

from bookings.models import Booking
from practices.ids import is_id
from practices.scoping import practices_of

_LISTS = {
    "booking": "admin:desk_openings",
    "appointment": "admin:desk_patients",
    "series": "admin:desk_weekly",
    "event": "admin:desk_history",
}


@require_safe
def to_list(request: HttpRequest, name: str) -> HttpResponse:
    """Lead to the list of the person's practice; of several practices, to the start page."""
    return admin.site.admin_view(_to_list)(request, name)


def _to_list(request: HttpRequest, name: str) -> HttpResponse:
    mine = practices_of(request.user)
    return redirect(_LISTS[name], mine[0].pk) if len(mine) == 1 else redirect("admin:index")


@require_safe
def to_opening(request: HttpRequest, name: str, object_id: str) -> HttpResponse:
    return admin.site.admin_view(_to_opening)(request, name, object_id)


def _to_opening(request: HttpRequest, name: str, object_id: str) -> HttpResponse:
    if not is_id(object_id):
        raise Http404
    lookup = {"booking": "pk", "appointment": "appointments"}[name]
    mine = Booking.objects.filter(practice__in=practices_of(request.user))
    opening = get_object_or_404(mine, **{lookup: object_id})
    return redirect("admin:desk_booking", opening.practice_id, opening.pk)


urlpatterns = [
    *(path(f"{name}/", to_list, {"name": name}) for name in _LISTS),
    *(
        path(f"{name}/<str:object_id>/{page}", to_opening, {"name": name})
        for name in ("booking", "appointment")
        for page in ("", "change/", "history/")
    ),
]
