"""Families that wait, for the tests of the waiting list."""

from datetime import datetime, timedelta
from typing import Any

from bookings.models import (
    Appointment,
    Delivery,
    EntryStatus,
    OfferOutcome,
    Outcome,
    TaskKind,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.patients.record import Patient
from bookings.scheduling import bookings
from bookings.scheduling.actors import PATIENT, Actor
from bookings.scheduling.waitlist import entries, offers
from practices.models import Practice
from tests.factories import NOON


def join(practice: Practice, name: str = "Ada", **said: Any) -> WaitlistEntry:
    """Put a family on the list. said: wishes, and what else `entries.join` takes."""
    more = {each: said.pop(each) for each in ("by", "now", "visits", "others") if each in said}
    email = said.pop("email", f"{name.lower()}@family.example")
    last, phone = said.pop("last_name", "Byron"), said.pop("phone", "")
    patient = Patient(first_name=name, last_name=last, email=email, phone=phone)
    wishes: Any = said
    now = NOON + timedelta(milliseconds=WaitlistEntry.objects.count())  # one after the other
    return entries.join(practice, patient, wishes, **{"by": PATIENT, "now": now, **more})


def look(practice: Practice, now: Any = NOON) -> None:
    """Read the practice, as every page and list does."""
    bookings.catch_up(practice_id=practice.pk, now=now)


def offer(entry: WaitlistEntry) -> WaitlistOffer | None:
    """Return the offer that is open."""
    return entry.offers.filter(outcome__isnull=True).first()


def held(entry: WaitlistEntry) -> list[Appointment]:
    """Return the places that are held for a family, in the order of their times."""
    found = offer(entry)
    return [] if found is None else [*found.held]


def mailed(entry: WaitlistEntry) -> None:
    """Have the mail of the open offer sent."""
    (first, *_) = held(entry)
    Delivery.objects.create(appointment=first, kind=TaskKind.OFFER, outcome=Outcome.SENT, at=NOON)


def decline(*, offer_id: int, by: Actor, now: datetime, leaves: bool) -> None:
    """Decline an offer as the family's page does; leaves: the list, too."""
    if leaves:
        entry_id = WaitlistOffer.objects.get(pk=offer_id).entry_id
        entries.end(entry_id=entry_id, status=EntryStatus.LEFT, by=by, now=now)
    else:
        offers.end(offer_id=offer_id, outcome=OfferOutcome.DECLINED, by=by, now=now)
