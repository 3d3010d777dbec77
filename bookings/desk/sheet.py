"""The day sheet: a location's day on paper, with who comes and their phone numbers."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings.desk import held, labels, times
from bookings.desk.board.query import View, on_board, view_of
from bookings.desk.desk import Desk, desk_page, show
from bookings.messages import deliveries
from bookings.models import Appointment, AppointmentStatus, Attendance, Booking
from bookings.patients.record import Patient
from practices.models import Location


@dataclass(frozen=True)
class Row:
    """A patient's line."""

    at: datetime
    time: str
    person: Patient
    name: str
    doctor: str
    length: int
    status: str
    attendance: str
    """What is marked already; empty for boxes to tick."""
    will_come: bool
    """Whether the patient has said so."""
    mail_refused: bool
    """Whether the address's mail server refused it."""


@dataclass(frozen=True)
class Known:
    """What is read of all visits at once, by id: whose mail was refused, statuses in words."""

    refused: set[str]
    statuses: dict[str, str]


@dataclass(frozen=True)
class Page:
    """A location's sheet; `others` are the places without a patient: held, or free."""

    location: Location
    rows: list[Row]
    others: list[str]


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    view, only_unsure = view_of(request, desk), "unsure" in request.GET
    found = on_board(desk, view).select_related("location", "doctor", "practice", "whole_partner")
    openings = list(found)
    ids = [booking.pk for booking in openings]
    taken = Appointment.objects.taken().filter(booking__in=ids)
    of_booking: dict[str, list[Appointment]] = {each: [] for each in ids}
    for appointment in taken.order_by("created_at", "id"):
        of_booking[appointment.booking_id].append(appointment)
    every = [each for mine in of_booking.values() for each in mine]
    known = Known(deliveries.refused(every), held.statuses(every))
    pages = []
    for location in view.locations(desk):
        here = [each for each in openings if each.location_id == location.pk]
        sheet = _page(view, location, here, of_booking, known)
        pages.append(_unsure(sheet, desk.now) if only_unsure else sheet)
    context = {
        "title": f"Day sheet, {labels.long_day(view.day)}",
        "day": labels.long_day(view.day),
        "view": view,
        "pages": pages,
        "places": desk.locations,
        "only_unsure": only_unsure,
        "printed": labels.dated(desk.now, desk.locations[0].zone) if desk.locations else "",
        "is_fullwidth": "1",
    }
    return show(request, desk, "sheet.html", context)


def _page(
    view: View,
    location: Location,
    openings: list[Booking],
    of: dict[str, list[Appointment]],
    known: Known,
) -> Page:
    rows: list[Row] = []
    others: list[str] = []
    for booking in openings:
        kind, mine = booking.practice.kind, of[booking.pk]
        for time in times.of_booking(booking, mine, location.zone, kind):
            if time.day != view.day:
                continue
            if time.appointment is not None:
                rows.append(_row(booking, time.appointment, time, known))
                continue
            rest = [each for each in mine if each.start_datetime is None]
            rows += [_row(booking, each, time, known) for each in rest]
            what = labels.whole(booking)
            if booking.free_places:
                is_one = booking.total_appointments == 1
                what.append("free" if is_one else f"{booking.free_places} free")
            if what:
                clock = f"{time.clock}, {booking.doctor.name}"
                others.append(f"{clock}: {', '.join(what)}")
    return Page(location, sorted(rows, key=lambda row: row.at), others)


def _unsure(sheet: Page, now: datetime) -> Page:
    """Leave those who are still to come at a time of theirs, and have not said that they will."""
    rows = [row for row in sheet.rows if row.at > now and not (row.status or row.will_come)]
    return Page(sheet.location, rows, [])


def _row(booking: Booking, appointment: Appointment, time: times.Time, known: Known) -> Row:
    status = known.statuses[appointment.pk]
    marked = appointment.attendance != Attendance.UNKNOWN
    return Row(
        at=time.at,
        time=time.clock,
        person=appointment.person,
        name=labels.patient(appointment),
        doctor=booking.doctor.name,
        length=booking.length,
        status="" if appointment.status == AppointmentStatus.BOOKED else status,
        attendance=labels.ATTENDANCE[appointment.attendance].capitalize() if marked else "",
        will_come=appointment.confirmed_at is not None,
        mail_refused=appointment.pk in known.refused,
    )
