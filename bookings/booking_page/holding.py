"""Holding service of the booking page: hold places, keep what is typed, extend, book.

Each act is one transaction, with the row of the practice's BookingPage locked first, then bookings
in key order, then the feed. A browser page (`State.page`) holds one visit, of one patient or a
family; its PatientHold finds the appointments again, whichever of the page's addresses a patient
has gone back to. Once they are booked it has no places any more, and the page books nothing else.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

from django.db import transaction

from bookings import walltime
from bookings.booking_page import limits
from bookings.booking_page.page import Page
from bookings.models import (
    BOOKED,
    Appointment,
    AppointmentStatus,
    Booking,
    PatientHold,
    Queue,
    Task,
    TaskKind,
)
from bookings.patients import codes, links
from bookings.scheduling import families, moves, moving
from bookings.scheduling.actors import CLOCK, PATIENT
from bookings.scheduling.availability import Option
from openchair.errors import LimitReached, Refused
from practices.models import BookingPage

TYPED = ("phone", "email", "zip_code", "message")
"""What a patient types after the places are held; for a family once."""
_HELD = {AppointmentStatus.PENDING, AppointmentStatus.EXPIRED}
Result = TypeVar("Result")


class Code(Enum):
    """Whether to mail a code: if this address has not got it yet, or in any case."""

    ONCE = "once"
    AGAIN = "again"


class Gone(Exception):
    """The places cannot be had any more. is_kept: the visit's rows have what was typed."""

    def __init__(self, *, is_kept: bool = True) -> None:
        super().__init__()
        self.is_kept = is_kept


class AlreadyBooked(Exception):
    """The visit of this browser page is booked, with these appointments."""

    def __init__(self, booked: list[Appointment]) -> None:
        super().__init__()
        self.booked = booked


class NotAsSeen(Exception):
    """The visit is not as the patient saw it: the office has changed its time or place."""


class WrongCode(Exception):
    """What was typed is not the code that was mailed."""


class Preview(Exception):
    """Staff look at the page: nothing is held for them."""


class _Changed(Exception):
    """A race: an appointment got another status after it was read."""


def visits(page: Page) -> list[Appointment]:
    """Return the appointments of this browser page in the order of its people, of any status."""
    group = PatientHold.objects.filter(practice=page.practice, page__in=limits.pages_of(page))
    rows = Appointment.objects.filter(group_id__in=group.values("group_id"))
    rows = rows.select_related("booking__location", "booking__doctor", "booking__practice")
    held, people = list(page.state.held), [tuple(each) for each in page.state.people]

    def nth(row: Appointment) -> tuple[int, Any, str]:
        name = row.unread_person[:2]
        place = held.index(row.pk) if row.pk in held else families.MOST
        if row.pk not in held and name in people:
            place = people.index(name)
        return place, row.booking.start_datetime or walltime.LATEST, row.pk

    return sorted(rows, key=nth)


def are_booked(visit: Sequence[Appointment]) -> bool:
    return bool(visit) and all(each.status in BOOKED for each in visit)


def can_be_had(visit: Sequence[Appointment]) -> bool:
    """Whether what is not booked is held, or its place can be asked for once more.

    An opening in which no place is taken can lose its time: then nothing can be asked for.
    """
    return bool(visit) and all(
        each.status in {*_HELD, *BOOKED} and each.booking.start_datetime is not None
        for each in visit
    )


def check_can_be_had(visit: list[Appointment]) -> None:
    """Raise AlreadyBooked; raise Gone where the office has cancelled one or taken its time away."""
    if are_booked(visit):
        raise AlreadyBooked(visit)
    if not can_be_had(visit):
        raise Gone


def first_held(visit: Sequence[Appointment]) -> Appointment:
    """Return the one of a visit that can be had whose address gets the code by mail."""
    return next(each for each in visit if each.status in _HELD)


def is_code_sent(visit: Appointment, address: str) -> bool:
    """Whether the hold's code was mailed to the address, or is about to be."""
    return Task.objects.filter(key__in=codes.task_keys(visit, address)).exists()


def shown(visit: Sequence[Appointment]) -> str:
    """Return what says later whether these appointments are where and when they are now."""
    return ".".join(_tag(each) for each in visit)


