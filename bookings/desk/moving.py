"""The button that moves visits to other openings."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from bookings.desk import times
from bookings.desk.desk import Desk, as_seen, attempt, desk_page, say_mistakes
from bookings.desk.forms import ExactTimeForm
from bookings.models import Appointment, AppointmentStatus, Booking
from bookings.scheduling import moving
from practices.models import Kind


def seen_of(visit: Appointment) -> str:
    """Return the state that a page was rendered with: its status, and its opening."""
    return f"{visit.status} {visit.booking_id}"


def needs_exact_time(visit: Appointment, booking: Booking) -> bool:
    """Whether a visit can move to this opening only with an exact time."""
    is_timed = booking.practice.kind == Kind.RANGE and visit.status == AppointmentStatus.BOOKED
    return is_timed and visit.booking_id != booking.pk


def where_and_when(booking: Booking, time: times.Time | None) -> str:
    """Format a visit's time: Thu, Dec 3, 2026, 9:45 AM, Dr. Reyes, Chesterfield."""
    return f"{time or 'no time yet'}, {booking.doctor.name}, {booking.location.name}"


@desk_page
def move(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Move visits, each to its opening: the fields `visit`, `to` and `seen`, in the same order."""
    page = reverse("admin:desk_next_free", args=[desk.practice.pk])
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return redirect(page)
    sent = request.POST
    visits = [desk.appointment(pk) for pk in sent.getlist("visit")]
    openings = [desk.booking(pk) for pk in sent.getlist("to")]
    if not visits or not len(visits) == len(openings) == len(sent.getlist("seen")):
        raise Http404
    seen = dict(zip((each.pk for each in visits), sent.getlist("seen"), strict=True))
    again = redirect(f"{page}?{sent.get('query', '')}")
    to: dict[str, Any] = {}
    for visit, booking in zip(visits, openings, strict=True):
        to[visit.pk] = {"booking_id": booking.pk}
        # Of one that a colleague has changed meanwhile, `check` tells instead.
        if needs_exact_time(visit, booking) and seen_of(visit) == seen[visit.pk]:
            form = ExactTimeForm(sent, desk=desk, booking=booking, prefix=visit.pk)
            if not form.is_valid():
                say_mistakes(request, form)
                return again
            to[visit.pk]["start_datetime"] = form.cleaned_data["start"]

    def check(visit: Appointment) -> None:
        as_seen(seen[visit.pk], seen_of)(visit)

    is_moved = attempt(
        request,
        lambda: moving.move(to=to, by=desk.by, now=desk.now, check=check),
        _told(page, visits, openings, to),
    )
    if not is_moved:
        return again
    return redirect("admin:desk_booking", desk.practice.pk, openings[0].pk)


def _told(
    page: str, visits: list[Appointment], openings: list[Booking], to: dict[str, Any]
) -> SafeString:
    """Say from where to where the visits move, without names: messages are in a cookie."""
    moves, undo = [], [("visit", visit.pk) for visit in visits]
    for visit, booking in zip(visits, openings, strict=True):
        exact = to[visit.pk].get("start_datetime")
        zone = booking.location.zone
        time = times.Time(exact, zone) if exact else times.of_opening(booking)
        was = where_and_when(visit.booking, times.of_appointment(visit))
        moves.append(f"from {was} to {where_and_when(booking, time)}")
        undo.append(("to", visit.booking_id))
    return format_html(
        'Moved {}. <a href="{}?{}">Undo</a>', "; ".join(moves), page, urlencode(undo)
    )
