"""Counts of the waiting list for the page Reports: places given up, offered, and taken again."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import attrgetter
from statistics import median
from typing import Any, NamedTuple

from django.db.models import F, IntegerField, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from bookings.desk.desk import Desk
from bookings.desk.numbers import periods
from bookings.desk.numbers.periods import Window
from bookings.models import BOOKED, Event, OfferOutcome, Status, WaitlistOffer

COLUMNS = (
    "week from Monday",
    "location",
    "doctor",
    "freed",
    "offered",
    "refilled",
    "median minutes until refilled",
    "visits saved",
)


@dataclass
class Counts:
    """Counts of places that visits gave up. minutes: of each that was refilled, until it was."""

    freed: int = 0
    offered: int = 0
    saved: int = 0
    minutes: list[float] = field(default_factory=list)

    def add(self, other: "Counts") -> None:
        self.freed += other.freed
        self.offered += other.offered
        self.saved += other.saved
        self.minutes += other.minutes

    @property
    def refilled(self) -> int:
        return len(self.minutes)

    @property
    def median_minutes(self) -> float | None:
        return median(self.minutes) if self.minutes else None


class Cell(NamedTuple):
    """Where counts belong, by the opening."""

    week: date
    location_id: str
    doctor_id: str


Table = dict[Cell, Counts]


@dataclass
class _Freed:
    """A place that a visit gave up, and since when it can be offered: None once it is refilled."""

    cell: Cell
    at: datetime
    is_free_from: datetime | None
    is_offered: bool = False


class _Place(NamedTuple):
    """A place of an offer. stands: whether who took it had no visit yet, and has one now."""

    booking_id: str
    offer: WaitlistOffer
    stands: bool


def count(desk: Desk, windows: Sequence[Window]) -> Table:
    """Count what was given up of the openings in the windows of a period, which may be none."""
    table: Table = defaultdict(Counts)
    freed: dict[str, list[_Freed]] = defaultdict(list)
    for booking_id, given_up in _given_up(desk, windows) if windows else ():
        freed[booking_id].append(given_up)
        table[given_up.cell].freed += 1
    for place in _offered(desk, windows) if freed else ():
        found = _last_free(freed.get(place.booking_id, []), place.offer.made_at)
        if found is not None:
            _add(table[found.cell], found, place)
    return table


def add_up(table: Table, of: Callable[[Cell], Any]) -> dict[Any, Counts]:
    """Add up by a property of the cells."""
    found: dict[Any, Counts] = defaultdict(Counts)
    for cell, counts in table.items():
        found[of(cell)].add(counts)
    return found


def _given_up(desk: Desk, windows: Sequence[Window]) -> Iterator[tuple[str, _Freed]]:
    """Yield the places given up before their time, in this order, each with its booking's id."""
    at = "booking__start_datetime"
    rows = Event.objects.filter(
        periods.within(windows, at, "booking__"),
        booking__practice=desk.practice,
        # Most never had a place that became free again: their events need not be read.
        booking__freed_at__gt=F("booking__created_at"),
        appointment__isnull=True,
        to_status=Status.OPEN,
        at__lt=F(at),
    ).exclude(Q(from_status="") | Q(booking__status=Status.CLOSED))
    freed = rows.annotate(places=_booked(0) - _booked(1)).filter(places__gt=0)
    for booking_id, instant, places, week, *where in freed.order_by("at").values_list(
        "booking_id",
        "at",
        "places",
        periods.week(windows, at, "booking__"),
        "booking__location_id",
        "booking__doctor_id",
    ):
        cell = Cell(date.fromordinal(week), *where)
        for _ in range(places):
            yield booking_id, _Freed(cell, instant, instant)


def _booked(nth: int) -> Any:
    """Return the expression of an event's booked places, before it (0) or after (1)."""
    reserved, booked = (
        Coalesce(Cast(KT(f"changes__places_{status}__{nth}"), IntegerField()), 0)
        for status in BOOKED
    )
    return reserved + booked


def _offered(desk: Desk, windows: Sequence[Window]) -> list[_Place]:
    """List the places of offers, in the order in which they were offered."""
    offers = WaitlistOffer.objects.filter(
        periods.within(windows, "booking__start_datetime", "booking__"),
        booking__practice=desk.practice,
    )
    by_group = {offer.group_id: offer for offer in offers}
    # A visit may have been moved since: the event says where the place was.
    held = Event.objects.filter(
        appointment__group_id__in=offers.values("group_id"), from_status=""
    ).values_list("booking_id", "appointment__group_id", "appointment__status")
    places = [
        _Place(booking_id, by_group[group_id or ""], status in BOOKED)
        for booking_id, group_id, status in held
    ]
    return sorted(places, key=lambda place: place.offer.made_at)


def _last_free(places: list[_Freed], at: datetime) -> _Freed | None:
    """Return the place that became free last before an instant; those of an opening are alike."""
    free = (each for each in places if each.is_free_from is not None and each.is_free_from <= at)
    return max(free, key=attrgetter("at"), default=None)


def _add(counts: Counts, freed: _Freed, place: _Place) -> None:
    """Count an offer of a place that was given up."""
    offer = place.offer
    counts.offered += not freed.is_offered
    freed.is_offered = True
    freed.is_free_from = offer.ended_at
    if offer.outcome == OfferOutcome.ACCEPTED and offer.ended_at is not None:
        freed.is_free_from = None
        counts.minutes.append((offer.ended_at - freed.at).total_seconds() / 60)
        counts.saved += place.stands
