"""The form of a new opening, and of an opening that is edited."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookings import walltime
from bookings.desk import clashes, labels, telling, times
from bookings.desk.board.query import url_of_day
from bookings.desk.clashes import Clash, fingerprint
from bookings.desk.desk import Desk, as_seen, desk_page, show, try_form, version
from bookings.desk.forms import BookingForm
from bookings.desk.telling import Change, NoticeForm
from bookings.models import Booking
from bookings.scheduling import bookings, exact_times
from bookings.scheduling.outbox import BY_MAIL
from practices.models import Doctor, Kind

_USUAL_LENGTH = 45


@dataclass(frozen=True)
class Moving:
    """A patient, or places without one, whom an edit of the opening takes elsewhere."""

    key: str
    text: str

    def __str__(self) -> str:
        return self.text


class _AskFirst(Exception):  # no error: a person is asked
    """Saving would clash or move patients, and the person has not agreed to it."""

    def __init__(
        self, doctor: Doctor, found: list[Clash], moving: list[Moving], notice: NoticeForm | None
    ) -> None:
        super().__init__()
        self.doctor = doctor
        self.found = found
        self.moving = moving
        self.notice = notice


@desk_page
def new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Create a booking; the board links here with location, doctor and start in the query."""
    if request.method == "POST":
        form = BookingForm(desk, request.POST, is_new=True)
        try:
            booking = try_form(form, lambda: _publish(request, desk, form))
        except _AskFirst as ask:
            return _show_form(request, desk, form, None, 409, ask)
        if booking is not None:
            messages.success(request, "Opening published.")
            return redirect(url_of_day(desk, booking))
        return _show_form(request, desk, form, None, 400)
    initial = {name: request.GET[name] for name in ("location", "doctor") if name in request.GET}
    initial["start"] = request.GET.get("start", "")[:16]
    initial["length"] = str(_length(desk, initial.get("doctor", "")))
    return _show_form(request, desk, BookingForm(desk, initial=initial), None)


def _length(desk: Desk, doctor_id: str) -> int:
    """Return the length of the doctor's last opening on the schedule, or the usual one."""
    if not doctor_id and len(desk.doctors) == 1:
        doctor_id = desk.doctors[0].pk
    if doctor_id not in {each.pk for each in desk.doctors}:
        return _USUAL_LENGTH
    rows = Booking.objects.filter(practice=desk.practice, doctor=doctor_id)
    rows = rows.filter(start_datetime__isnull=False).order_by("-start_datetime")
    return rows.values_list("length", flat=True).first() or _USUAL_LENGTH


@transaction.atomic
def _publish(request: HttpRequest, desk: Desk, form: BookingForm) -> Booking:
    """Publish the form's opening. Raises _AskFirst, and what `bookings.publish` raises."""
    cleaned = form.cleaned_data
    exact_times.lock_doctors(cleaned["doctor"].pk)
    found = clashes.of_opening(
        cleaned["doctor"],
        cleaned["instant"],
        cleaned["length"],
        cleaned["location"],
        repeats=cleaned["recurring"],
    )
    _check(request, cleaned["doctor"], found)
    return bookings.publish(fields=form.fields_for_verb(), by=desk.by, now=desk.now)


def _check(
    request: HttpRequest,
    doctor: Doctor,
    found: list[Clash],
    moving: Sequence[Moving] = (),
    notice: NoticeForm | None = None,
) -> None:
    """Raise _AskFirst, unless everything that is listed was agreed to, and the words are good."""
    agreed = [
        request.POST.get(name) == fingerprint(listed)
        for listed, name in ((found, "anyway"), (moving, "moved"))
        if listed
    ]
    if not all(agreed) or (notice is not None and notice.is_bound and not notice.is_valid()):
        raise _AskFirst(doctor, found, [*moving], notice)


@desk_page
def edit(request: HttpRequest, desk: Desk, booking_id: str) -> HttpResponse:
    """Edit a booking, unless it has changed since the form was rendered (see as_seen)."""
    booking = desk.booking(booking_id)
    if request.method == "POST":
        form = BookingForm(desk, request.POST)
        try:
            edited = try_form(form, lambda: _edit(request, desk, form, booking))
        except _AskFirst as ask:
            return _show_form(request, desk, form, booking, 409, ask)
        if edited is not None:
            messages.success(request, format_html("Opening changed.{}", edited))
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


