"""Search of a practice's visits by what somebody on the phone says: name, phone, e-mail, reference.

Patients' data is encrypted. Candidates are found by digests (terms.py beside this), and compared
once they are decrypted: a digest of a word's beginning never shows a visit nobody asked for.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from django.db.models.functions import Coalesce

from bookings.models import TAKEN, Appointment, AppointmentStatus, Booking, SearchTerm
from bookings.models.appointment import AppointmentQuerySet
from bookings.patients import record, terms
from bookings.patients.record import Patient
from practices.ids import is_id

MOST = 50
"""Most visits that a search returns."""
_SORTED = 1000
"""Most candidates that are sorted; of more, the nearest in time are looked for."""
_WALKED = 1000
"""How many openings from now on, and how many back, are looked through for those."""
_READ = 300
"""Most candidates that are decrypted."""
_COMPARED = 6
"""So many words, the longest, are looked up; with more PostgreSQL plans for seconds."""
_BEGINS = Coalesce("start_datetime", "booking__start_datetime")


class Found(NamedTuple):
    """Visits, those still to come first; are_more: these are not all that were meant."""

    visits: list[Appointment]
    are_more: bool = False


class _Typed(NamedTuple):
    reference: str
    emails: list[str]
    readings: list[list[str]]
    digits: str


# Search ---------------------------------------------------------------------------------------


def search(practice_id: str, text: str, *, now: datetime) -> Found:
    """Find the visits of which all this is true: words of names, digits of the phone, an e-mail.

    Still to come, soonest first; then over, latest first; then cancelled and expired. The reference
    of a visit or of its opening is found where nothing else is typed.
    """
    typed = _parse(text)
    here = Appointment.objects.filter(booking__practice=practice_id)
    ids, is_one = set[str](), Q(pk__in=[])
    for found, condition in _sources(here, practice_id, typed):
        ids |= set(found[: _SORTED + 1])
        is_one |= condition
    if are_many := len(ids) > _SORTED:
        nearest = _nearest(here.filter(is_one), practice_id, now)
    else:
        nearest = list(_in_order(here.filter(pk__in=ids), now)[: _READ + 1])
    visits, are_unread = _read(here, nearest, typed)
    return Found(visits[:MOST], are_many or are_unread)


def _parse(text: str) -> _Typed:
    said = text.strip()
    reference = said if is_id(said) else ""
    if re.search(r"[A-Za-z]", reference) and re.search(r"\d", reference):
        return _Typed(reference, [], [[]], "")  # neither a name nor a number
    parts = said.split()
    rest = " ".join(part for part in parts if "@" not in part)
    digits = "".join(re.findall(r"\d", rest))
    return _Typed(
        reference,
        emails=[part.strip("<>()[],;:'\"") for part in parts if "@" in part],
        readings=_readings(terms.typed_words(rest)),
        digits=record.digits(digits) if len(digits) >= record.FEWEST_DIGITS else digits,
    )


def _readings(words: list[str]) -> list[list[str]]:
    """Return the words as typed, and with short ones as part of the next: "o brien" is obrien."""
    joined, before = [], ""
    for word in words:
        before += word
        if len(word) > terms.FEWEST_LETTERS:
            joined.append(before)
            before = ""
    joined += [before] if before else []
    return [words] if joined == words else [words, joined]


def _sources(
    here: AppointmentQuerySet, practice_id: str, typed: _Typed
) -> Iterator[tuple[QuerySet[Any, str], Q]]:
    """Yield queries of candidates' ids, each with the condition that it stands for."""
    if typed.reference:
        condition = Q(pk=typed.reference) | Q(booking=typed.reference)
        yield here.filter(condition).values_list("pk", flat=True), condition
    if typed.emails:
        digests = [digest for email in typed.emails for digest in record.by_email(email)]
        condition = Q(email_digest__in=digests)
        yield here.filter(condition).values_list("pk", flat=True), condition
        return
    if digests := record.by_phone(typed.digits):
        # Visits from before there were terms are found by it, until `reencrypt` has made theirs.
        condition = Q(phone_digest__in=digests)
        yield here.filter(condition).values_list("pk", flat=True), condition
    for words in typed.readings:
        if wanted := _wanted(practice_id, words, typed.digits):
            found = SearchTerm.objects.filter(digest__in=wanted[0])
            for also in wanted[1:]:
                found = found.filter(_has_one(also, "appointment"))
            condition = Q(*(_has_one(each, "pk") for each in wanted))
            yield found.values_list("appointment", flat=True), condition


def _wanted(practice_id: str, words: list[str], digits: str) -> list[list[int]]:
    """Return what a visit has to have one of, several times; what fewest have comes first."""
    found = []
    if len(digits) >= terms.LAST_DIGITS:
        found.append(terms.by_last_digits(practice_id, digits))
    long = [word for word in words if len(word) >= terms.FEWEST_LETTERS]
    # Shorter ones are the beginning of too much: they have a term only where it is the whole name.
    said = sorted({*(long if long or found else words)}, key=len)[-_COMPARED:]
    return found + [terms.by_word(practice_id, each) for each in said[::-1]]


