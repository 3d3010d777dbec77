"""The rules of the waiting list once more, as naively as they can be said (contract, section 8).

Nothing here is of bookings/scheduling/waitlist, which these rules are to find wrong.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import combinations_with_replacement, groupby, pairwise
from typing import NamedTuple

from bookings.models import Appointment, Booking, WaitlistEntry, WaitlistOffer
from practices.models import Practice

HOUR = timedelta(hours=1)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
BOOKED = {"reserved", "booked"}


class Place(NamedTuple):
    """An opening with free places."""

    booking: Booking
    free: int

    @property
    def start(self) -> datetime:
        assert self.booking.start_datetime is not None
        return self.booking.start_datetime

    @property
    def ends(self) -> datetime:
        return self.start + timedelta(minutes=self.booking.length)

    @property
    def wall(self) -> datetime:
        return self.start.astimezone(self.booking.location.zone)

    @property
    def part(self) -> str:
        hours = self.wall.hour + self.wall.minute / 60
        ends = {"morning": 10.0, "late_morning": 12.0, "early_afternoon": 14.5}
        return next((part for part, end in ends.items() if hours < end), "late_afternoon")


def free(practice: Practice, now: datetime) -> dict[str, Place]:
    """Return what is free and not nearer than 4 hours, by the id of the opening."""
    rows = Booking.objects.filter(practice=practice, status="open").select_related("location")
    found = {}
    for row in rows:
        held = Appointment.objects.filter(booking=row, status__in=["pending", *BOOKED]).count()
        held += row.whole_pending + row.whole_reserved + row.whole_booked
        if row.start_datetime and row.start_datetime - now >= 4 * HOUR:
            found[row.pk] = Place(row, row.total_appointments - held)
    return {pk: place for pk, place in found.items() if place.free > 0}


def waiting(practice: Practice, now: datetime) -> list[WaitlistEntry]:
    """Return those who have no offer and can be made one, in the order of their turns."""
    rows = WaitlistEntry.objects.filter(practice=practice, status="waiting")
    rows = rows.prefetch_related("offers", "visits__booking")
    found = [
        each
        for each in rows
        if each.ends_at > now
        and not any(offer.outcome is None for offer in each.offers.all())
        and (not each.visits.all() or to_come(each, now))
    ]
    return in_order(found)


def in_order(entries: list[WaitlistEntry]) -> list[WaitlistEntry]:
    return sorted(entries, key=lambda each: (-each.priority, each.created_at, each.pk))


def to_come(entry: WaitlistEntry, now: datetime) -> list[datetime]:
    """Return the times of the visits that they want earlier."""
    times = [
        each.start_datetime or each.booking.start_datetime
        for each in entry.visits.all()
        if each.status in BOOKED
    ]
    return sorted(at for at in times if at is not None and at > now)


def wants(entry: WaitlistEntry, place: Place, now: datetime, but: set[str]) -> bool:
    """Whether one opening is as a family wishes; but: what it was offered, or left."""
    day: date = place.wall.date()
    visits = to_come(entry, now)
    return (
        place.booking.pk not in but
        and (not entry.location_ids or place.booking.location_id in entry.location_ids)
        and (not entry.doctor_ids or place.booking.doctor_id in entry.doctor_ids)
        and (not entry.weekdays or DAYS[day.weekday()] in entry.weekdays)
        and (not entry.parts or place.part in entry.parts)
        and (entry.earliest is None or entry.earliest <= day)
        and (entry.latest is None or day <= entry.latest)
        and (not visits or place.start < visits[0])
        and (not visits or (place.booking.freed_at or entry.created_at) > entry.created_at)
    )


def options(
    entry: WaitlistEntry, places: dict[str, Place], now: datetime, but: set[str]
) -> Iterator[list[Place]]:
    """Yield every way in which a family can be side by side, with an opening for each person."""
    people = len(to_come(entry, now)) or entry.people
    fitting = [each for each in places.values() if wants(entry, each, now, but)]
    fitting.sort(key=lambda each: (each.start, each.booking.pk))
    for chosen in combinations_with_replacement(fitting, people):
        counted = [(place, len([*same])) for place, same in groupby(chosen)]
        if all(count <= place.free for place, count in counted) and _beside(
            [place for place, _ in counted], is_range=entry.practice.range_bookings
        ):
            yield [*chosen]


def _beside(places: list[Place], *, is_range: bool) -> bool:
    if len({(each.booking.location_id, each.wall.date()) for each in places}) > 1:
        return False
    if is_range:
        return len({each.part for each in places}) == 1
    doctors = {each.booking.doctor_id for each in places}
    if len({each.start for each in places}) == 1 and len(doctors) == len(places):
        return True
    gaps = [after.start - before.ends for before, after in pairwise(places)]
    return len(doctors) == 1 and all(timedelta() <= gap <= HOUR / 4 for gap in gaps)


def check_places(openings: Iterable[Booking]) -> None:
    """A place is free, held, offered or taken, and never two of them."""
    for booking in openings:
        statuses = [each.status for each in booking.appointments.all()]
        for status in ("pending", *BOOKED):
            counted = statuses.count(status) + getattr(booking, f"whole_{status}")
            assert getattr(booking, f"places_{status}") == counted
        assert booking.places_taken <= booking.total_appointments


def check_offers(offers: Iterable[WaitlistOffer], now: datetime) -> None:
    """One that is open has exactly its held places, of a time to come; another holds none."""
    for offer in offers:
        held = [*offer.held]
        is_held = [each.status == "pending" for each in held]
        if offer.outcome is not None:
            # The desk may have booked a part of them, and will book the rest.
            assert offer.outcome == "accepted" or not any(is_held)
            continue
        assert is_held == [True] * offer.places
        assert offer.entry.status in {"waiting", "paused"}
        begins = [Place(each.booking, 1).start for each in held]
        assert now < offer.until <= min(begins) - 2 * HOUR
