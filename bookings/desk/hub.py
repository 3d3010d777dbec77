"""The hub of a practice: all that belongs to it, and what is missing or in trouble."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from bookings.desk import health
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.health import Health, Trouble
from practices.models import Partner
from practices.timezones import in_words

_OF_STAFF = {"practices_doctor_add", "practices_doctor_change", "practices_location_change"}
"""Of the pages that are not the desk's, those that staff may use."""


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    is_operator = desk.user.is_superuser
    (found,) = health.of([desk.practice], now=desk.now, with_keys=is_operator)
    context = {
        "title": "Overview",
        "health": found,
        "serious": [_linked(desk, each) for each in found.serious],
        "notes": [_linked(desk, each) for each in found.notes],
        "locations": [_location(found, each) for each in found.locations],
        "partners": [(each, _may(each, found)) for each in found.partners],
        "comes_back": urlencode({"next": _address(desk)}),
    }
    return show(request, desk, "hub.html", context)


def _address(desk: Desk) -> str:
    return reverse("admin:desk_hub", args=[desk.practice.pk])


def _linked(desk: Desk, trouble: Trouble) -> tuple[str, str]:
    """Return what a trouble says, and the address where this person can end it, if any."""
    name = trouble.page
    if name.startswith("desk_"):
        return trouble.says, reverse(f"admin:{name}", args=[desk.practice.pk])
    if not name or not (desk.user.is_superuser or name in _OF_STAFF):
        return trouble.says, ""
    args = [] if trouble.row is None else [trouble.row.pk]
    query = urlencode({"practice": desk.practice.pk, "next": _address(desk)})
    return trouble.says, f"{reverse(f'admin:{name}', args=args)}?{query}"


def _location(found: Health, location: Any) -> dict[str, Any]:
    here = [each for each in found.doctors if location in each.locations.all()]
    return {
        "row": location,
        "zone": in_words(location.timezone),
        "doctors": [each.name for each in here],
    }


def _may(partner: Partner, found: Health) -> str:
    """Say in a few words what a partner may do in this practice."""
    if not partner.active:
        return "Nothing: it is switched off"
    reads = "; as its own software sees every visit" if partner == found.system else ""
    if not partner.special_authorization:
        return f"May only read{reads}"
    where = ", as in every practice" if partner.all_practices else ""
    return f"May list openings and change its own{where}{reads}"