@transaction.atomic
def _edit(request: HttpRequest, desk: Desk, form: BookingForm, booking: Booking) -> SafeString:
    """Save the form's opening; return what to say of mail about it.

    Raises _AskFirst, and what `bookings.edit` raises.
    """
    cleaned = form.cleaned_data
    doctor = cleaned["doctor"]
    # Both: who checks an exact time in this opening has locked the doctor that it had.
    exact_times.lock_doctors(doctor.pk, booking.doctor_id)
    before = (booking.doctor_id, booking.start_datetime, booking.location_id)
    moves = before != (doctor.pk, cleaned["instant"], cleaned["location"].pk)
    begins_series = cleaned["recurring"] and not booking.recurring
    found: list[Clash] = []
    if moves or begins_series or booking.length != cleaned["length"]:
        found = clashes.of_opening(
            doctor,
            cleaned["instant"],
            cleaned["length"],
            cleaned["location"],
            repeats=begins_series,
            edited=booking,
        )
    changes = _changes(booking, cleaned, desk.now) if moves else []
    typed = request.POST if "words" in request.POST else None
    notice = NoticeForm(typed, changes=changes, now=desk.now) if changes else None
    _check(request, doctor, found, _moving(booking, cleaned) if moves else [], notice)
    decided = notice.notice if notice is not None and notice.is_bound else BY_MAIL
    bookings.edit(
        booking_id=booking.pk,
        fields=form.fields_for_verb(),
        by=desk.by,
        now=desk.now,
        check=as_seen(request.POST.get("seen", ""), version),
        notice=decided,
    )
    return telling.told([each.visit for each in changes], desk, decided)


def _changes(booking: Booking, cleaned: dict[str, Any], now: datetime) -> list[Change]:
    """Return what there is to tell the families: with another doctor alone, nothing."""
    becomes = copy(booking)
    becomes.start_datetime, becomes.location = cleaned["instant"], cleaned["location"]
    taken = booking.appointments.taken().select_related("booking__location", "booking__practice")
    return [
        change
        for row in taken.order_by("created_at", "id")
        for change in telling.moving(row, becomes, row.start_datetime, now)
    ]


def _moving(booking: Booking, cleaned: dict[str, Any]) -> list[Moving]:
    """List who would come at another time, or to another place or doctor, and where to."""
    start, location, doctor = cleaned["instant"], cleaned["location"], cleaned["doctor"]
    before = f"at {booking.location.name} with {booking.doctor.name}"
    after = f"at {location.name} with {doctor.name}"
    taken = [
        (row.pk, f"{labels.patient(row)} moves", row.start_datetime)
        for row in booking.appointments.taken().order_by("created_at", "id")
    ]
    taken += [("whole", f"{text}:", None) for text in labels.whole(booking)]
    found = []
    for of, who, own in taken:
        was = _when(booking, own, booking.start_datetime, booking.location.zone)
        then = _when(booking, own, start, location.zone)
        if (was, before) == (then, after):
            continue
        at = then.removeprefix(was.rpartition(", ")[0] + ", ")
        if before == after:
            text = f"{who} from {was} to {at} {after}"
        elif was == then:
            text = f"{who} from {before.removeprefix('at ')} to {after.removeprefix('at ')}: {was}"
        else:
            text = f"{who} from {was} {before} to {at} {after}"
        found.append(Moving(f"{of} {start.isoformat()} {location.pk} {doctor.pk}", text))
    return found


def _when(booking: Booking, exact: datetime | None, start: datetime | None, zone: ZoneInfo) -> str:
    """Format when a patient with this exact time, or none, comes to the opening at `start`."""
    at = exact or start
    if at is None:
        return "no time yet"
    if exact is None and booking.practice.kind == Kind.RANGE and not booking.whole_booked:
        wall = walltime.wall_clock(at, zone)
        return f"{labels.day(wall.date())}, {wall.year}, {times.part_at(at, zone)}"
    return labels.dated(at, zone)


def _show_form(
    request: HttpRequest,
    desk: Desk,
    form: BookingForm,
    booking: Booking | None,
    status: int = 200,
    ask: _AskFirst | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "title": "Edit opening" if booking else "New opening",
        "form": form,
        "booking": booking,
        "seen": version(booking) if booking else "",
        "zones": sorted({labels.zone_city(each.zone) for each in desk.locations}),
    }
    if ask is not None:
        context |= {
            "doctor": ask.doctor,
            "found": ask.found,
            "fingerprint": fingerprint(ask.found),
            "moving": ask.moving,
            "moving_fingerprint": fingerprint(ask.moving),
            "notice": ask.notice,
            "are_all_told": ask.notice is not None
            and len(ask.notice.telling.mails) == len(ask.moving),
        }
    return show(request, desk, "booking_form.html", context, status)
