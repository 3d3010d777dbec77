"""Entries of a waiting list: join, leave, pause, be put first (contract, section 8)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Q

from bookings.models import (
    BOOKED,
    ON_LIST,
    WEEKDAYS,
    Appointment,
    EntryAct,
    EntryStatus,
    OfferOutcome,
    Queue,
    Task,
    TaskKind,
    WaitlistEntry,
)
from bookings.patients import record
from bookings.patients.record import Patient
from bookings.representation import TIME_RANGES
from bookings.scheduling import families, moves
from bookings.scheduling.actors import Actor
from bookings.scheduling.locked_booking import MovedAway
from bookings.scheduling.waitlist import offers, rows
from openchair.errors import Refused
from practices.models import Practice

LASTS = timedelta(days=90)
"""How long an entry stays on the list by itself, unless the visit is before that."""


class Wishes(TypedDict, total=False):
    """What a family waits for; what is missing or empty means any.

    earliest, latest: days on the location's calendar. people: 1 to 4.
    """

    people: int
    location_ids: Sequence[str]
    doctor_ids: Sequence[str]
    weekdays: Sequence[str]
    parts: Sequence[str]
    earliest: date | None
    latest: date | None


class AlreadyWaiting(Refused):
    """The same patient is on this practice's list."""

    def __init__(self, entry: WaitlistEntry) -> None:
        super().__init__(
            "already_waiting",
            "This patient is on the waiting list already: take that entry off first.",
        )
        self.entry = entry


@transaction.atomic
def join(
    practice: Practice,
    patient: Patient,
    wishes: Wishes,
    *,
    by: Actor,
    now: datetime,
    others: Sequence[tuple[str, str]] = (),
    visits: Sequence[Appointment] = (),
    language: str = "en",
    source: str = "",
    attribution: Mapping[str, str] | None = None,
) -> WaitlistEntry:
    """Put a family on the list.

    others: first and last names of the people besides the patient. visits: those that it wants
    earlier, one for each person.
    Raises ValidationError (400) by field, AlreadyWaiting (409).
    """
    _check_wishes(practice, wishes)
    if not (record.by_email(patient.email) or record.by_phone(patient.phone)):
        raise ValidationError({"email": "Send email or phone: they have to be told of a place."})
    waitlist = rows.lock(practice.pk)
    known = same_patient(practice, patient, now)
    if known is not None:
        raise AlreadyWaiting(known)
    entry = WaitlistEntry(
        practice=practice,
        language=language,
        partner_id=by.partner_id,
        joined_by=by.kind,
        source=source,
        attribution=attribution,
        ends_at=ends_at(now, visits),
        updated_at=now,
        created_at=now,
        **_columns(wishes),
    )
    entry.seal(patient, [*others])
    entry.save(force_insert=True)
    entry.visits.set(visits)
    rows.note(entry, EntryAct.JOINED, by, now)
    rows.changed(waitlist)
    tell(entry, now)
    return entry


def ends_at(joined_at: datetime, visits: Iterable[Appointment]) -> datetime:
    """Return when an entry ends by itself, in UTC: after LASTS, or once the first visit begins.

    visits: those that the family wants earlier. With the first of them over, other times would be
    earlier than the next, and no change would say so.
    """
    begins = [each.starts_at for each in visits if each.status in BOOKED]
    known = [each for each in begins if each is not None]
    return min(joined_at + LASTS, *known) if known else joined_at + LASTS


def tell(entry: WaitlistEntry, now: datetime) -> None:
    """Have a family mailed that it is on the list, with its link, where it has an address."""
    if entry.email_digest:
        Task.objects.create(
            queue_name=Queue.MAIL,
            kind=TaskKind.WAITING,
            entry=entry,
            run_after=now,
            enqueued_at=now,
        )


def _check_wishes(practice: Practice, wishes: Wishes) -> None:
    """Raise ValidationError by field where nothing could ever be as a family wishes."""
    errors: dict[str, str] = {}
    people = wishes.get("people", 1)
    if not 1 <= people <= families.MOST:
        errors["people"] = f"1 to {families.MOST} people."
    known: dict[str, set[str]] = {
        "location_ids": {each.pk for each in practice.locations.all()},
        "doctor_ids": {each.pk for each in practice.doctors.all()},
        "weekdays": {*WEEKDAYS},
        "parts": {*TIME_RANGES},
    }
    said: dict[str, Any] = {**wishes}
    for name, every in known.items():
        odd = sorted({*(said.get(name) or ())} - every)
        if odd:
            errors[name] = f"{odd[0]} is not one of this practice: {', '.join(sorted(every))}."
    earliest, latest = wishes.get("earliest"), wishes.get("latest")
    if earliest is not None and latest is not None and latest < earliest:
        errors["latest"] = "The last day is before the first."
    if errors:
        raise ValidationError(errors)


