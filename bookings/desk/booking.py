"""Page of one opening: its patients first, then booking another, history, the whole opening."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings import phone, walltime
from bookings.desk import held, history, labels, proposed, times, whole
from bookings.desk.board.query import url_of_day
from bookings.desk.desk import Desk, desk_page, show, version
from bookings.desk.patient_forms import NamedPatientForm, PatientForm
from bookings.desk.waitlist import fitting
from bookings.messages import deliveries
from bookings.models import (
    TAKEN,
    Appointment,
    AppointmentStatus,
    Attendance,
    Booking,
    Language,
    Status,
    WaitlistOffer,
)
from bookings.patients.record import Patient
from bookings.representation import time_range

_LIKE = ("last_name", "phone", "email", "guardian_name")
"""What the next of a family has in common with the one before."""
_FEW = 4
"""A history of more lines is folded."""


@dataclass(frozen=True)
class Card:
    """A patient's visit as the template needs it.

    when: its time, or the part of the day asked for; time: only the exact time of a range visit.
    attended: what was said of the attendance, in words. has_begun: whether it can be said.
    confirmed: when the patient confirmed; empty if not. language: empty where English.
    mail_refused: whether the address's mail server refused it. offered_to: the id of the family on
    the waiting list to which the place is offered, proposed_to: of the request for which it is held
    while times are proposed; empty if it is not.
    """

    appointment: Appointment
    person: Patient
    name: str
    dial: str
    status: str
    when: str
    time: str
    held_until: str
    is_taken: bool
    has_begun: bool
    attended: str
    confirmed: str
    language: str
    mail_refused: bool
    offered_to: str
    proposed_to: str


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk, booking_id: str) -> HttpResponse:
    """Show an opening. `like` in the query is a visit whose family books another, see `take`."""
    booking = desk.booking(booking_id)
    like = request.GET.get("like")
    if like is None:
        return show_opening(request, desk, booking)
    of_family = desk.appointment(like).person._asdict()
    take = PatientForm(
        desk=desk, booking=booking, initial={name: of_family[name] for name in _LIKE}
    )
    return show_opening(request, desk, booking, take=take)


def show_opening(
    request: HttpRequest,
    desk: Desk,
    booking: Booking,
    *,
    take: PatientForm | None = None,
    name: NamedPatientForm | None = None,
    visits: list[dict[str, Any]] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the page, with a form that has to be looked at again.

    visits: others of the patient to come, from `visits.already`.
    """
    zone = booking.location.zone
    is_range = desk.practice.range_bookings
    found = booking.appointments.select_related("partner", "booking__practice", "booking__location")
    cards = cards_of(found.order_by("created_at", "id"), desk)
    when = times.when(booking, [each.appointment for each in cards])
    asked = time_range(booking.start_datetime, zone) if is_range else None
    wall = booking.start_datetime and walltime.wall_clock(booking.start_datetime, zone)
    has_passed = whole.has_passed(booking, desk.now)
    lines = history.of_booking(booking)
    take = take or PatientForm(desk=desk, booking=booking)
    if not take.is_bound and (take.initial or not any(each.is_taken for each in cards)):
        take.fields["first_name"].widget.attrs["autofocus"] = True
    context = {
        "title": f"Opening {when}",
        "booking": booking,
        "seen": version(booking),
        "status_word": status_word(booking, desk.now),
        "status_class": status_class(booking, desk.now),
        "has_passed": has_passed,
        "when": when,
        "start_value": f"{wall:%Y-%m-%dT%H:%M}" if wall else "",
        "zone": labels.zone_name(zone, booking.start_datetime or desk.now),
        "range": labels.RANGES[asked] if asked else "",
        "taken": labels.taken(booking),
        "is_range": is_range,
        "patients": [each for each in cards if each.is_taken],
        "gone": [each for each in cards if not each.is_taken],
        "unnamed": labels.whole(booking),
        "takes": takes_patients(booking, desk.now),
        "take": take,
        "name": name or NamedPatientForm(desk=desk, booking=booking),
        "visits": visits,
        "then": [*request.GET.getlist("then"), *request.POST.getlist("then")],
        "acts": whole.acts(booking, desk.now),
        "has_patients": booking.places_taken > booking.whole_taken,
        "lines": lines,
        "is_long": len(lines) > _FEW,
        "board": url_of_day(desk, booking),
    }
    return show(request, desk, "booking.html", context, status)


def status_word(booking: Booking, now: datetime) -> str:
    """Return the status; an opening that has passed is not open, also if places were left."""
    if booking.status == Status.OPEN and whole.has_passed(booking, now):
        return "Passed" if booking.places_taken else "Unused"
    return labels.STATUS[booking.status]


def status_class(booking: Booking, now: datetime) -> str:
    """Return the CSS class of the status."""
    is_over = booking.status == Status.OPEN and whole.has_passed(booking, now)
    return f"status-{Status.CLOSED if is_over else booking.status}"


def takes_patients(booking: Booking, now: datetime) -> bool:
    """Whether a place is free, and its time is still to come."""
    return booking.status == Status.OPEN and not whole.has_passed(booking, now)


def cards_of(appointments: Iterable[Appointment], desk: Desk) -> list[Card]:
    rows = list(appointments)
    refused, statuses = deliveries.refused(rows), held.statuses(rows)
    offers, requests = fitting.holding(rows), proposed.holding(rows)
    return [
        _card(
            each,
            desk,
            status=statuses[each.pk],
            offer=offers.get(each.group_id or ""),
            proposed_to=requests.get(each.pk, ""),
            mail_refused=each.pk in refused,
        )
        for each in rows
    ]


def _card(
    appointment: Appointment,
    desk: Desk,
    *,
    status: str,
    offer: WaitlistOffer | None,
    proposed_to: str,
    mail_refused: bool,
) -> Card:
    zone = appointment.booking.location.zone
    own, until = appointment.start_datetime, appointment.pending_until
    confirmed, language = appointment.confirmed_at, appointment.language or Language.EN
    begins = appointment.exact_time
    is_booked = appointment.status == AppointmentStatus.BOOKED
    is_said = appointment.attendance != Attendance.UNKNOWN
    person = appointment.person
    return Card(
        appointment=appointment,
        person=person,
        name=labels.patient(appointment),
        dial=phone.link(person.phone),
        status=status,
        when=str(times.of_appointment(appointment) or "no time yet"),
        time=labels.dated(own, zone) if own else "",
        held_until=labels.until(until, desk.now, zone) if until else "",
        is_taken=appointment.status in TAKEN,
        has_begun=is_booked and begins is not None and begins <= desk.now,
        attended=labels.ATTENDANCE[appointment.attendance] if is_said else "",
        confirmed=labels.dated(confirmed, zone) if confirmed else "",
        language="" if language == Language.EN else str(Language(language).label),
        mail_refused=mail_refused,
        offered_to=offer.entry_id if offer else "",
        proposed_to=proposed_to,
    )
