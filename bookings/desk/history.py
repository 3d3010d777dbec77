"""History of a booking, or of a practice, as text, built from its events, which are read-only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from bookings.desk import labels, proposed, times
from bookings.models import (
    ActorKind,
    Appointment,
    AppointmentStatus,
    Booking,
    Delivery,
    Event,
    Language,
    ProposalOutcome,
    TaskKind,
)
from practices.models import Doctor, Location, Practice

_FIELDS = {
    "length": "length in minutes",
    "recurring": "repeats weekly",
    "start_datetime": "time",
    "opening_datetime": "time of the opening",
    "location_id": "location",
    "doctor_id": "doctor",
    "total_appointments": "places",
    "language": "language",
    "pending_until": "hold ends",
    "whole_pending": "places on hold, no patient named",
    "whole_reserved": "places that need a time, no patient named",
    "whole_booked": "places booked, no patient named",
    "whole_pending_until": "hold with no patient named ends",
    "external_id": "number in the practice’s software",
}
_INSTANTS = {"start_datetime", "opening_datetime", "pending_until", "whole_pending_until"}
# Left out: they follow from the appointments' changes, which have lines of their own.
_UNTOLD = {"places_pending", "places_reserved", "places_booked"}
# Told in words of their own: `_said`.
_SAID = {"attendance", "booking_id", "confirmed_at", "external_status", "external_reason"}


@dataclass(frozen=True)
class Line:
    """One line of the history; `at` is wall time at the location, as text."""

    at: str
    who: str
    what: str
    details: list[str]


def of_booking(booking: Booking) -> list[Line]:
    """List the changes of a booking and its appointments, newest first.

    Of a patient who came from another opening those there, too; of one who was moved away those
    until then.
    """
    patients = booking.events.filter(appointment__isnull=False).values_list("appointment")
    events = Event.objects.filter(Q(booking=booking) | Q(appointment__in=[*{*patients}]))
    return _lines(booking, events, until_they_left=True)


def of_visit(appointment: Appointment) -> list[Line]:
    """List the changes of one appointment, newest first."""
    return _lines(appointment.booking, appointment.events.all())


@dataclass(frozen=True)
class Change:
    """A line of the history of a practice. opening: the time of what it is about."""

    event: Event
    line: Line
    opening: str


def of_practice(events: Iterable[Event], practice: Practice) -> list[Change]:
    """Describe events of a practice, in their order; what follows from another has no line."""
    names = _names(practice.pk)
    changes = []
    for event in events:
        zone = event.booking.location.zone
        line = _line(event, zone, names, has_words=False)
        if line is not None:
            line = replace(line, at=f"{line.at}, {labels.zone_name(zone, event.at)}")
            opening = str(times.of_opening(event.booking) or "no time yet")
            changes.append(Change(event, line, opening))
    return changes


def _lines(
    booking: Booking, events: QuerySet[Event], *, until_they_left: bool = False
) -> list[Line]:
    zone = booking.location.zone
    names = _names(booking.practice_id)
    related = events.select_related("user", "api_key__partner", "appointment__partner")
    newest: Iterable[Event] = related.order_by("-id")
    if until_they_left:
        newest = _until_they_left(newest, booking.pk)
    told = [*newest]
    with_words = _with_words(booking, told)
    lines = [
        (event.at, _line(event, zone, names, has_words=event.pk in with_words)) for event in told
    ]
    mail = [(each.at, _of_mail(each, zone)) for each in _deliveries(booking, told)]
    merged = merge(mail, lines, _of_proposals(booking, told), key=itemgetter(0), reverse=True)
    return [line for _, line in merged if line is not None]


def _with_words(booking: Booking, told: list[Event]) -> set[int]:
    """Return the ids of the events that have brought the words that the patients' records have."""
    newest: dict[str | None, int] = {}
    for event in told:
        is_here = event.appointment is not None and event.appointment.booking_id == booking.pk
        if is_here and "words" in event.changes.get("patient_fields", ()):
            newest.setdefault(event.appointment_id, event.pk)
    return {*newest.values()}


