"""Queue of reserved appointments in range bookings, which need an exact time."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Min, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.desk import clashes, labels, times
from bookings.desk.clashes import Busy, Given, guard
from bookings.desk.desk import Desk, as_seen, attempt, desk_page, show
from bookings.desk.forms import ExactTimeForm
from bookings.desk.telling import told
from bookings.models import LONGEST, Appointment, AppointmentStatus, Booking
from bookings.representation import time_range
from bookings.scheduling import appointments

_WAITS = as_seen(AppointmentStatus.RESERVED)
_STEP = timedelta(minutes=15)
_SUGGESTED = 3


@dataclass(frozen=True)
class Row:
    """A reserved appointment as the template needs it; `free` are wall times to suggest."""

    appointment: Appointment
    name: str
    asked_range: str
    lasted: str
    form: ExactTimeForm
    free: list[datetime]
    is_past: bool


@dataclass(frozen=True)
class Day:
    """The appointments for which a day was asked for; `given` are that day's exact times."""

    heading: str
    is_past: bool
    rows: list[Row]
    given: list[tuple[str, list[str]]]


def _waiting(desk: Desk) -> list[Appointment]:
    """List reserved appointments, longest waiting first."""
    rows = Appointment.objects.waiting_for_time().filter(booking__practice=desk.practice)
    rows = rows.select_related(
        "booking__location", "booking__doctor", "booking__practice", "partner"
    )
    since = Min("events__at", filter=Q(events__to_status=AppointmentStatus.RESERVED))
    return list(rows.annotate(since=since).order_by("since", "id"))


def _waiting_whole(desk: Desk) -> list[Booking]:
    """List bookings with places reserved as a whole, without a patient."""
    rows = Booking.objects.filter(practice=desk.practice, whole_reserved__gt=0)
    related = rows.select_related("location", "doctor", "practice", "whole_partner")
    return list(related.order_by("start_datetime", "id"))


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    return _show(request, desk)


def _show(
    request: HttpRequest,
    desk: Desk,
    *,
    typed: tuple[str, ExactTimeForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    waiting = _waiting(desk)
    context = {
        "title": "Requests",
        "desk": desk,
        "waiting_patients": len(waiting),
        "days": _days(desk, waiting, dict([typed] if typed else [])),
        "unnamed": [_unnamed(booking) for booking in _waiting_whole(desk)],
    }
    return show(request, desk, "ranges.html", context, status)


def _days(desk: Desk, waiting: list[Appointment], typed: dict[str, ExactTimeForm]) -> list[Day]:
    """Group the appointments by the day asked for, soonest first; without one come last."""
    given = _given(desk, waiting)
    of_day: dict[date, list[Appointment]] = defaultdict(list)
    for each in waiting:
        wall = _wall(each.booking.start_datetime, each.booking)
        of_day[wall.date() if wall else date.max].append(each)
    return [_day(desk, day, of_day[day], given, typed) for day in sorted(of_day)]


def _day(
    desk: Desk,
    day: date,
    waiting: list[Appointment],
    given: dict[str, list[Busy]],
    typed: dict[str, ExactTimeForm],
) -> Day:
    that_day: dict[str, list[str]] = {}
    for doctor in {each.booking.doctor_id: each.booking.doctor for each in waiting}.values():
        walls = [_wall(busy.start, busy.booking) for busy in given[doctor.pk]]
        told = [labels.clock(wall) for wall in walls if wall and wall.date() == day]
        if told:
            that_day[doctor.name] = told
    return Day(
        heading="No day yet" if day == date.max else labels.long_day(day),
        is_past=all(day < _today(desk, each.booking) for each in waiting),
        rows=[
            _row(desk, each, given[each.booking.doctor_id], typed.get(each.pk)) for each in waiting
        ],
        given=list(that_day.items()),
    )


def _row(
    desk: Desk, appointment: Appointment, given: list[Busy], typed: ExactTimeForm | None
) -> Row:
    booking = appointment.booking
    possible = _times_of_part(booking, desk.now)
    free = [at for at in possible if not clashes.overlapping(given, at, booking.length)]
    walls = [walltime.wall_clock(at, booking.location.zone) for at in free[:_SUGGESTED]]
    initial = {"start": walls[0]} if walls else {}
    form = typed or ExactTimeForm(desk=desk, booking=booking, initial=initial)
    form.auto_id = f"id_{appointment.pk}_%s"
    part = time_range(booking.start_datetime, booking.location.zone)
    since: datetime = getattr(appointment, "since", None) or appointment.created_at
    return Row(
        appointment=appointment,
        name=labels.patient(appointment),
        asked_range=labels.RANGES[part] if part else "any time",
        lasted=labels.lasted(desk.now - since),
        form=form,
        free=walls,
        is_past=booking.start_datetime is not None and not possible,
    )


def _times_of_part(booking: Booking, now: datetime) -> list[datetime]:
    """List the times still to come from the opening's start to the end of its part of the day."""
    zone, found = booking.location.zone, []
    if booking.start_datetime is None:
        return []
    at, part = booking.start_datetime, time_range(booking.start_datetime, zone)
    day = walltime.wall_clock(at, zone).date()
    while time_range(at, zone) == part and walltime.wall_clock(at, zone).date() == day:
        if at > now:
            found.append(at)
        at += _STEP
    return found


def _wall(instant: datetime | None, booking: Booking) -> datetime | None:
    return None if instant is None else walltime.wall_clock(instant, booking.location.zone)


def _today(desk: Desk, booking: Booking) -> date:
    return walltime.wall_clock(desk.now, booking.location.zone).date()


def _unnamed(booking: Booking) -> dict[str, Any]:
    return {
        "booking": booking,
        "when": times.when(booking, []),
        "who": [text for text in labels.whole(booking) if "needs a time" in text],
    }


def _given(desk: Desk, waiting: list[Appointment]) -> dict[str, list[Busy]]:
    """Return exact times, from a visit's length ago on, by the id of the doctor."""
    near = Q(start_datetime__gt=desk.now - timedelta(minutes=LONGEST))
    given: dict[str, list[Busy]] = defaultdict(list)
    for busy in clashes.exact_times({each.booking.doctor_id for each in waiting}, near):
        given[busy.booking.doctor_id].append(busy)
    return given


@desk_page
def assign(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Set an appointment's exact time; one outside the part of the day needs a confirmation."""
    appointment = desk.appointment(appointment_id)
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return redirect("admin:desk_ranges", desk.practice.pk)
    form = ExactTimeForm(request.POST, desk=desk, booking=appointment.booking)
    still_waits = appointment.status == AppointmentStatus.RESERVED
    # If a colleague has dealt with the appointment, attempt() below reports that instead.
    if not form.is_valid() and (still_waits or "start" not in form.cleaned_data):
        return _show(request, desk, typed=(appointment.pk, form), status=400)
    exact = form.cleaned_data["start"]
    fields: appointments.Fields = {"status": AppointmentStatus.BOOKED, "start_datetime": exact}

    def edit() -> Appointment:
        return appointments.edit(
            appointment_id=appointment.pk, fields=fields, by=desk.by, now=desk.now, check=_WAITS
        )

    agreed = request.POST.get("anyway", "")
    attempt(
        request,
        lambda: guard(edit, Given(appointment.booking, exact, appointment), agreed=agreed),
        # Without the name: messages are in a cookie.
        format_html(
            "The visit is booked for {}.{}",
            labels.dated(exact, appointment.booking.location.zone),
            told([appointment], desk),
        ),
    )
    return redirect("admin:desk_ranges", desk.practice.pk)
