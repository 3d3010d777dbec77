"""Making of the offers that are due, by whoever looks at a practice, and by the worker.

Nothing depends on a background process: an offer ends on the second as any hold does, and whoever
reads the practice next ends what has ended, and offers what is free to those whose turn it is. That
something is due is derived from the practice's feed, so no change can be missed, and whoever makes
one writes nothing for the list.

Of several at once each offer is made by one: it is worked out without a lock, and made only where
the list is still at the version for which it was.
"""

from collections import Counter, defaultdict
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from bookings import walltime
from bookings.models import (
    BOOKED,
    ON_LIST,
    Appointment,
    AppointmentStatus,
    Booking,
    EntryStatus,
    Event,
    Feed,
    OfferOutcome,
    Waitlist,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.patients import record
from bookings.scheduling.actors import CLOCK
from bookings.scheduling.availability import Days, Free
from bookings.scheduling.waitlist import entries, matching, offers, rows
from practices.models import Practice

_ROUNDS = 2
"""An offer is news as well: it is looked at in the second round."""


def due(practice_id: str | OuterRef) -> QuerySet[Waitlist]:
    """Query a practice's list where offers may be due: for Exists, or to read it."""
    news = Feed.objects.filter(practice=OuterRef("practice"), newest__gt=OuterRef("seen"))
    lists = Waitlist.objects.filter(practice=practice_id, practice__active=True, is_waiting=True)
    return lists.filter(Q(is_due=True) | Exists(news))


def settle(*, practice_id: str, now: datetime) -> None:
    """Make the offers that are due in a practice, once its holds that have ended are expired."""
    for _ in range(_ROUNDS):
        if not due(practice_id).exists():
            return
        tidy(practice_id, now)
        _offer_all(practice_id, now)


def _offer_all(practice_id: str, now: datetime) -> None:
    practice = Practice.objects.prefetch_related("locations").get(pk=practice_id)
    while True:
        # In this order: what changes after it was read is news in the next round.
        waitlist = Waitlist.objects.get(practice=practice)
        newest = Feed.objects.filter(practice=practice).values_list("newest", flat=True).first()
        now = max(now, walltime.now())
        waiting = matching.in_turn(practice, now)
        days = _free_days(practice, waitlist, now) if waiting else {}
        version: int | None = waitlist.version
        for who in waiting:
            option = matching.first_option(who, practice, days)
            if option is not None and version is not None:
                made = offers.make_in_turn(
                    who.entry.pk, [each.pk for each in option], version=version, now=now
                )
                version = version + 1 if made else None
                _take(days, option)
        if version is not None and _note_seen(practice_id, version, newest or 0):
            return


def _free_days(practice: Practice, waitlist: Waitlist, now: datetime) -> Days:
    """Return what is free; where the list is as it was, of the days on which something changed."""
    if waitlist.is_due:
        return matching.free_days(practice, now)
    news = Event.objects.filter(practice=practice, number__gt=waitlist.seen)
    changed = Booking.objects.filter(pk__in=news.values("booking"), start_datetime__gt=now)
    touched: set[date] = set()
    zones = {each.pk: each.zone for each in practice.locations.all()}
    for start, location_id in changed.values_list("start_datetime", "location_id"):
        assert start is not None  # is greater than now
        touched.add(walltime.wall_clock(start, zones[location_id]).date())
    if not touched:
        return {}
    days = matching.free_days(practice, now, first=min(touched), last=max(touched))
    return {key: openings for key, openings in days.items() if key[0] in touched}


def _take(days: Days, option: list[Free]) -> None:
    """Take places out of what is free."""
    taken = Counter(each.pk for each in option)
    for openings in days.values():
        if any(free.pk in taken for free in openings):
            left = (free._replace(places=free.places - taken[free.pk]) for free in openings)
            openings[:] = [free for free in left if free.places > 0]


@transaction.atomic
def _note_seen(practice_id: str, version: int, newest: int) -> bool:
    """Save up to where the list has been asked, unless it changed since; return whether."""
    waitlist = rows.lock(practice_id)
    if waitlist.version != version:
        return False
    on_list = WaitlistEntry.objects.filter(practice=practice_id, status__in=ON_LIST)
    waitlist.seen, waitlist.is_due, waitlist.is_waiting = newest, False, on_list.exists()
    waitlist.save()
    return True


def tidy(practice_id: str, now: datetime) -> None:
    """End the offers whose places are not held any more, and the entries that are over."""
    for offer_id, outcome in _ended_offers(practice_id):
        if outcome == OfferOutcome.ACCEPTED:
            _note_booked(offer_id, now)
        else:
            offers.end(offer_id=offer_id, outcome=outcome, by=CLOCK, now=now)
    known = WaitlistEntry.objects.filter(practice=practice_id, status__in=ON_LIST)
    listed = list(known.prefetch_related("visits__booking__practice"))
    booked = _booked_meanwhile(practice_id, [each for each in listed if not each.visits.all()])
    for entry in listed:
        over = entry.visits.all() and not matching.live_visits(entry, now)
        status = EntryStatus.BOOKED if entry.pk in booked else None
        if status is None and (over or entry.ends_at <= now):
            status = EntryStatus.ENDED
        if status is not None:
            entries.end(entry_id=entry.pk, status=status, by=CLOCK, now=now)


def _ended_offers(practice_id: str) -> list[tuple[int, OfferOutcome]]:
    """Return the open offers whose places are not all held, and how each ended."""
    rows_ = WaitlistOffer.objects.filter(entry__practice=practice_id, outcome__isnull=True)
    ids = dict(rows_.values_list("group_id", "pk"))
    found: dict[str, set[str]] = defaultdict(set)
    held = Appointment.objects.filter(group_id__in=ids)
    for group_id, status in held.values_list("group_id", "status"):
        found[group_id or ""].add(status)
    return [
        (pk, _outcome(found[group_id]))
        for group_id, pk in ids.items()
        if found[group_id] != {AppointmentStatus.PENDING}
    ]


def _outcome(statuses: set[str]) -> OfferOutcome:
    if statuses & {*BOOKED}:
        return OfferOutcome.ACCEPTED  # the desk, say, has booked what was held
    if statuses == {AppointmentStatus.EXPIRED}:
        return OfferOutcome.UNANSWERED
    return OfferOutcome.WITHDRAWN


@transaction.atomic
def _note_booked(offer_id: int, now: datetime) -> None:
    """Save that an offer was accepted by another way than its own buttons."""
    offer = WaitlistOffer.objects.select_related("entry").get(pk=offer_id)
    waitlist = rows.lock(offer.entry.practice_id)
    offer.refresh_from_db()
    if offer.outcome is not None:
        return
    offer.outcome, offer.ended_at = OfferOutcome.ACCEPTED, now
    offer.save(update_fields=["outcome", "ended_at"])
    if offer.entry.status in ON_LIST:
        entries.take_off(offer.entry, EntryStatus.BOOKED, CLOCK, now)
    rows.changed(waitlist)


def _booked_meanwhile(practice_id: str, listed: list[WaitlistEntry]) -> set[str]:
    """Return the ids of entries whose patients have booked a visit since they joined."""
    by_contact: dict[str, list[WaitlistEntry]] = defaultdict(list)
    for entry in listed:
        person = entry.unread_person
        for digest in [*record.by_email(person.email), *record.by_phone(person.phone)]:
            by_contact[digest].append(entry)
    if not by_contact:
        return set()
    same = Q(email_digest__in=by_contact) | Q(phone_digest__in=by_contact)
    since = min(each.created_at for each in listed)
    # Not when the appointment was made: its place may have been held before they joined.
    acts = Event.objects.filter(appointment=OuterRef("pk"), to_status__in=BOOKED)
    booked = acts.exclude(from_status__in=BOOKED).order_by("-number").values("at")[:1]
    visits = Appointment.objects.filter(same, booking__practice=practice_id, status__in=BOOKED)
    visits = visits.annotate(booked_at=Subquery(booked)).filter(booked_at__gt=since)
    return {
        entry.pk
        for visit in visits
        for digest in (visit.email_digest, visit.phone_digest)
        for entry in by_contact.get(digest or "", [])
        if visit.booked_at > entry.created_at and entries.is_same(entry, visit.unread_person)
    }