def _columns(wishes: Wishes) -> dict[str, Any]:
    lists = ("location_ids", "doctor_ids", "weekdays", "parts")
    said: dict[str, Any] = {**wishes}
    columns = {name: [*dict.fromkeys(said.get(name) or ())] for name in lists}
    rest = {"people": said.get("people", 1), "earliest": said.get("earliest")}
    return columns | rest | {"latest": said.get("latest")}


def same_patient(practice: Practice, patient: Patient, now: datetime) -> WaitlistEntry | None:
    """Return the entry on the list with this name, and this e-mail address or phone number."""
    same = Q(email_digest__in=record.by_email(patient.email))
    same |= Q(phone_digest__in=record.by_phone(patient.phone))
    found = WaitlistEntry.objects.on_list(now).filter(same, practice=practice)
    return next((each for each in found if is_same(each, patient)), None)


def is_same(entry: WaitlistEntry, patient: Patient) -> bool:
    """Whether a patient who shares a contact has the name of an entry, as well as it is known.

    Two children under one parent's address are two patients.
    """
    return _name(entry.unread_person) == _name(patient)


def _name(patient: Patient) -> list[str]:
    return f"{patient.first_name} {patient.last_name}".casefold().split()


Check = Callable[[WaitlistEntry], None]
"""Called with the entry as it is under the lock; raises where a change must not be made."""


@moves.atomic_wherever_it_is
def end(
    *,
    entry_id: str,
    status: EntryStatus,
    by: Actor,
    now: datetime,
    check: Check | None = None,
) -> WaitlistEntry:
    """Take a family off the list, and give back what it is offered; a no-op where it is off.

    status: booked, left or ended. Raises what `check` raises.
    """
    entry = WaitlistEntry.objects.get(pk=entry_id)
    offer = entry.offers.open().first()
    held = [] if offer is None else [*offer.held]
    locked = moves.lock_all({each.booking_id for each in held}, by=by, now=now)
    waitlist = rows.lock(entry.practice_id)
    entry.refresh_from_db()
    if check is not None:
        check(entry)
    if entry.status not in ON_LIST:
        return entry
    if offer != entry.offers.open().first():
        raise MovedAway  # an offer was made or answered meanwhile
    if offer is not None:
        is_left = status == EntryStatus.LEFT
        outcome = OfferOutcome.DECLINED if is_left else OfferOutcome.WITHDRAWN
        offers.give_back(offer, held, locked, outcome)
    take_off(entry, status, by, now)
    rows.changed(waitlist, is_due=False)
    moves.save_all(locked.values())
    return entry


def take_off(entry: WaitlistEntry, status: EntryStatus, by: Actor, now: datetime) -> None:
    """Save that an entry is off the list; the list is locked."""
    entry.status, entry.ended_at, entry.updated_at = status, now, now
    entry.save(update_fields=["status", "ended_at", "updated_at"])
    rows.note(entry, EntryAct(status), by, now)


@transaction.atomic
def put_first(*, entry_id: str, by: Actor, now: datetime) -> WaitlistEntry:
    """Put a family before all others. Raises Refused (409: not_waiting)."""
    entry = _lock(entry_id)
    known = WaitlistEntry.objects.filter(practice=entry.practice_id, status__in=ON_LIST)
    entry.priority = known.aggregate(most=Max("priority"))["most"] + 1
    return _save(entry, EntryAct.PUT_FIRST, by, now)


@transaction.atomic
def put_back(*, entry_id: str, by: Actor, now: datetime) -> WaitlistEntry:
    """Undo `put_first`: the order is by when they joined. Raises Refused (409: not_waiting)."""
    entry = _lock(entry_id)
    entry.priority = 0
    return _save(entry, EntryAct.PUT_BACK, by, now)


@transaction.atomic
def pause(*, entry_id: str, by: Actor, now: datetime) -> WaitlistEntry:
    """Offer a family nothing until it resumes. Raises Refused (409: not_waiting)."""
    entry = _lock(entry_id)
    entry.status = EntryStatus.PAUSED
    return _save(entry, EntryAct.PAUSED, by, now)


@transaction.atomic
def resume(*, entry_id: str, by: Actor, now: datetime) -> WaitlistEntry:
    """Let a paused family be offered places again. Raises Refused (409: not_waiting)."""
    entry = _lock(entry_id)
    entry.status, entry.unanswered = EntryStatus.WAITING, 0
    return _save(entry, EntryAct.RESUMED, by, now)


def _lock(entry_id: str) -> WaitlistEntry:
    """Lock the list of an entry that is on it."""
    rows.lock(WaitlistEntry.objects.get(pk=entry_id).practice_id)
    entry = WaitlistEntry.objects.get(pk=entry_id)
    if entry.status not in ON_LIST:
        raise offers.not_waiting()
    return entry


def _save(entry: WaitlistEntry, act: EntryAct, by: Actor, now: datetime) -> WaitlistEntry:
    entry.updated_at = now
    entry.save()
    rows.note(entry, act, by, now)
    rows.changed(rows.lock(entry.practice_id), is_due=act == EntryAct.RESUMED)
    return entry
