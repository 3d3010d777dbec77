"""The form of a new opening, and of an opening that is edited."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from bookings import walltime
from bookings.desk.board.query import url_of_day
from bookings.desk.desk import Desk, as_seen, desk_page, show, try_form, version
from bookings.desk.forms import BookingForm
from bookings.models import Booking
from bookings.scheduling import bookings


@desk_page
def new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Create a booking; the board links here with location, doctor and start in the query."""
    if request.method == "POST":
        form = BookingForm(desk, request.POST, is_new=True)
        booking = try_form(
            form,
            lambda: bookings.publish(fields=form.fields_for_verb(), by=desk.by, now=desk.now),
        )
        if booking is not None:
            messages.success(request, "The opening is published.")
            return redirect(url_of_day(desk, booking))
        return _show_form(request, desk, form, None, 400)
    initial = {name: request.GET[name] for name in ("location", "doctor") if name in request.GET}
    form = BookingForm(desk, initial={**initial, "start": request.GET.get("start", "")[:16]})
    return _show_form(request, desk, form, None)


@desk_page
def edit(request: HttpRequest, desk: Desk, booking_id: str) -> HttpResponse:
    """Edit a booking, unless it has changed since the form was rendered (see as_seen)."""
    booking = desk.booking(booking_id)
    if request.method == "POST":
        form = BookingForm(desk, request.POST)
        check = as_seen(request.POST.get("seen", ""), version)
        edited = try_form(
            form,
            lambda: bookings.edit(
                booking_id=booking.pk,
                fields=form.fields_for_verb(),
                by=desk.by,
                now=desk.now,
                check=check,
            ),
        )
        if edited is not None:
            messages.success(request, "The opening is changed.")
            return redirect("admin:desk_booking", desk.practice.pk, booking.pk)
        # The form gets the current version: saving again after a conflict message is deliberate.
        return _show_form(request, desk, form, booking, 400)
    wall = booking.start_datetime and walltime.wall_clock(
        booking.start_datetime, booking.location.zone
    )
    form = BookingForm(
        desk,
        initial={
            "location": booking.location_id,
            "doctor": booking.doctor_id,
            "start": wall,
            "length": booking.length,
            "places": booking.total_appointments,
            "recurring": booking.recurring,
        },
    )
    return _show_form(request, desk, form, booking)


def _show_form(
    request: HttpRequest,
    desk: Desk,
    form: BookingForm,
    booking: Booking | None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "title": "Edit opening" if booking else "New opening",
        "form": form,
        "booking": booking,
        "seen": version(booking) if booking else "",
        "zones": sorted({each.zone.key for each in desk.locations}),
    }
    return show(request, desk, "booking_form.html", context, status)
