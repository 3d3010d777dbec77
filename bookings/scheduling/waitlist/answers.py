"""Acceptance of an offer, also late; and places booked for a family on the phone.

Declined is an offer by `offers.end`, or with the whole list by `entries.end`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from bookings.models import (
    ON_LIST,
    Appointment,
    AppointmentStatus,
    Booking,
    EntryStatus,
    OfferOutcome,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.scheduling import families, moves, moving
from bookings.scheduling.actors import Actor
from bookings.scheduling.locked_booking import MovedAway
from bookings.scheduling.waitlist import entries, matching, offers, rows
from openchair.errors import Refused

Check = Callable[[list[Appointment]], None]
"""Called with an offer's places as they are under the lock; raises where it is not to be taken."""


@moves.atomic_wherever_it_is
def accept(
    *,
    offer_id: int,
    by: Actor,
    now: datetime,
    names: Sequence[tuple[str, str]] = (),
    check: Check | None = None,
) -> list[Appointment]:
    """Book the places of an offer, reserve them in a range practice, and return the visits.

    Of who wants an earlier time, the visits move there in the same act. After the offer has ended
    it is a plain claim. names: first and last names of the people, where they were not known.
    Raises Refused (409: place_taken, hold_expired, in_the_past, closed, not_waiting, has_offer),
    and what `check` raises.
    """
    offer = WaitlistOffer.objects.select_related("entry__practice").get(pk=offer_id)
    entry, held = offer.entry, [*offer.held]
    other = _other(offer)
    gives_back = [] if other is None else [each.pk for each in other.held]

    def guard(appointment: Appointment) -> None:
        """Lock the list, once the bookings are, and before the first of them is saved."""
        lock_listed(entry)
        offer.refresh_from_db(fields=["outcome"])
        if offer.outcome in {OfferOutcome.DECLINED, OfferOutcome.WITHDRAWN}:
            raise Refused("closed", "The offer was declined or taken back.")
        if other != _other(offer):
            raise MovedAway  # made or ended meanwhile
        begins = appointment.booking.start_datetime
        if begins is None or begins <= now:
            raise Refused("in_the_past", "The time of this visit has passed.")
        if check is not None:
            check([*offer.held])

    visits = matching.live_visits(entry, now)
    if visits:
        if len(visits) != len(held):
            raise Refused("closed", "The visits have changed since this was offered.")
        gives_back += [each.pk for each in held]
        to: Any = _destinations(entry, visits, [each.booking_id for each in held])
    else:
        said: list[dict[str, str]] = [{"first_name": one, "last_name": two} for one, two in names]
        said += [{}] * (len(held) - len(said))
        to = {
            place.pk: {"status": families.booked_as(entry.practice), **name}
            for place, name in zip(held, said, strict=True)
        }
    booked = moving.move(to=to, by=by, now=now, check=guard, gives_back=gives_back)
    if other is not None:
        other.outcome, other.ended_at = OfferOutcome.WITHDRAWN, now
        other.save(update_fields=["outcome", "ended_at"])
    offer.outcome, offer.ended_at = OfferOutcome.ACCEPTED, now
    offer.save(update_fields=["outcome", "ended_at"])
    _take_off_booked(entry, by, now)
    return booked


def _other(offer: WaitlistOffer) -> WaitlistOffer | None:
    """Return what a family that answers late is offered by now."""
    return offer.entry.offers.open().exclude(pk=offer.pk).first()


def lock_listed(entry: WaitlistEntry) -> None:
    """Lock the list, and read an entry that is on it. Raises Refused (409: not_waiting)."""
    rows.lock(entry.practice_id)
    entry.refresh_from_db(fields=["status", "unanswered"])
    if entry.status not in ON_LIST:
        raise offers.not_waiting()


def _destinations(
    entry: WaitlistEntry, visits: Sequence[Appointment], booking_ids: Sequence[str]
) -> dict[str, moving.Destination]:
    """Return where each visit goes; in a range practice without an exact time."""
    to: dict[str, moving.Destination] = {}
    for visit, booking_id in zip(visits, booking_ids, strict=True):
        to[visit.pk] = {"booking_id": booking_id}
        if entry.practice.range_bookings:
            to[visit.pk]["status"] = AppointmentStatus.RESERVED
    return to


def _take_off_booked(entry: WaitlistEntry, by: Actor, now: datetime) -> None:
    entries.take_off(entry, EntryStatus.BOOKED, by, now)
    rows.changed(rows.lock(entry.practice_id), is_due=False)


@moves.atomic_wherever_it_is
def book(
    *, entry_id: str, booking_ids: Sequence[str], by: Actor, now: datetime
) -> list[Appointment]:
    """Book free places for a family that was called, and return the visits.

    booking_ids: a booking for each person. Of who wants an earlier time, the visits move there.
    Raises as `accept`, Refused (409: has_offer), Booking.DoesNotExist.
    """
    entry = WaitlistEntry.objects.select_related("practice").get(pk=entry_id)
    visits = matching.live_visits(entry, now)
    # Before the list, as every change does; taking the places locks nothing more.
    every = {*booking_ids, *(each.booking_id for each in visits)}
    for each in moves.lock_all(every, by=by, now=now).values():
        if each.booking.practice_id != entry.practice_id:
            raise Booking.DoesNotExist
    lock_listed(entry)
    if entry.offers.open().exists():
        raise offers.has_offer()
    if visits:
        booked = moving.move(to=_destinations(entry, visits, booking_ids), by=by, now=now)
    else:
        booked = families.take(
            wanted=_wanted(entry, booking_ids),
            by=by,
            now=now,
            source=entry.source or None,
            attribution=entry.attribution,
        )
    _take_off_booked(entry, by, now)
    return booked


def _wanted(entry: WaitlistEntry, booking_ids: Sequence[str]) -> list[families.Wanted]:
    wanted: Any = [
        {
            "booking_id": booking_id,
            "status": families.booked_as(entry.practice),
            "language": entry.language,
            **{name: value for name, value in person._asdict().items() if value},
        }
        for booking_id, person in zip(booking_ids, entry.unread_people, strict=True)
    ]
    return list(wanted)
