"""Page of the visits that are not yet in the practice's own software, and the mark by hand."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from bookings.desk import entering, labels, paging, times
from bookings.desk.desk import Desk, as_seen, attempt, desk_page, show, within_desk
from bookings.models import Appointment, AppointmentStatus, Booking, ExternalStatus
from bookings.scheduling import appointments


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    rows = (
        entering.left([desk.practice], now=desk.now) if desk.system else Appointment.objects.none()
    )
    related = rows.select_related("booking__location", "booking__practice", "booking__doctor")
    found, links = paging.page_of(request, related.order_by("updated_at", "id"))
    context = {
        "title": f"Not yet in {desk.system or 'your software'}",
        "rows": [_row(each) for each in found],
        **links,
    }
    return show(request, desk, "not_entered.html", context)


def _row(visit: Appointment) -> dict[str, Any]:
    return {
        "visit": visit,
        "name": labels.patient(visit),
        "when": times.of_appointment(visit) or "no time yet",
        "is_cancelled": visit.status == AppointmentStatus.CANCELLED,
        "since": labels.dated(visit.updated_at, visit.booking.location.zone),
        "seen": changed_at(visit),
    }


def changed_at(visit: Appointment | Booking) -> str:
    """Return when a visit last changed: what a mark is about, see `as_seen`."""
    return visit.updated_at.isoformat()


@desk_page
def mark(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Note that somebody entered a visit by hand, or with `undo` that it is to be entered."""
    visit = desk.appointment(appointment_id)
    if desk.system is None:
        raise Http404
    page = reverse("admin:desk_patient", args=[desk.practice.pk, visit.pk])
    listed = within_desk(desk, request.POST.get("next", ""))
    if request.method == "POST":
        is_undone = "undo" in request.POST
        status = None if is_undone else ExternalStatus.ENTERED
        is_not = "not " if is_undone else ""
        entered = "cancelled there" if visit.status == AppointmentStatus.CANCELLED else "entered"
        # A list goes on without it, and the next row is where the button was: for a wrong one.
        see = format_html(' <a href="{}">See the visit</a>', page) if listed else ""
        attempt(
            request,
            lambda: appointments.edit(
                appointment_id=visit.pk,
                fields={"external_status": status},
                by=desk.by,
                now=desk.now,
                check=as_seen(request.POST.get("seen", ""), changed_at),
            ),
            format_html("Marked as {}{}.{}", is_not, entered, see),
        )
    return redirect(listed or page)