def hold(page: Page, option: Option, typed: Mapping[str, str] | None = None) -> list[str]:
    """Hold an option's places for the people of the page, and return the appointments' ids.

    What the page held before is given back in the same act, and what was typed goes with it.
    Raises Gone, AlreadyBooked, LimitReached, Preview; then everything is as it was.
    """
    if page.state.preview:
        raise Preview
    limits.spend_hold(page)
    return [each.pk for each in _until_settled(lambda: _hold(page, option, typed or {}))]


def keep(
    page: Page, typed: Mapping[str, str] | None = None, *, code: Code | None = None
) -> list[Appointment]:
    """Keep the page's names, and `typed` (of TYPED), in the visit, and extend its hold.

    A hold that has ended is taken again. Where it cannot be, what was typed is kept all the same.
    code: whether it is mailed, once there is a place.
    Raises Gone, AlreadyBooked, LimitReached.
    """
    said = dict(typed or {})
    try:
        _spend_contact(page, said)
        _spend_code(page, said, code)
        return _until_settled(lambda: _extend(page, said, code))
    except LimitReached:
        _until_settled(lambda: _keep(page, said))
        raise
    except Gone:
        kept = _until_settled(lambda: _keep(page, said))
        raise Gone(is_kept=bool(kept) or not said) from None


def confirm(page: Page, seen: str, code: str = "") -> list[Appointment]:
    """Book the visit; of a range practice, reserve it. A hold that has ended is a plain claim.

    seen: what `shown` returned for the page that the patient agreed to. code: what was typed, where
    the practice asks for one.
    Raises Gone, AlreadyBooked, LimitReached, WrongCode, and NotAsSeen where it is not as it was
    seen.
    """
    known = visits(page)
    check_can_be_had(known)
    if codes.are_asked(page.practice):
        limits.spend_try(page, first_held(known))
        _check_code(page, known, code)  # a wrong one is no visit that counts
    limits.spend_visit(page, known[0].unread_person)
    return _until_settled(lambda: _confirm(page, seen.split("."), code))


def _until_settled(act: Callable[[], Result]) -> Result:
    """Run an act in a transaction; where a row changes in between, once more as it is now."""
    while True:
        try:
            with transaction.atomic():
                return act()
        except _Changed:
            continue
        except (Refused, Booking.DoesNotExist):
            raise Gone from None


def _hold(page: Page, option: Option, typed: Mapping[str, str]) -> list[Appointment]:
    _lock(page)
    was = visits(page)
    if any(each.status in BOOKED for each in was):
        raise AlreadyBooked(was)
    limits.check_live(page, len(option.places), now=page.now)
    wanted: list[Any] = [
        {"booking_id": place.pk, "status": AppointmentStatus.PENDING, **who, **typed}
        for place, who in zip(option.places, _names(page), strict=True)
    ]
    if len(was) == len(wanted) and can_be_had(was):
        to = dict(zip([each.pk for each in was], wanted, strict=True))
        held = moving.move(to=to, by=PATIENT, now=page.now, check=_check_held)
    else:
        known: Any = {name: getattr(was[0].unread_person, name) for name in TYPED} if was else {}
        new: list[Any] = [{"language": page.language, **known, **each} for each in wanted]
        held = families.take(
            wanted=new,
            by=PATIENT,
            now=page.now,
            gives_back=[each.pk for each in was if each.status in _HELD],
            source=page.state.source,
            attribution=page.state.attribution,
        )
    _remember(page, held)
    return held


def _extend(page: Page, typed: Mapping[str, str], code: Code | None) -> list[Appointment]:
    _lock(page)
    was = visits(page)
    check_can_be_had(was)
    if any(each.status == AppointmentStatus.EXPIRED for each in was):
        limits.check_live(page, len(was), now=page.now)
    pending = {"status": AppointmentStatus.PENDING, "language": page.language, **typed}
    changes: Any = {
        each.pk: {**pending, **who} for each, who in _with_names(page, was) if each.status in _HELD
    }
    held = families.edit(changes=changes, by=PATIENT, now=page.now, check=_check_held)
    _remember(page, held)
    if code is not None:
        _send_code(page, code)
    return held


def _send_code(page: Page, code: Code) -> None:
    """Save the task that mails the code; what it is, is known when it is sent."""
    visit = first_held(visits(page))
    address = visit.unread_person.email
    key = codes.task_keys(visit, address)[0]
    if is_code_sent(visit, address):
        if code is Code.ONCE:
            return
        key += secrets.token_hex(4)
    Task.objects.create(
        queue_name=Queue.CODE,
        kind=TaskKind.CODE,
        key=key,
        appointment=visit,
        run_after=page.now,
        enqueued_at=page.now,
    )


