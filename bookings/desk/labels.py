"""Display text for staff: statuses, dates and times, refusals."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from bookings import walltime
from bookings.models import (
    Access,
    ActorKind,
    Appointment,
    AppointmentStatus,
    Attendance,
    Booking,
    Delivery,
    DropReason,
    Event,
    ExternalStatus,
    Outcome,
    Status,
    WaitlistEvent,
)
from openchair.errors import LimitReached, Refused

STATUS: dict[str, str] = {
    Status.OPEN: "Free",
    Status.PENDING: "On hold",
    Status.RESERVED: "Needs a time",
    Status.BOOKED: "Booked",
    Status.CLOSED: "Closed",
}
APPOINTMENT_STATUS: dict[str, str] = {
    AppointmentStatus.PENDING: "On hold",
    AppointmentStatus.RESERVED: "Needs a time",
    AppointmentStatus.BOOKED: "Booked",
    AppointmentStatus.CANCELLED: "Cancelled",
    AppointmentStatus.EXPIRED: "Hold ended",
}
ATTENDANCE: dict[str, str] = {
    Attendance.UNKNOWN: "not marked",
    Attendance.KEPT: "came",
    Attendance.NO_SHOW: "no-show",
    Attendance.LATE_CANCEL: "late cancel",
}
EXTERNAL: dict[str | None, str] = {
    ExternalStatus.ENTERED: "entered",
    ExternalStatus.FAILED: "could not be entered",
    None: "not entered",
}
ACTOR: dict[str, str] = {
    ActorKind.PARTNER: "Partner",
    ActorKind.STAFF: "Staff",
    ActorKind.PATIENT: "Patient",
    ActorKind.CLOCK: "Automatic",
}
RANGES = {
    "morning": "morning (before 10:00 AM)",
    "late_morning": "late morning (10:00 AM to noon)",
    "early_afternoon": "early afternoon (noon to 2:30 PM)",
    "late_afternoon": "late afternoon (from 2:30 PM)",
}
_PATIENT = {"zip_code": "ZIP code", "guardian_name": "guardian", "email": "e-mail"}
_REFUSALS = {
    "place_taken": "The last place was just taken. Choose another opening.",
    "hold_expired": "The hold ended and the place was taken. Choose another opening.",
    "closed": "This is already closed or cancelled. Nothing was changed.",
    "attended": "This visit is already marked. Undo the mark, or book a new visit.",
    "in_the_past": "The time of this opening has passed. Choose another opening.",
    "no_time": "This opening has no time yet. Give it a time first.",
    "not_waiting": "This family is not on the waiting list any more. Nothing was changed.",
    "nothing_taken": "No place in this opening is waiting for a name any longer. Book a free "
    "place instead.",
    "not_reservable": "This practice offers exact times. Book the visit instead.",
    "patient_has_place": "A patient has a visit in this opening. Speak with them, then move or "
    "cancel it first.",
    "time_taken": "Somebody else has this time now. Choose another.",
    "too_early": "The time of this visit has not come yet. Mark it afterward.",
    "places_taken": "More places than that are taken. Move or cancel visits first.",
}


def reasons(error: Refused | LimitReached | ValidationError) -> list[str]:
    """Return the messages for a refusal or a validation error."""
    if isinstance(error, ValidationError):
        return list(error.messages)
    if isinstance(error, Refused):
        return [_REFUSALS.get(error.reason, error.text)]
    return [error.text]


def clock(moment: datetime | time) -> str:
    """Format a wall time: 9:45 AM."""
    return f"{moment.hour % 12 or 12}:{moment:%M %p}"


def day(of: date) -> str:
    """Format a day: Tue, Jun 2."""
    return f"{of:%a, %b} {of.day}"


def long_day(of: date) -> str:
    """Format a day in full: Tuesday, June 2, 2026."""
    return f"{of:%A, %B} {of.day}, {of.year}"


def dated(instant: datetime, zone: ZoneInfo) -> str:
    """Format an instant with its year, as wall time in a zone: Tue, Jun 2, 2026, 9:45 AM."""
    wall = walltime.wall_clock(instant, zone)
    return f"{day(wall.date())}, {wall.year}, {clock(wall)}"


def until(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Format until when something is held: 4:45 PM, or Tue, Jun 2, 9:40 AM on another day."""
    wall, today = walltime.wall_clock(at, zone), walltime.wall_clock(now, zone).date()
    return clock(wall) if wall.date() == today else f"{day(wall.date())}, {clock(wall)}"


