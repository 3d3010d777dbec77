"""Who on the waiting list fits which free place, and why the others do not; whom to call."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from bookings import walltime
from bookings.models import (
    Appointment,
    AppointmentStatus,
    Delivery,
    EntryStatus,
    Outcome,
    TaskKind,
    Waitlist,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.models.waitlist import IN_ORDER, WaitlistEntryQuerySet
from bookings.scheduling import availability, holds
from bookings.scheduling.availability import Criteria, Days, Free
from bookings.scheduling.waitlist import matching
from bookings.scheduling.waitlist.matching import Candidate, WhyNot
from practices.models import Practice

Busy = Literal["has_offer", "paused"]
"""Why a family is offered nothing at present."""
Reason = WhyNot | Busy | Literal["beside"]
"""Why a free place is not offered to a family. beside: it needs more places side by side."""


@dataclass(frozen=True)
class Fit:
    """A family that wants a free place. option: an opening for each of its people, this included.

    busy: None where it would be offered this.
    """

    who: Candidate
    option: Sequence[Free]
    busy: Busy | None


@dataclass(frozen=True)
class Place:
    """A free opening: whom it fits, in their turn, and how many it does not, by reason."""

    free: Free
    fits: Sequence[Fit]
    reasons: Counter[Reason]


def on_list(practice: Practice, now: datetime) -> WaitlistEntryQuerySet:
    """Query who is on a practice's list, paused or not, in order."""
    return WaitlistEntry.objects.on_list(now).filter(practice=practice).order_by(*IN_ORDER)


def families(practice: Practice, now: datetime) -> list[Candidate]:
    """Return who is on a practice's list, paused or not, in order."""
    return matching.candidates(on_list(practice, now), now)


def places(practice: Practice, days: Days, waiting: Sequence[Candidate]) -> list[Place]:
    """Return the free openings of some days in order of time, with whom each fits."""
    fits: dict[str, list[Fit]] = {}
    reasons: dict[str, Counter[Reason]] = {}
    zones = {each.pk: each.zone for each in practice.locations.all()}
    for (_, location_id), openings in days.items():
        for free in openings:
            fits[free.pk], reasons[free.pk] = [], Counter()
        for who in waiting:
            why = {free: matching.why_not(who, free, zones[location_id]) for free in openings}
            options = _options(practice, who, [free for free in openings if why[free] is None])
            for free in openings:
                if free in options:
                    fits[free.pk].append(Fit(who, options[free], _busy(who)))
                else:
                    reasons[free.pk][_reason(who, why[free])] += 1
    every = (free for openings in days.values() for free in openings)
    return [
        Place(free, fits[free.pk], reasons[free.pk])
        for free in sorted(every, key=lambda free: (free.start, free.pk))
    ]


def _options(
    practice: Practice, who: Candidate, wanted: Sequence[Free]
) -> dict[Free, Sequence[Free]]:
    """Return what somebody could have, by each opening that they want and that is part of it."""
    if who.people == 1:
        return {free: [free] for free in wanted}
    found: dict[Free, Sequence[Free]] = {}
    for free in wanted:
        option = availability.starting_at(practice, wanted, free, who.people)
        if option is not None:
            found[free] = option
    for chain in [*found.values()]:
        for free in chain:
            found.setdefault(free, chain)
    return found


def _reason(who: Candidate, why: WhyNot | None) -> Reason:
    """Return what to say of somebody whom a free place does not fit; it may be offered to them."""
    busy = _busy(who)
    return busy if why == "offered" and busy else why or "beside"


def _busy(who: Candidate) -> Busy | None:
    if who.has_offer:
        return "has_offer"
    return "paused" if who.entry.status == EntryStatus.PAUSED else None


def anything_free(practice: Practice, now: datetime) -> Criteria:
    """Return the criteria of every opening to come, for one person."""
    return Criteria(
        people=1,
        location_ids=[each.pk for each in practice.locations.all()],
        doctor_ids=None,
        earliest=now + timedelta(milliseconds=1),
        latest=walltime.LATEST,
    )


