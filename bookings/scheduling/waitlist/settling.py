"""Making of the offers that are due, by whoever looks at a practice, and by the worker.

Nothing depends on a background process: an offer ends on the second as any hold does, and whoever
reads the practice next ends what has ended, and offers what is free to those whose turn it is. That
something is due is derived from the practice's feed, so no change can be missed, and whoever makes
one writes nothing for the list.

Of several at once each offer is made by one: it is worked out without a lock, and made only where
the list is still at the version for which it was.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Value

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
    Status,
    Waitlist,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.patients import record
from bookings.patients.record import Patient
from bookings.scheduling import holds
from bookings.scheduling.actors import CLOCK
from bookings.scheduling.availability import Days
from bookings.scheduling.waitlist import entries, matching, offers, rows
from practices.models import Practice

_ROUNDS = 2
"""An offer is news as well: it is looked at in the second round."""


def due(practice_id: str | OuterRef) -> QuerySet[Waitlist]:
    """Query a practice's list where offers may be due: for Exists, or to read it."""
    news = Feed.objects.filter(practice=OuterRef("practice"), newest__gt=OuterRef("seen"))
    lists = Waitlist.objects.filter(practice=practice_id, practice__active=True, is_waiting=True)
    return lists.filter(Q(is_due=True) | Exists(news))


def over(practice_id: str | OuterRef, now: datetime | Value) -> QuerySet[WaitlistEntry]:
    """Query the entries that end by themselves: an offer that is open is answered first."""
    rows_ = WaitlistEntry.objects.filter(practice=practice_id, status__in=ON_LIST, ends_at__lte=now)
    return rows_.without_offer()


def settle(*, practice_id: str, now: datetime) -> None:
    """Make the offers that are due in a practice, once its holds that have ended are expired."""
    for _ in range(_ROUNDS):
        if not due(practice_id).exists():
            break
        # First of all: what changes after it was read is news in the next round.
        newest = rows.newest(practice_id)
        _tidy(practice_id, now)
        _offer_all(practice_id, newest, now)
    # After the offers have: an entry may have been kept by its last one.
    for entry_id in list(over(practice_id, now).values_list("pk", flat=True)):
        entries.end(entry_id=entry_id, status=EntryStatus.ENDED, by=CLOCK, now=now)


def _offer_all(practice_id: str, newest: int, now: datetime) -> None:
    practice = Practice.objects.prefetch_related("locations").get(pk=practice_id)
    while True:
        waitlist = Waitlist.objects.get(practice=practice)
        now = max(now, walltime.now())
        days = _free_days(practice, waitlist, now)
        waiting = matching.in_turn(practice, now) if days else []
        openings = matching.Openings(practice, days)
        version = waitlist.version
        for who in waiting:
            option = next(openings.options(who), None)
            if option is None:
                continue
            ids = [each.pk for each in option]
            if not offers.make_in_turn(who.entry.pk, ids, version=version, now=now):
                break
            version += 1
            openings.take(option)
        else:
            if _note_seen(practice_id, version, newest):
                return


def _free_days(practice: Practice, waitlist: Waitlist, now: datetime) -> Days:
    """Return what is free; where nobody fits anew, of the days on which something became free."""
    news = rows.news(waitlist)
    if waitlist.is_due or rows.of_visits(news).exists():
        return matching.free_days(practice, now)
    changed = Booking.objects.filter(pk__in=news.values("booking"), start_datetime__gt=now)
    touched: set[date] = set()
    zones = {each.pk: each.zone for each in practice.locations.all()}
    is_free = changed.filter(status=Status.OPEN)
    for start, location_id in is_free.values_list("start_datetime", "location_id"):
        assert start is not None  # is greater than now
        touched.add(walltime.wall_clock(start, zones[location_id]).date())
    if not touched:
        return {}
    days = matching.free_days(practice, now, first=min(touched), last=max(touched))
    return {key: openings for key, openings in days.items() if key[0] in touched}


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