def _has_one(digests: list[int], appointment: str) -> Exists:
    return Exists(SearchTerm.objects.filter(appointment=OuterRef(appointment), digest__in=digests))


def _in_order(rows: AppointmentQuerySet, now: datetime) -> QuerySet[Any, str]:
    """Return ids: of visits to come, soonest first; over, latest first; cancelled or expired."""
    to_come = Q(status__in=TAKEN) & _still_to_come(now)
    rank = Case(When(to_come, then=0), When(status__in=TAKEN, then=1), default=2)
    soon = Case(When(to_come, then="begins"))
    rows = rows.alias(begins=_BEGINS)
    in_order = rows.order_by(rank, soon.asc(nulls_last=True), F("begins").desc(), "pk")
    return in_order.values_list("pk", flat=True)


def _still_to_come(now: datetime) -> Q:
    """Filter taken visits with the alias `begins`, as `is_to_come` does."""
    begins = Q(begins__gte=now) | Q(begins__isnull=True)
    return begins | Q(status=AppointmentStatus.RESERVED)


def is_to_come(visit: Appointment, *, now: datetime) -> bool:
    """Whether a visit is still to come; one that needs a time is, whenever it was asked for."""
    begins = visit.start_datetime or visit.booking.start_datetime
    is_over = begins is not None and begins < now and visit.status != AppointmentStatus.RESERVED
    return visit.status in TAKEN and not is_over


def _nearest(rows: AppointmentQuerySet, practice_id: str, now: datetime) -> list[str]:
    """Return the ids of taken visits that very many are like, by a walk through their openings.

    From now on, then back from now: enough of them are met long before all could be sorted.
    """
    starts = Booking.objects.filter(practice=practice_id).values_list("start_datetime", flat=True)
    coming = starts.filter(start_datetime__gte=now).order_by("start_datetime")
    over = starts.filter(start_datetime__lt=now).order_by("-start_datetime")
    last = next(iter(coming[_WALKED : _WALKED + 1]), None)
    first = next(iter(over[_WALKED : _WALKED + 1]), None)
    rows = rows.taken().alias(starts=F("booking__start_datetime"))
    ahead = rows.filter(starts__gte=now, **{"starts__lt": last} if last else {})
    back = rows.filter(starts__lt=now, **{"starts__gt": first} if first else {})
    found = list(ahead.order_by("starts", "pk").values_list("pk", flat=True)[: MOST + 1])
    found += back.order_by("-starts", "pk").values_list("pk", flat=True)[: MOST + 1 - len(found)]
    return found


def _read(
    here: AppointmentQuerySet, ids: list[str], typed: _Typed
) -> tuple[list[Appointment], bool]:
    """Return those that are meant of the first _READ, and whether there may be more of them."""
    found: list[Appointment] = []
    for first in range(0, min(len(ids), _READ), MOST + 1):
        some = ids[first : first + MOST + 1]
        rows = _with_booking(here).in_bulk(some)
        found += [rows[pk] for pk in some if pk in rows and _is_meant(rows[pk], typed)]
        if len(found) > MOST:
            return found, True
    return found, len(ids) > _READ


def _is_meant(visit: Appointment, typed: _Typed) -> bool:
    if typed.reference in {visit.pk, visit.booking_id}:
        return True
    person = visit.unread_person
    names, phone = terms.words(person), terms.number(person.phone)
    whole = len(phone) >= record.FEWEST_DIGITS  # perhaps behind another country's code
    return (phone.endswith(typed.digits) or (whole and typed.digits.endswith(phone))) and any(
        all(any(name.startswith(word) for name in names) for word in words)
        for words in typed.readings
    )


# The same people ------------------------------------------------------------------------------


def family(appointment: Appointment, *, now: datetime) -> list[Appointment]:
    """Return the other visits to come with the same phone or e-mail, in the same practice."""
    practice_id, person = appointment.booking.practice_id, appointment.unread_person
    return [each for each in _reached_alike(practice_id, person, now) if each != appointment]


def already(practice_id: str, patient: Patient, *, now: datetime) -> list[Appointment]:
    """Return the visits to come of the same person: phone or e-mail, and first name."""
    name = terms.plain(patient.first_name).strip()
    return [
        each
        for each in _reached_alike(practice_id, patient, now)
        if name and terms.plain(each.unread_person.first_name).strip() == name
    ]


def _reached_alike(practice_id: str, patient: Patient, now: datetime) -> Iterable[Appointment]:
    """Return visits to come with this phone or e-mail, soonest first, MOST at most."""
    phone_or_email = Q(phone_digest__in=record.by_phone(patient.phone))
    phone_or_email |= Q(email_digest__in=record.by_email(patient.email))
    rows = Appointment.objects.filter(phone_or_email, booking__practice=practice_id)
    to_come = _with_booking(rows.taken()).alias(begins=_BEGINS).filter(_still_to_come(now))
    return to_come.order_by("begins", "pk")[:MOST]


def _with_booking(rows: AppointmentQuerySet) -> QuerySet[Appointment]:
    return rows.select_related("booking__location", "booking__doctor", "booking__practice")
