"""Queue of reserved appointments in range bookings, which need an exact time."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.desk import answer_clock, free_times, labels, proposed, times
from bookings.desk.clashes import Given, guard
from bookings.desk.desk import Desk, as_seen, attempt, desk_page, show
from bookings.desk.forms import ExactTimeForm
from bookings.desk.proposed import Proposed
from bookings.desk.telling import told
from bookings.models import Appointment, AppointmentStatus, Booking
from bookings.representation import time_range
from bookings.scheduling import appointments
from bookings.scheduling.exact_times import Busy
from practices.models import BookingPage

_WAITS = as_seen(AppointmentStatus.RESERVED)
_SUGGESTED = 3


@dataclass(frozen=True)
class Row:
    """A reserved appointment as the template needs it; `free` are wall times to suggest.

    due: by when it is to be answered; empty where nobody has said so, or times are proposed.
    """

    appointment: Appointment
    name: str
    asked_range: str
    lasted: str
    due: str
    is_overdue: bool
    proposed: Proposed | None
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

    @property
    def overdue(self) -> int:
        return sum(each.is_overdue for each in self.rows)


def _waiting(desk: Desk) -> list[Appointment]:
    """List reserved appointments, longest waiting first."""
    rows = Appointment.objects.waiting_for_time().filter(booking__practice=desk.practice)
    rows = rows.select_related(
        "booking__location", "booking__doctor", "booking__practice__booking_page", "partner"
    )
    return list(answer_clock.with_clock(rows).order_by("since", "id"))


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
    days = _days(desk, waiting, dict([typed] if typed else []))
    rules = BookingPage.of(desk.practice)
    context = {
        "title": "Requests",
        "desk": desk,
        "waiting_patients": len(waiting),
        "overdue_patients": sum(each.overdue for each in days),
        "promise": rules.promise_en,
        "promise_hours": rules.promise_hours,
        "days": days,
        "unnamed": [_unnamed(booking) for booking in _waiting_whole(desk)],
    }
    return show(request, desk, "ranges.html", context, status)


def _days(desk: Desk, waiting: list[Appointment], typed: dict[str, ExactTimeForm]) -> list[Day]:
    """Group the appointments by the day asked for, soonest first; without one come last.

    Days with overdue ones come before all others, and these before others of their day.
    """
    given = free_times.of_doctors({each.booking.doctor_id for each in waiting}, desk.now)
    of_day: dict[date, list[Appointment]] = defaultdict(list)
    for each in waiting:
        wall = _wall(each.booking.start_datetime, each.booking)
        of_day[wall.date() if wall else date.max].append(each)
    known = proposed.last_of(waiting, desk.now)
    days = [_day(desk, day, of_day[day], given, typed, known) for day in sorted(of_day)]
    return sorted(days, key=lambda day: not day.overdue)


def _day(
    desk: Desk,
    day: date,
    waiting: list[Appointment],
    given: dict[str, list[Busy]],
    typed: dict[str, ExactTimeForm],
    known: dict[str, Proposed],
) -> Day:
    that_day: dict[str, list[str]] = {}
    for doctor in {each.booking.doctor_id: each.booking.doctor for each in waiting}.values():
        taken = [busy for busy in given[doctor.pk] if not busy.is_proposed]
        walls = [_wall(busy.start, busy.booking) for busy in taken]
        told = [labels.clock(wall) for wall in walls if wall and wall.date() == day]
        if told:
            that_day[doctor.name] = told
    rows = [
        _row(desk, each, given[each.booking.doctor_id], typed.get(each.pk), known.get(each.pk))
        for each in waiting
    ]
    return Day(
        heading="No day yet" if day == date.max else labels.long_day(day),
        is_past=all(day < _today(desk, each.booking) for each in waiting),
        rows=sorted(rows, key=lambda row: not row.is_overdue),
        given=list(that_day.items()),
    )


def _row(
    desk: Desk,
    appointment: Any,
    given: list[Busy],
    typed: ExactTimeForm | None,
    known: Proposed | None,
) -> Row:
    """appointment: read with its answer clock."""
    booking, zone = appointment.booking, appointment.booking.location.zone
    free = free_times.free(booking, given, desk.now, visit=appointment)
    walls = [walltime.wall_clock(at, zone) for at in free[:_SUGGESTED]]
    initial = {"start": walls[0]} if walls else {}
    form = typed or ExactTimeForm(desk=desk, booking=booking, initial=initial)
    form.auto_id = f"id_{appointment.pk}_%s"
    part, due = time_range(booking.start_datetime, zone), answer_clock.due(appointment, desk.now)
    has_time = booking.start_datetime is not None
    return Row(
        appointment=appointment,
        name=labels.patient(appointment),
        asked_range=labels.RANGES[part] if part else "any time",
        lasted=labels.lasted(desk.now - appointment.since),
        due=labels.dated(due, zone) if due else "",
        is_overdue=due is not None and due <= desk.now,
        proposed=known,
        form=form,
        free=walls,
        is_past=has_time and not free_times.of_part(booking, desk.now),
    )


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