def _tidy(practice_id: str, now: datetime) -> None:
    """End the offers that cannot be accepted as they are; take off the list who waits no more.

    The visits of such a family are past or cancelled, or its patient has booked one meanwhile.
    """
    for offer_id, outcome in _ended_offers(practice_id, now):
        if outcome == OfferOutcome.ACCEPTED:
            _note_booked(offer_id, now)
        else:
            offers.end(offer_id=offer_id, outcome=outcome, by=CLOCK, now=now)
    news = rows.news(Waitlist.objects.get(practice=practice_id))
    listed = WaitlistEntry.objects.filter(practice=practice_id, status__in=ON_LIST)
    changed = listed.filter(visits__in=news.values("appointment")).distinct()
    for entry in changed.prefetch_related("visits__booking__practice"):
        if not matching.live_visits(entry, now):
            entries.end(entry_id=entry.pk, status=EntryStatus.ENDED, by=CLOCK, now=now)
            continue
        # Without the list's lock: whoever looks computes the same, and a later change is news.
        ends_at = entries.ends_at(entry.created_at, entry.visits.all())
        WaitlistEntry.objects.filter(pk=entry.pk).exclude(ends_at=ends_at).update(ends_at=ends_at)
    for entry_id in _booked_meanwhile(listed.filter(visits__isnull=True), news):
        entries.end(entry_id=entry_id, status=EntryStatus.BOOKED, by=CLOCK, now=now)


def _ended_offers(practice_id: str, now: datetime) -> list[tuple[int, OfferOutcome]]:
    """Return the open offers that cannot be accepted as they are, and how each ended."""
    # Who is off the list has none; over the years those become many.
    rows_ = WaitlistOffer.objects.open().filter(
        entry__practice=practice_id, entry__status__in=ON_LIST
    )
    rows_ = rows_.select_related("entry__practice").prefetch_related(
        "entry__visits__booking__practice"
    )
    known = {each.group_id: each for each in rows_}
    held: dict[str, list[Appointment]] = defaultdict(list)
    appointments = Appointment.objects.filter(group_id__in=known).select_related("booking")
    for each in appointments.defer("patient"):
        held[each.group_id or ""].append(each)
    outcomes = ((each, _outcome(each, held[group_id], now)) for group_id, each in known.items())
    return [(each.pk, outcome) for each, outcome in outcomes if outcome is not None]


def _outcome(
    offer: WaitlistOffer, held: Sequence[Appointment], now: datetime
) -> OfferOutcome | None:
    """Return how an open offer ended; None where it can be accepted."""
    statuses = {each.status for each in held}
    if statuses & {*BOOKED}:
        return OfferOutcome.ACCEPTED  # the desk, say, has booked what was held
    if statuses == {AppointmentStatus.EXPIRED}:
        return OfferOutcome.UNANSWERED
    begins = [each.booking.start_datetime for each in held]
    # The opening got another time, say, or a visit that was to be moved.
    in_time = all(each is not None and offer.until <= each - holds.LAST for each in begins)
    is_held = statuses == {AppointmentStatus.PENDING}
    if is_held and in_time and _is_still_wanted(offer, begins, now):
        return None
    return OfferOutcome.WITHDRAWN


def _is_still_wanted(
    offer: WaitlistOffer, begins: Sequence[datetime | None], now: datetime
) -> bool:
    """Whether an offer is of earlier times than the visits that it is for, and of all of them."""
    if not offer.entry.visits.all():
        return True
    visits = matching.live_visits(offer.entry, now)
    if len(visits) != offer.places:
        return False
    before = visits[0].starts_at
    return all(each is not None and before is not None and each < before for each in begins)


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
    rows.changed(waitlist, is_due=False)


def _booked_meanwhile(listed: QuerySet[WaitlistEntry], news: QuerySet[Event]) -> set[str]:
    """Return the ids of those on the list whose patients booked a visit after they had joined."""
    events = news.filter(to_status__in=BOOKED, appointment__status__in=BOOKED)
    events = events.exclude(from_status__in=BOOKED).select_related("appointment")
    by_contact: dict[str, list[tuple[datetime, Patient]]] = defaultdict(list)
    for event in events:
        assert event.appointment is not None  # has its status
        person = event.appointment.unread_person
        for digest in [*record.by_email(person.email), *record.by_phone(person.phone)]:
            by_contact[digest].append((event.at, person))
    if not by_contact:
        return set()
    same = Q(email_digest__in=by_contact) | Q(phone_digest__in=by_contact)
    return {
        entry.pk
        for entry in listed.filter(same)
        for digest in (entry.email_digest, entry.phone_digest)
        for at, person in by_contact.get(digest, [])
        if at > entry.created_at and entries.is_same(entry, person)
    }
