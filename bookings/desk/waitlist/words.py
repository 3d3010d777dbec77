"""The waiting list in words: what a family wants, why it is where it is, what it was offered."""

from collections import Counter
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from bookings.desk import labels, times
from bookings.desk.desk import Desk
from bookings.desk.times import Time
from bookings.desk.waitlist.fitting import Place, Reason
from bookings.models import (
    WEEKDAYS,
    ActorKind,
    Appointment,
    Booking,
    EntryStatus,
    OfferOutcome,
    WaitlistEntry,
    WaitlistEvent,
    WaitlistOffer,
)
from bookings.scheduling.availability import Free
from bookings.scheduling.waitlist.offers import MOST_UNANSWERED
from practices.models import Kind

WHY_NOT: dict[Reason, tuple[str, str]] = {
    "location": ("wants another location", "want another location"),
    "doctor": ("wants another doctor", "want another doctor"),
    "day": ("wants other dates", "want other dates"),
    "weekday": ("wants another day of the week", "want another day of the week"),
    "part": ("wants another time of day", "want another time of day"),
    "later": ("has an earlier visit", "have an earlier visit"),
    "was_free": ("joined while it was free", "joined while it was free"),
    "left": ("moved away from it", "moved away from it"),
    "offered": ("was offered it already", "were offered it already"),
    "beside": ("needs more places side by side", "need more places side by side"),
    "has_offer": ("has an offer now", "have an offer now"),
    "paused": ("is paused", "are paused"),
}
"""Why a free place is not offered, of one family and of several."""
_OUTCOMES = {
    OfferOutcome.ACCEPTED: "accepted",
    OfferOutcome.DECLINED: "declined",
    OfferOutcome.UNANSWERED: "not answered",
    OfferOutcome.WITHDRAWN: "withdrawn",
}


def names(entry: WaitlistEntry) -> str:
    """Return the names of a family: Ada Byron with Ben and 1 more."""
    person = entry.person
    first = f"{person.first_name} {person.last_name}".strip() or "Family without a name"
    others = [each.first_name or each.last_name for each in entry.unread_people[1:]]
    said = [each for each in others if each]
    nameless = len(others) - len(said)
    if nameless:
        said.append(f"{nameless} more" if said else labels.counted(nameless, "other"))
    return f"{first} with {labels.listed(said)}" if said else first


def wishes(entry: WaitlistEntry, desk: Desk) -> str:
    """Say what a family wants: Tue or Thu, morning, at Chesterfield, until Tue, Jun 30, 2026."""
    where = {each.pk: each.name for each in desk.locations}
    doctors = {each.pk: each.name for each in desk.doctors}
    said = [
        _either([each.capitalize() for each in WEEKDAYS if each in entry.weekdays]),
        _either([times.part_name(each) for each in entry.parts]),
        _either([where.get(each, "a former location") for each in entry.location_ids], "at "),
        _either([doctors.get(each, "a former doctor") for each in entry.doctor_ids], "with "),
    ]
    days = {"from": entry.earliest, "until": entry.latest}
    if entry.earliest == entry.latest:
        days = {"on": entry.earliest}
    for word, day in days.items():
        if day is not None:
            said.append(f"{word} {labels.day(day)}, {day.year}")
    text = ", ".join(each for each in said if each) or "any time"
    return text[0].upper() + text[1:]


def _either(words: Sequence[str], before: str = "") -> str:
    """Join words as alternatives: Mon, Tue or Fri."""
    if not words:
        return ""
    return before + " or ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def order(entry: WaitlistEntry, number: int, put_first: WaitlistEvent | None, desk: Desk) -> str:
    """Say why a family is where it is on the list. put_first: the last time that it was, if any."""
    if entry.priority and put_first is not None:
        return f"Put first by {labels.who(put_first)}, {labels.dated(put_first.at, desk.zone)}"
    return f"{ordinal(number)} in line, by when they joined"


def ordinal(number: int) -> str:
    """Format a number in an order: 1st, 2nd, 11th."""
    ends = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in {11, 12, 13} else ends}"


def joined(entry: WaitlistEntry, event: WaitlistEvent | None, desk: Desk) -> str:
    """Say since when a family waits, and who put it on the list."""
    since = f"Since {labels.dated(entry.created_at, desk.zone)}"
    if entry.joined_by == ActorKind.PATIENT or event is None:
        return f"{since}, online"
    return f"{since}, added by {labels.who(event)}"


def paused(entry: WaitlistEntry, event: WaitlistEvent | None, desk: Desk) -> str:
    """Say why a family is paused; empty where it is not. event: the last time that it was."""
    if entry.status != EntryStatus.PAUSED:
        return ""
    if event is None or event.actor == ActorKind.CLOCK:
        return f"Paused: {MOST_UNANSWERED} offers in a row were not answered"
    return f"Paused by {labels.who(event)}, {labels.dated(event.at, desk.zone)}"


def offered(offers: Iterable[WaitlistOffer]) -> str:
    """Count what a family was offered: 2 declined, 1 not answered."""
    counts = Counter(each.outcome for each in offers if each.outcome is not None)
    said = [f"{counts[each]} {text}" for each, text in _OUTCOMES.items() if counts[each]]
    return f"Offers so far: {', '.join(said)}" if said else ""


def outcome(offer: WaitlistOffer, zone: ZoneInfo) -> str:
    """Say how an offer ended; empty while it is open."""
    if offer.outcome is None or offer.ended_at is None:
        return ""
    text = _OUTCOMES[OfferOutcome(offer.outcome)]
    return f"{text.capitalize()}, {labels.dated(offer.ended_at, zone)}"


def when(free: Free, desk: Desk) -> Time:
    """Return when a free opening is, in a range practice its part of the day."""
    zone = next(each.zone for each in desk.locations if each.pk == free.location_id)
    is_range = desk.practice.kind == Kind.RANGE
    part = times.part_at(free.start, zone) if is_range else ""
    return Time(free.start, zone, part)


def option(places: Sequence[Free], desk: Desk) -> str:
    """Format openings side by side: Tue, Jun 2, 2026, 9:45 AM and 10:15 AM."""
    first, *rest = [when(each, desk) for each in places]
    clocks = [*dict.fromkeys(each.clock for each in rest if each.clock != first.clock)]
    return labels.listed([str(first), *clocks])


def where(free: Free, desk: Desk) -> str:
    """Format doctor and location of a free opening."""
    doctors = {each.pk: each.name for each in desk.doctors}
    locations = {each.pk: each.name for each in desk.locations}
    known = (doctors.get(free.doctor_id), locations.get(free.location_id))
    return " · ".join(each for each in known if each)


def held(rows: Sequence[Appointment]) -> str:
    """Format when held places are: Tue, Jun 2, 2026, 9:45 AM and 10:15 AM."""
    found = [time for each in rows if (time := times.of_opening(each.booking)) is not None]
    if not found:
        return "no time yet"
    clocks = [*dict.fromkeys(each.clock for each in found[1:] if each.clock != found[0].clock)]
    return labels.listed([str(found[0]), *clocks])


def at(booking: Booking) -> str:
    return f"{booking.doctor.name} · {booking.location.name}"


def nobody(place: Place) -> str:
    """Say why nobody else is offered a free place: 2 want another day, 1 is paused."""
    counts = Counter[Reason](each.busy for each in place.fits if each.busy is not None)
    counts.update(place.reasons)
    return ", ".join(
        f"{count} {WHY_NOT[reason][count != 1]}" for reason, count in counts.most_common()
    )