def _deliveries(booking: Booking, told: list[Event]) -> Iterator[Delivery]:
    """Yield the mail about the visits, newest first; of who has moved away, until then."""
    left = {
        event.appointment_id: event.at
        for event in reversed(told)
        if event.appointment is not None and event.appointment.booking_id != booking.pk
    }
    ids = {event.appointment_id for event in told if event.appointment_id is not None}
    rows = Delivery.objects.filter(appointment__in=ids).select_related("appointment")
    for each in rows.order_by("-at", "-id"):
        if each.appointment_id not in left or each.at < left[each.appointment_id]:
            yield each


def _of_mail(delivery: Delivery, zone: ZoneInfo) -> Line:
    name, kind = labels.patient(delivery.appointment), TaskKind(delivery.kind).label
    became = labels.became(delivery)
    return Line(
        at=labels.dated(delivery.at, zone),
        who="E-mail",
        what=f"{name}: “{kind}” e-mail: {became[0].lower()}{became[1:]}",
        details=[],
    )


def _of_proposals(booking: Booking, told: list[Event]) -> list[tuple[datetime, Line]]:
    """Return what was proposed to the patients, newest first.

    A time that was taken, or a request that was given up, has a line of its own.
    """
    if not booking.practice.range_bookings:
        return []
    zone, lines = booking.location.zone, []
    for each in proposed.to({event.appointment_id for event in told}):
        name = labels.patient(each.appointment)
        until = labels.dated(each.until, zone)
        what = f"{name}: times proposed, on hold until {until}"
        who, times = labels.person(each.made_by), proposed.times(each)
        lines.append((each.made_at, Line(labels.dated(each.made_at, zone), who, what, times)))
        if each.answered_at is not None and each.outcome in _ENDS:
            who = labels.person(each.answered_by) if each.answered_by else _ENDS[each.outcome]
            what = f"{name}: {each.get_outcome_display().lower()}"
            at = labels.dated(each.answered_at, zone)
            lines.append((each.answered_at, Line(at, who, f"{what} (proposed times)", [])))
    return sorted(lines, key=itemgetter(0), reverse=True)


_ENDS: dict[str | None, str] = {
    ProposalOutcome.OTHERS: labels.ACTOR[ActorKind.PATIENT],
    ProposalOutcome.UNANSWERED: labels.ACTOR[ActorKind.CLOCK],
    ProposalOutcome.WITHDRAWN: labels.ACTOR[ActorKind.CLOCK],
}
"""Outcomes that have a line of their own, and whose they are where nobody of the staff's."""


def _until_they_left(newest: Iterable[Event], booking_id: str) -> Iterator[Event]:
    """Leave out what happened to patients after they were moved to other openings."""
    told: set[str | None] = set()
    for event in newest:
        if booking_id in {event.booking_id, *event.changes.get("booking_id", [])}:
            told.add(event.appointment_id)
        if event.appointment_id in told:
            yield event


def last_deed(row: Booking | Appointment) -> tuple[Event, str]:
    """Return the event that tells of the last change, and what was done: made it “booked”."""
    related = ("user", "api_key__partner", "booking__location", "appointment")
    newest = row.events.select_related(*related).order_by("-id")
    last = newest[0]
    for event in newest.filter(at=last.at):
        deed = _deed(event)
        if deed:
            return event, deed
    # What happened to the patient is told by the other opening's event.
    return last, "moved a patient to another opening"


def _deed(event: Event) -> str:
    zone = event.booking.location.zone
    if "booking_id" in event.changes:
        booking = event.booking
        begins = event.appointment.start_datetime if event.appointment else None
        begins = begins or booking.start_datetime
        when = labels.dated(begins, zone) if begins else "another opening"
        return f"moved it to {when}, {booking.doctor.name}"
    if "confirmed_at" in event.changes:
        return "confirmed the visit"
    if "external_status" in event.changes:
        return f"marked it “{_entered(event)}”"
    if "attendance" in event.changes:
        return f"marked it “{labels.ATTENDANCE[event.changes['attendance'][1]]}”"
    moved = event.from_status != event.to_status
    if event.appointment is not None and (moved or "start_datetime" in event.changes):
        became = labels.APPOINTMENT_STATUS[event.to_status].lower()
        if event.appointment.start_datetime is not None:
            became += f" for {labels.dated(event.appointment.start_datetime, zone)}"
        return f"made it “{became}”"
    if moved:
        return f"made it “{labels.STATUS[event.to_status].lower()}”"
    details = [_of_patient(event), *_details(event, zone, _names(event.booking.practice_id))]
    changed = "; ".join(text[0].lower() + text[1:] for text in details if text)
    return f"changed {changed}" if changed else ""


