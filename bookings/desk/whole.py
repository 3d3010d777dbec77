"""Acts on an opening as a whole: hold, release, reserve or book it without a name, close it."""

from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from bookings.desk.clashes import Given, guard
from bookings.desk.desk import Desk, as_seen, attempt, desk_page, say_mistakes, version
from bookings.desk.forms import ExactTimeForm
from bookings.models import Booking, Status
from bookings.scheduling import bookings, moves
from openchair.errors import Refused

_ACTS = {
    # value the button submits: resulting status, label, success message
    "hold": (Status.PENDING, "Hold", "Opening put on hold."),
    "release": (Status.OPEN, "Release", "Opening released. It is free again."),
    "reserve": (
        Status.RESERVED,
        "Book without a name or time",
        "Opening booked without a name. It needs a time.",
    ),
    "book": (Status.BOOKED, "Book without a name", "Opening booked without a name."),
}


@dataclass(frozen=True)
class Act:
    """A button; with `needs_time` an exact time is sent with it."""

    name: str
    label: str
    needs_time: bool


def has_passed(booking: Booking, now: datetime) -> bool:
    return booking.start_datetime is not None and booking.start_datetime <= now


def acts(booking: Booking, now: datetime) -> list[Act]:
    """List what BOOKING_MOVES, the places and the time allow now."""
    may = moves.BOOKING_MOVES[booking.practice.kind].get(Status(booking.status), set())
    ours = booking.whole_taken
    found = []
    for name, (status, label, _done) in _ACTS.items():
        possible = status in may and not has_passed(booking, now)
        if status == Status.OPEN:
            # With some places free the status is open already, and the others can be released.
            possible = ours > 0 and Status.OPEN in {*may, booking.status}
        elif booking.status != Status.OPEN and not ours:
            possible = False
        if booking.start_datetime is None and status in {Status.OPEN, Status.BOOKED}:
            possible = False
        if possible:
            needs_time = status == Status.BOOKED and booking.practice.range_bookings
            found.append(Act(name, label, needs_time))
    return found


@desk_page
def act(request: HttpRequest, desk: Desk, booking_id: str) -> HttpResponse:
    """Do it, unless anything in the opening has changed since the page was rendered."""
    booking = desk.booking(booking_id)
    page = redirect("admin:desk_booking", desk.practice.pk, booking.pk)
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return page
    wanted = request.POST.get("do", "")
    check = as_seen(request.POST.get("seen", ""), version)
    if wanted == "close":
        attempt(
            request,
            lambda: bookings.close(booking_id=booking.pk, by=desk.by, now=desk.now, check=check),
            "Opening closed.",
        )
        return page
    if wanted not in _ACTS:
        raise Http404
    status, _label, done = _ACTS[wanted]
    fields: bookings.Fields = {"status": status}
    if status == Status.BOOKED and desk.practice.range_bookings:
        form = ExactTimeForm(request.POST, desk=desk, booking=booking)
        if not form.is_valid():
            say_mistakes(request, form)
            return page
        fields["start_datetime"] = form.cleaned_data["start"]

    def check_time_too(row: Booking) -> None:
        check(row)
        if status != Status.OPEN and has_passed(row, desk.now):
            raise Refused("in_the_past", f"The time of booking {row.pk} has passed.")

    def edit() -> Booking:
        return bookings.edit(
            booking_id=booking.pk, fields=fields, by=desk.by, now=desk.now, check=check_time_too
        )

    agreed, exact = request.POST.get("anyway", ""), fields.get("start_datetime")
    attempt(request, lambda: guard(edit, Given(booking, exact), agreed=agreed), done)
    return page
