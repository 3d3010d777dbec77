"""Limits of the booking page, against robots and squatters (contract, section 6).

Counters per address, practice and contact, of holds, of visits booked and moved, of families that
join the waiting list, and of codes by mail; and how much of a practice unconfirmed patients hold at
once. Whoever is refused is told to call the office.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.db.models import F, QuerySet, Sum

from bookings.booking_page import state
from bookings.booking_page.page import Page
from bookings.models import Appointment, Booking, PatientHold, Status
from bookings.patients.record import Patient, by_email, by_phone
from openchair import encryption, rate_limits
from openchair.errors import LimitReached


class CodeLimitReached(LimitReached):
    """Too many codes were mailed, or typed."""


def addresses_of(page: Page) -> list[str]:
    """Return digests of the client's address, one for each key, the one to keep first."""
    return digests_of_address(page.address)


def digests_of_address(subject: str) -> list[str]:
    """Return digests of a network address; of IPv6 of its /64, which is one subscriber's."""
    try:
        address = ip_address(subject)
    except ValueError:  # a unix socket without TRUSTED_PROXIES
        return encryption.digests("address", subject)
    if address.version == 6:
        mapped = address.ipv4_mapped
        subject = str(mapped) if mapped else str(ip_network((address, 64), strict=False))
    return encryption.digests("address", subject)


def pages_of(page: Page) -> list[str]:
    """Return digests of the browser page's random id, as `addresses_of` does."""
    return encryption.digests("page", page.state.page)


def forgotten(now: datetime) -> QuerySet[PatientHold]:
    """Return the holds by which no browser page finds its visit again: its state is too old."""
    return PatientHold.objects.filter(pending_until__lt=now - timedelta(seconds=state.LASTS))


def spend_hold(page: Page) -> None:
    """Count a hold by its address and practice. Raises LimitReached."""
    _spend("patient hold address", addresses_of(page)[0], settings.PATIENT_HOLDS_PER_ADDRESS)
    _spend("patient hold practice", page.practice.pk, settings.PATIENT_HOLDS_PER_PRACTICE)


def spend_contact(patient: Patient) -> None:
    """Count a hold by its phone number and e-mail address. Raises LimitReached."""
    for contact in _contacts(patient):
        _spend("patient hold contact", contact, settings.PATIENT_HOLDS_PER_CONTACT)


def spend_visit(page: Page, patient: Patient) -> None:
    """Count a booking, of a family too, by address, practice and contact. Raises LimitReached."""
    _spend("patient visit address", addresses_of(page)[0], settings.PATIENT_VISITS_PER_ADDRESS)
    _spend("patient visit practice", page.practice.pk, settings.PATIENT_VISITS_PER_PRACTICE)
    for contact in _contacts(patient):
        _spend("patient visit contact", contact, settings.PATIENT_VISITS_PER_CONTACT)


def spend_move(patient: Patient) -> None:
    """Count a move, of which a mail tells the family, by contact. Raises LimitReached."""
    for contact in _contacts(patient):
        _spend("patient move contact", contact, settings.PATIENT_MOVES_PER_CONTACT)


def spend_wait(page: Page, patient: Patient) -> None:
    """Count a family that joins the waiting list, of which a mail tells it. Raises LimitReached."""
    _spend("patient wait address", addresses_of(page)[0], settings.PATIENT_WAITS_PER_ADDRESS)
    _spend("patient wait practice", page.practice.pk, settings.PATIENT_WAITS_PER_PRACTICE)
    for contact in _contacts(patient):
        _spend("patient wait contact", contact, settings.PATIENT_WAITS_PER_CONTACT)


def spend_code(page: Page, patient: Patient) -> None:
    """Count a code that is mailed, maybe to a stranger. Raises CodeLimitReached."""
    _spend_all(
        ("patient code address", addresses_of(page)[0], settings.PATIENT_CODES_PER_ADDRESS),
        ("patient code contact", by_email(patient.email)[0], settings.PATIENT_CODES_PER_CONTACT),
        ("patient code practice", page.practice.pk, settings.PATIENT_CODES_PER_PRACTICE),
    )


def spend_try(page: Page, visit: Appointment) -> None:
    """Count a code that is typed, before it is compared. Raises CodeLimitReached.

    The practice counts last: who has used up their own tries uses up nobody else's.
    """
    contact = by_email(visit.unread_person.email)[0]
    _spend_all(
        ("patient try hold", str(visit.group_id), settings.PATIENT_TRIES_PER_HOLD),
        ("patient try address", addresses_of(page)[0], settings.PATIENT_TRIES_PER_ADDRESS),
        ("patient try contact", contact, settings.PATIENT_TRIES_PER_CONTACT),
        ("patient try practice", page.practice.pk, settings.PATIENT_TRIES_PER_PRACTICE),
    )


def check_live(page: Page, places: int, *, now: datetime) -> None:
    """Raise LimitReached where this many places would be too many to hold at once.

    At most PATIENT_LIVE_HOLDS visits from an address, and of a practice's free places a part; one
    family alone may always hold its places. A browser page has one visit: choosing another time
    gives the first one back. Call it with the row of the practice's BookingPage locked.
    """
    live = PatientHold.objects.filter(practice=page.practice, pending_until__gt=now, places__gt=0)
    others = live.exclude(page__in=pages_of(page))
    theirs = others.filter(address__in=addresses_of(page))
    if theirs.count() >= settings.PATIENT_LIVE_HOLDS:
        raise _refused("from one address", settings.PATIENT_HOLD_SECONDS)
    held = others.aggregate(places=Sum("places"))["places"] or 0
    if held == 0 or held + places <= settings.PATIENT_HOLDS_LEAST:
        return
    if held + places > (_free(page, now) + held) // settings.PATIENT_HOLDS_SHARE:
        raise _refused("in this practice", settings.PATIENT_HOLD_SECONDS)


def _free(page: Page, now: datetime) -> int:
    """Return how many places of the practice are free within its horizon."""
    taken = F("places_pending") + F("places_reserved") + F("places_booked")
    rows = Booking.objects.filter(
        location__in=[each.pk for each in page.practice.locations.all()],
        status=Status.OPEN,
        start_datetime__gt=now,
        start_datetime__lt=now + timedelta(days=page.settings.horizon_days),
    )
    free: int | None = rows.aggregate(free=Sum(F("total_appointments") - taken))["free"]
    return free or 0


def _contacts(patient: Patient) -> Iterable[str]:
    return [*by_phone(patient.phone)[:1], *by_email(patient.email)[:1]]


def _spend_all(*budgets: tuple[str, str, tuple[int, int]]) -> None:
    try:
        for policy, subject, rate in budgets:
            _spend(policy, subject, rate)
    except LimitReached as limit:
        raise CodeLimitReached(limit.text, retry_after=limit.retry_after) from None


def _spend(policy: str, subject: str, rate: tuple[int, int]) -> None:
    budget = rate_limits.spend_of_any(policy, subject, rate)
    if budget.is_overdrawn:
        raise _refused(policy, budget.reset)


def _refused(where: str, retry_after: int) -> LimitReached:
    return LimitReached(f"Too many visits are held or booked: {where}.", retry_after=retry_after)