def _check_code(page: Page, visit: Sequence[Appointment], typed: str) -> None:
    if codes.are_asked(page.practice) and not codes.is_right(first_held(visit), typed):
        raise WrongCode


def _keep(page: Page, typed: Mapping[str, str]) -> list[Appointment]:
    """Keep what was typed where places cannot be had; a hold is not extended by it."""
    _lock(page)
    ours = {each.booking_id for each in visits(page)}
    moves.save_all(moves.lock_all(ours, by=CLOCK, now=page.now).values())  # what has ended expires
    changes: Any = {
        each.pk: {**typed, **who, **_as_it_is(each)}
        for each, who in _with_names(page, visits(page))
        if each.status in _HELD
    }
    return families.edit(changes=changes, by=PATIENT, now=page.now, check=_check_held)


def _as_it_is(visit: Appointment) -> dict[str, str]:
    is_expired = visit.status == AppointmentStatus.EXPIRED
    return {"status": AppointmentStatus.EXPIRED} if is_expired else {}


def _confirm(page: Page, seen: list[str], code: str) -> list[Appointment]:
    _lock(page)
    was = visits(page)
    check_can_be_had(was)
    _check_code(page, was, code)  # the address may be another one by now

    def check(visit: Appointment) -> None:
        _check_held(visit)
        if _tag(visit) not in seen:
            raise NotAsSeen

    said: Any = {"status": families.booked_as(page.practice), "language": page.language}
    # The office may have booked one of a family already.
    changes = {each.pk: said for each in was if each.status in _HELD}
    families.edit(changes=changes, by=PATIENT, now=page.now, check=check)
    booked = visits(page)
    for each in booked:
        links.give(each)
    _remember(page, booked)
    return booked


def _lock(page: Page) -> None:
    """Lock the practice's BookingPage, so that two holds cannot both pass a limit."""
    list(BookingPage.objects.select_for_update().filter(practice=page.practice))


def _remember(page: Page, visit: Sequence[Appointment]) -> None:
    """Save who holds these places, or, without places, that they are booked."""
    mine = PatientHold.objects.filter(practice=page.practice, page__in=limits.pages_of(page))
    mine.exclude(group_id=visit[0].group_id).delete()
    ends = [each.pending_until for each in visit if each.pending_until is not None]
    PatientHold.objects.update_or_create(
        group_id=visit[0].group_id,
        defaults={
            "practice": page.practice,
            "page": limits.pages_of(page)[0],
            "address": limits.addresses_of(page)[0],
            "places": len(ends),
            "pending_until": max(ends, default=walltime.now()),
        },
    )
    limits.forgotten(page.now).filter(practice=page.practice).delete()


def _names(page: Page) -> list[dict[str, str]]:
    return [
        {"first_name": first, "last_name": last, "guardian_name": page.state.guardian_name}
        for first, last in page.state.people
    ]


def _with_names(
    page: Page, visit: Sequence[Appointment]
) -> list[tuple[Appointment, dict[str, str]]]:
    """Pair appointments with the page's names; with none where it is of another number of people.

    That is an older page in another tab: the visit follows the later one.
    """
    names = _names(page)
    if len(names) != len(visit):
        names = [{} for _ in visit]
    return [*zip(visit, names, strict=True)]


def _check_held(visit: Appointment) -> None:
    if visit.status not in _HELD:
        raise _Changed


def _tag(visit: Appointment) -> str:
    booking = visit.booking
    said = f"{visit.pk} {booking.pk} {booking.start_datetime} {booking.location_id}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _spend_contact(page: Page, said: Mapping[str, str]) -> None:
    """Count another phone number or e-mail address than was typed before."""
    for visit in visits(page)[:1]:
        was = visit.unread_person
        now = was._replace(**said)
        if (now.phone, now.email) != (was.phone, was.email):
            limits.spend_contact(now)


def _spend_code(page: Page, said: Mapping[str, str], code: Code | None) -> None:
    """Count a code that is about to be mailed."""
    visit = visits(page)
    if code is None or are_booked(visit) or not can_be_had(visit):
        return
    held = first_held(visit)
    patient = held.unread_person._replace(**said)
    if code is Code.AGAIN or not is_code_sent(held, patient.email):
        limits.spend_code(page, patient)