def zone_name(zone: ZoneInfo, instant: datetime) -> str:
    """Format a zone's name at an instant: New York time (EDT)."""
    return f"{zone_city(zone)} ({instant.astimezone(zone).tzname()})"


def zone_city(zone: ZoneInfo) -> str:
    """Format a zone's name: New York time."""
    return f"{zone.key.rpartition('/')[2].replace('_', ' ')} time"


def lasted(span: timedelta) -> str:
    """Format a duration: 2 days 3 h, 1 h 20 min, 5 min."""
    minutes = max(0, int(span.total_seconds() // 60))
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{days} day{'s' if days > 1 else ''}" + (f" {hours} h" if hours else "")
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min"


def counted(number: int, noun: str) -> str:
    """Format a number with its noun: 1 opening, 3 openings."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(words: list[str]) -> str:
    """Join words as in a sentence: phone, e-mail and note."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def taken(booking: Booking) -> str:
    """Format the number of places taken: 1 of 3."""
    if booking.status == Status.CLOSED:
        return "–"
    return f"{booking.total_appointments - booking.free_places} of {booking.total_appointments}"


def patient(appointment: Appointment) -> str:
    """Return the name of an appointment's patient."""
    person = appointment.person
    return f"{person.first_name} {person.last_name}".strip() or "Patient without a name"


def became(delivery: Delivery) -> str:
    """Say what became of an e-mail: Not sent: the visit changed."""
    if delivery.outcome == Outcome.DROPPED:
        return f"{delivery.get_outcome_display()}: {DropReason(delivery.reason).label}"
    return delivery.get_outcome_display()


def patient_field(name: str) -> str:
    """Name a field of bookings.patients.record.Patient."""
    return _PATIENT.get(name, name.replace("_", " "))


def whole(booking: Booking) -> list[str]:
    """Describe the places taken by a status of the whole booking; a line for each status.

    3 places taken by OrthoDesk (on hold until 9:45 AM).
    """
    by = _whole_by(booking)
    return [
        f"{counted(count, 'place')} taken by {by}" + (f" ({note})" if note else "")
        for count, note in _whole(booking)
    ]


def unnamed(booking: Booking) -> list[tuple[str, str]]:
    """Describe the same in few words for the board: who took them, and a note that may be empty.

    3 without names: OrthoDesk, on hold until 9:45 AM.
    """
    by = _whole_by(booking)
    return [
        (f"{'No name' if count == 1 else f'{count} without names'}: {by}", note)
        for count, note in _whole(booking)
    ]


def _whole_by(booking: Booking) -> str:
    return booking.whole_partner.name if booking.whole_partner else "staff"


def _whole(booking: Booking) -> list[tuple[int, str]]:
    """Return how many places, and in what state, as in `whole`."""
    notes = {AppointmentStatus.BOOKED: "", AppointmentStatus.RESERVED: "needs a time"}
    if booking.whole_pending_until is not None:
        ends = walltime.wall_clock(booking.whole_pending_until, booking.location.zone)
        notes[AppointmentStatus.PENDING] = f"on hold until {clock(ends)}"
    counts = {status: getattr(booking, f"whole_{status}") for status in notes}
    return [(counts[status], note) for status, note in notes.items() if counts[status]]


def who(event: Event | Access | WaitlistEvent) -> str:
    """Return the name of the user, partner or other actor of an event or access."""
    if event.actor == ActorKind.STAFF and event.user is not None:
        return person(event.user)
    if event.actor == ActorKind.PARTNER and event.api_key is not None:
        return event.api_key.partner.name
    return ACTOR[event.actor]


def person(user: User) -> str:
    """Return the name of somebody who logs in."""
    return user.get_full_name() or user.get_username()