def near(practice: Practice, now: datetime) -> list[Place]:
    """Return what is free too soon to be offered and fits somebody without an offer: to call."""
    days = _days_to_call(practice, now)
    waiting = matching.candidates(on_list(practice, now).without_offer(), now) if days else []
    return [
        each for each in places(practice, days, waiting) if _is_near(each.free, now) and each.fits
    ]


def _count_near(practice: Practice, now: datetime) -> int:
    """Count what `near` returns.

    Every page asks: of who wishes none of it only the wishes are read, and nobody more once each
    place fits somebody.
    """
    days = _days_to_call(practice, now)
    zones = {each.pk: each.zone for each in practice.locations.all()}
    soon = [free for openings in days.values() for free in openings if _is_near(free, now)]
    if not soon:
        return 0
    rows = on_list(practice, now).without_offer()
    wishing = [
        entry.pk
        for entry in rows.only(*_WISHES)
        for who in [Candidate(entry, people=1, before=None, left=(), offered=())]
        if any(matching.why_not(who, free, zones[free.location_id]) is None for free in soon)
    ]
    left = {free.pk for free in soon}
    for first in range(0, len(wishing), _AT_A_TIME):
        some = rows.filter(pk__in=wishing[first : first + _AT_A_TIME])
        waiting = matching.candidates(some, now)
        left -= {each.free.pk for each in places(practice, days, waiting) if each.fits}
        if not left:
            break
    return len(soon) - len(left)


_AT_A_TIME = 50
_WISHES = ("location_ids", "doctor_ids", "weekdays", "parts", "earliest", "latest")


def _days_to_call(practice: Practice, now: datetime) -> Days:
    """Return what is free on the days on which something is near; nothing where nothing is.

    All of these days: for a family, a place beside the near one counts as well.
    """
    zones = [each.zone for each in practice.locations.all()]
    until = now + holds.NEAREST
    days = availability.read(
        practice,
        anything_free(practice, now),
        min((walltime.wall_clock(now, zone).date() for zone in zones), default=now.date()),
        max((walltime.wall_clock(until, zone).date() for zone in zones), default=now.date()),
    )
    return {
        key: openings
        for key, openings in days.items()
        if any(_is_near(free, now) for free in openings)
    }


def _is_near(free: Free, now: datetime) -> bool:
    return free.start < now + holds.NEAREST


def open_offers(practices: Iterable[str]) -> QuerySet[WaitlistOffer]:
    """Query what is offered in practices, by their ids, and not answered."""
    return WaitlistOffer.objects.open().filter(entry__practice__in=practices)


def holding(appointments: Iterable[Appointment]) -> dict[str, WaitlistOffer]:
    """Return the offers for which places are held, by group; no query where no hold has a group."""
    groups = {
        each.group_id or ""
        for each in appointments
        if each.status == AppointmentStatus.PENDING and each.group_id is not None
    }
    if not groups:
        return {}
    rows = WaitlistOffer.objects.open().filter(group_id__in=groups)
    return {each.group_id: each for each in rows}


def untold() -> Q:
    """Filter offers of which no e-mail tells: the office calls."""
    if not settings.EMAIL_URL:
        return Q()
    bounced = Delivery.objects.filter(
        appointment__group_id=OuterRef("group_id"),
        kind=TaskKind.OFFER,
        outcome__in=(Outcome.REFUSED, Outcome.FAILED),
    )
    return Q(entry__email_digest="") | Q(Exists(bounced))


def to_call(practice: Practice, now: datetime) -> int:
    """Count the offers and the free places about which the office has to call."""
    if not Waitlist.objects.filter(practice=practice, is_waiting=True).exists():
        return 0
    return open_offers([practice.pk]).filter(untold()).count() + _count_near(practice, now)