def _names(practice_id: str) -> dict[str, str]:
    """Return the names of the practice's locations and doctors by id, past ones too."""
    locations = Location.objects.filter(practice=practice_id).values_list("id", "name")
    doctors = Doctor.objects.filter(practice=practice_id).values_list("id", "name")
    return dict([*locations, *doctors])


def _line(event: Event, zone: ZoneInfo, names: dict[str, str], *, has_words: bool) -> Line | None:
    details = _details(event, zone, names)
    if has_words and event.appointment is not None:
        details.append(f"Note to the family: {event.appointment.person.words}")
    moved = event.from_status != event.to_status
    told = _SAID & event.changes.keys()
    told |= {"words"} & {*event.changes.get("patient_fields", ())}
    if not (moved or details or _of_patient(event) or told):
        return None
    return Line(
        at=labels.dated(event.at, zone), who=labels.who(event), what=_what(event), details=details
    )


def _what(event: Event) -> str:
    moved = event.from_status != event.to_status
    if event.appointment is None:
        if not event.from_status:
            return f"Opening published: {labels.STATUS[event.to_status].lower()}"
        if not moved:
            return "Opening changed"
        was, now = (labels.STATUS[each] for each in (event.from_status, event.to_status))
        return f"Opening: {was.lower()} → {now.lower()}"
    name = labels.patient(event.appointment)
    became = labels.APPOINTMENT_STATUS[event.to_status].lower()
    if not event.from_status:
        # What nobody took is held for a family on the waiting list.
        is_offer = event.actor == ActorKind.CLOCK
        return f"{name}: {'offered from the waiting list' if is_offer else became}"
    if moved:
        return f"{name}: {labels.APPOINTMENT_STATUS[event.from_status].lower()} → {became}"
    if said := _said(event):
        return f"{name}: {said}"
    if changed := _of_patient(event):
        return f"{name}: {changed} changed"
    wrote = "words" in event.changes.get("patient_fields", ())
    return f"{name}: note for an e-mail" if wrote else f"{name}: changed"


def _said(event: Event) -> str:
    """Say what an event tells of a visit besides the fields that changed; empty if nothing."""
    if "booking_id" in event.changes:
        return "moved to another opening"
    if "confirmed_at" in event.changes:
        return "confirmed"
    if "external_status" in event.changes:
        return _entered(event)
    if "external_reason" in event.changes:
        return "another reason why it could not be entered"
    if "attendance" in event.changes:
        was, now = (labels.ATTENDANCE[each] for each in event.changes["attendance"])
        return f"{was} → {now}" if was != labels.ATTENDANCE["unknown"] else now
    return ""


def _details(event: Event, zone: ZoneInfo, names: dict[str, str]) -> list[str]:
    told = []
    untold = _UNTOLD | _SAID | {"patient_fields"}
    if "pending_until" in event.changes:
        untold.add("whole_pending_until")
    for field, pair in event.changes.items():
        if field not in untold and event.from_status:
            was, is_now = (_value(field, value, zone, names) for value in pair)
            if was != is_now:  # a hold renewed by seconds is not
                told.append(f"{_FIELDS.get(field, field).capitalize()}: {was} → {is_now}")
    if event.appointment is not None and event.to_status == AppointmentStatus.CANCELLED:
        reason = event.appointment.person.cancel_reason
        if reason and event.from_status != event.to_status:
            told.append(f"Reason: {reason}")
    return told


def _entered(event: Event) -> str:
    """Say what an event tells of a visit in the practice's own software."""
    status = event.changes["external_status"][1]
    return f"{labels.EXTERNAL[status]} in the practice’s software"


def _of_patient(event: Event) -> str:
    """Name what was changed of a patient: phone and note. Events do not have the values."""
    told = {"cancel_reason", "words"}  # elsewhere
    changed = [each for each in event.changes.get("patient_fields", []) if each not in told]
    return labels.listed([labels.patient_field(each) for each in changed])


def _value(field: str, value: Any, zone: ZoneInfo, names: dict[str, str]) -> str:
    if field == "language":
        return str(Language(value or Language.EN).label)
    if value is None:
        return "none"
    if field in _INSTANTS:
        return labels.dated(datetime.fromisoformat(value), zone)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return names.get(str(value), str(value))
