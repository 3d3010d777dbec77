"""Step 7, done: what is booked, when and where, what comes next. Its address stays valid."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from bookings import phone
from bookings.booking_page import earlier, summary
from bookings.booking_page.page import Page, begin_anew, first_page, show
from bookings.models import BOOKED, Appointment, AppointmentStatus
from bookings.patients import links

_SIGNED_FOR = "openchair.booking_page.done"


def go(page: Page, visit: Sequence[Appointment]) -> HttpResponse:
    """Redirect to the last page of a visit."""
    signed = signing.dumps([each.pk for each in visit], salt=_SIGNED_FOR)
    address = reverse("book_done", args=[page.practice.pk])
    return HttpResponseRedirect(f"{address}?visits={signed}", status=303)


@partial(first_page, even_if_off=True)
def done(request: HttpRequest, page: Page) -> HttpResponse:
    visit = _visit(request, page)
    if not visit:
        return begin_anew(request, page)
    booked = [each for each in visit if each.status in BOOKED]
    booked_to_come = [each for each in booked if not summary.is_past(each, page.now)]
    locations = {each.booking.location_id: each.booking.location for each in booked}
    context = {
        "visits": [_shown(each, page) for each in visit],
        # The office, or a parent, may have moved one of a family to another one.
        "locations": [(each, phone.link(each.office_phone)) for each in locations.values()],
        "is_reserved": any(each.status == AppointmentStatus.RESERVED for each in visit),
        "is_to_come": bool(booked_to_come),
        "is_over": bool(booked) and not booked_to_come,
        "is_family": len(visit) > 1,
        "earlier": _earlier(booked_to_come, page) if booked_to_come else None,
        "mailed_to": summary.mailed_to(booked_to_come[0]) if booked_to_come else "",
    }
    return show(request, page, "done.html", context)


def _visit(request: HttpRequest, page: Page) -> list[Appointment]:
    """Return the appointments of the address, in its order; none where it is not one of ours."""
    try:
        ids = signing.loads(request.GET.get("visits", ""), salt=_SIGNED_FOR)
    except signing.BadSignature:
        return []
    rows = Appointment.objects.filter(booking__practice=page.practice)
    found = rows.select_related(
        "booking__location", "booking__doctor", "booking__practice"
    ).in_bulk(ids)
    return [found[each] for each in ids if each in found]


def _earlier(visits: Sequence[Appointment], page: Page) -> dict[str, Any] | None:
    """Return whether they are told of an earlier time, and where that is changed, if it can be."""
    first = visits[0]
    is_waiting = earlier.entry_of(first, page.now) is not None
    at_office = earlier.at_office(page, first)
    if not (is_waiting or (page.settings.active and earlier.can_become_free(at_office, visits))):
        return None
    return {"is_waiting": is_waiting, "url": reverse("visit_earlier", args=[links.give(first)])}


def _shown(visit: Appointment, page: Page) -> dict[str, Any]:
    token, is_booked = links.give(visit), visit.status in BOOKED
    return {
        # What is not booked may have no time any more.
        **(summary.of([visit], page) if is_booked else {}),
        "name": summary.name_of(visit),
        "is_booked": is_booked,
        "is_cancelled": visit.status == AppointmentStatus.CANCELLED,
        "url": reverse("visit", args=[token]),
        "calendar_url": reverse("visit_calendar", args=[token]),
    }
