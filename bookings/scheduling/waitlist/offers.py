"""Offers: places held for a family on the waiting list until it answers (contract, section 8)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from bookings.models import (
    ON_LIST,
    Appointment,
    AppointmentStatus,
    Delivery,
    EntryAct,
    EntryStatus,
    OfferOutcome,
    Outcome,
    Queue,
    Status,
    Task,
    TaskKind,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.patients.record import Patient
from bookings.scheduling import holds, moves
from bookings.scheduling.actors import CLOCK, Actor
from bookings.scheduling.locked_booking import LockedBooking
from bookings.scheduling.waitlist import matching, rows
from openchair.errors import Refused

MOST_UNANSWERED = 2
"""So many offers in a row that nobody answers pause a family."""


@transaction.atomic
def make_in_turn(entry_id: str, booking_ids: Sequence[str], *, version: int, now: datetime) -> bool:
    """Offer places to the family whose turn it is; return False where that is not so any more.

    booking_ids: a booking for each person. version: of the list when their turn was worked out.
    """
    locked = moves.lock_all({*booking_ids}, by=CLOCK, now=now)
    waitlist = rows.lock(next(iter(locked.values())).booking.practice_id)
    if waitlist.version != version:
        return False
    entry = WaitlistEntry.objects.get(pk=entry_id)
    until = _until(locked, booking_ids)
    if until is None:
        return False
    _hold(locked, entry, booking_ids, until, made_by=None)
    # Of what is free nothing more can be offered than before.
    waitlist.version += 1
    waitlist.save()
    return True


@transaction.atomic
def make(*, entry_id: str, booking_ids: Sequence[str], by: Actor, now: datetime) -> WaitlistOffer:
    """Offer places to a family by hand, whoever's turn it is; booking_ids: one for each person.

    Raises Refused (409: too_near, not_earlier, place_taken, not_waiting, has_offer),
    Booking.DoesNotExist.
    """
    locked = moves.lock_all({*booking_ids}, by=by, now=now)
    any_booking = next(iter(locked.values())).booking
    waitlist = rows.lock(any_booking.practice_id)
    entry = WaitlistEntry.objects.get(pk=entry_id, practice=any_booking.practice_id)
    if entry.status not in ON_LIST:
        raise not_waiting()
    if entry.offers.open().exists():
        raise has_offer()
    if not _are_free(locked, booking_ids):
        raise Refused("place_taken", "This time is not free any more: choose another.")
    until = _until(locked, booking_ids)
    if until is None:
        raise Refused(
            "too_near", "This time is too soon to wait for an answer: call, and book it for them."
        )
    who = matching.candidate(entry, now)
    if who is None or not matching.is_before(who, _begin(locked)):
        raise Refused(
            "not_earlier",
            "This family asks for an earlier time than its visit, and this one is later: call, and "
            "book it for them.",
        )
    made = _hold(locked, entry, booking_ids, until, made_by=by.user_id)
    rows.changed(waitlist)
    return made


def not_waiting() -> Refused:
    return Refused("not_waiting", "This family is not on the waiting list any more.")


def has_offer() -> Refused:
    return Refused("has_offer", "This family has an offer already: withdraw it first.")


def _are_free(locked: dict[str, LockedBooking], booking_ids: Sequence[str]) -> bool:
    return all(
        locked[pk].booking.status == Status.OPEN and locked[pk].booking.free_places >= count
        for pk, count in Counter(booking_ids).items()
    )


def _until(locked: dict[str, LockedBooking], booking_ids: Sequence[str]) -> datetime | None:
    """Return until when free places are held; None where one is taken or too near."""
    first = locked[booking_ids[0]]
    if not _are_free(locked, booking_ids):
        return None
    return holds.offer_ends(first.now, min(_begin(locked)), first.booking.location.zone)


def _begin(locked: dict[str, LockedBooking]) -> list[datetime]:
    """Return when open bookings begin: each has a time."""
    begins = (each.booking.start_datetime for each in locked.values())
    return [each for each in begins if each is not None]


def _hold(
    locked: dict[str, LockedBooking],
    entry: WaitlistEntry,
    booking_ids: Sequence[str],
    until: datetime,
    *,
    made_by: int | None,
) -> WaitlistOffer:
    """Hold places for a family, and have it told by mail."""
    first, now = locked[booking_ids[0]], locked[booking_ids[0]].now
    offer = WaitlistOffer(
        entry=entry,
        booking=first.booking,
        places=len(booking_ids),
        freed_at=_freed_at(first),
        until=until,
        made_by_id=made_by,
        made_at=now,
    )
    offer.save()
    held = [
        locked[pk].take(
            AppointmentStatus.PENDING,
            person,
            pending_until=until,
            group_id=offer.group_id,
            language=entry.language,
            source=entry.source or None,
            attribution=entry.attribution,
        )
        for pk, person in zip(booking_ids, _people(entry, len(booking_ids), now), strict=True)
    ]
    moves.save_all(locked.values())
    if entry.email_digest:
        Task.objects.create(
            queue_name=Queue.MAIL,
            kind=TaskKind.OFFER,
            appointment=held[0],
            entry=entry,
            run_after=now,
            enqueued_at=now,
        )
    return offer


def _people(entry: WaitlistEntry, count: int, now: datetime) -> list[Patient]:
    """Return whose places they are; of who wants an earlier time, the patients of the visits."""
    visits = matching.live_visits(entry, now)
    people = [each.unread_person for each in visits] or entry.unread_people
    return people[:count]


def _freed_at(first: LockedBooking) -> datetime:
    """Return when the place became free before it was first offered to anybody, in UTC."""
    freed_at = first.booking.freed_at or first.booking.updated_at
    earlier = WaitlistOffer.objects.filter(booking=first.booking, ended_at=freed_at)
    known = earlier.order_by("-pk").values_list("freed_at", flat=True).first()
    return known or freed_at


@moves.atomic_wherever_it_is
def end(*, offer_id: int, outcome: OfferOutcome, by: Actor, now: datetime) -> bool:
    """End an offer that is open, and give back what is still held; False where it ended before.

    outcome: any but accepted. That nobody answered counts only against a family that was told.
    """
    offer = WaitlistOffer.objects.select_related("entry").get(pk=offer_id)
    held = [*offer.held]
    locked = moves.lock_all({each.booking_id for each in held}, by=by, now=now)
    waitlist = rows.lock(offer.entry.practice_id)
    offer.refresh_from_db()
    if offer.outcome is not None:
        return False
    give_back(offer, held, locked, outcome)
    entry = offer.entry
    if outcome != OfferOutcome.UNANSWERED:
        entry.unanswered = 0
    elif _was_told(offer):
        entry.unanswered += 1
    if entry.unanswered >= MOST_UNANSWERED and entry.status == EntryStatus.WAITING:
        entry.status = EntryStatus.PAUSED
        rows.note(entry, EntryAct.PAUSED, CLOCK, now)
    entry.updated_at = now
    entry.save(update_fields=["unanswered", "status", "updated_at"])
    rows.changed(waitlist)
    moves.save_all(locked.values())
    return True


def _was_told(offer: WaitlistOffer) -> bool:
    """Whether the mail of an offer has gone out, by which the family could have answered."""
    told = (Outcome.SENT, Outcome.WRITTEN)
    mail = Delivery.objects.filter(appointment__in=offer.held, kind=TaskKind.OFFER)
    return mail.filter(outcome__in=told).exists()


def give_back(
    offer: WaitlistOffer,
    held: Sequence[Appointment],
    locked: Mapping[str, LockedBooking],
    outcome: OfferOutcome,
) -> None:
    """End an offer, and free those of its places that are held; the bookings are not saved."""
    now = max(each.now for each in locked.values())
    for each in held:
        booking = locked[each.booking_id]
        known = booking.appointment(each.pk)
        if known.status == AppointmentStatus.PENDING:
            booking.move(known, AppointmentStatus.CANCELLED)
    offer.outcome = outcome
    offer.ended_at = min(now, offer.until) if outcome == OfferOutcome.UNANSWERED else now
    offer.save(update_fields=["outcome", "ended_at"])
