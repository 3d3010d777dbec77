"""The entry behind a link, as its pages show it: what is waited for, offered, or booked."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Prefetch
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from bookings.booking_page import holding, words
from bookings.booking_page.page import Page
from bookings.booking_page.visit.page import when
from bookings.booking_page.waiting import wishes_in_words
from bookings.models import (
    BOOKED,
    ON_LIST,
    Appointment,
    EntryStatus,
    OfferOutcome,
    Status,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.scheduling.waitlist import matching
from bookings.scheduling.waitlist.offers import MOST_UNANSWERED
from openchair.errors import Refused
from practices.models import Kind, Location


@dataclass(frozen=True)
class Waiting:
    """Context of a request to the pages of one entry.

    offered: the practice's booking page, with what it shows.
    """

    entry: WaitlistEntry
    token: str
    offered: Page

    @property
    def now(self) -> datetime:
        return self.offered.now

    @cached_property
    def offer(self) -> WaitlistOffer | None:
        """The newest offer: the open one, if one is."""
        return self.entry.offers.order_by("-pk").first()

    @cached_property
    def places(self) -> list[Appointment]:
        """The places of the newest offer."""
        return [] if self.offer is None else [*self.offer.held]

    @property
    def to_name(self) -> list[Appointment]:
        """The places, where the people's names may be missing: those of visits are known."""
        return [] if self.visits else self.places

    @cached_property
    def visits(self) -> list[Appointment]:
        """Of who wants an earlier time, the visits that would move, by their times."""
        return matching.live_visits(self.entry, self.now)

    @cached_property
    def booked(self) -> list[Appointment]:
        """The visits of a family that has accepted, as they are now; without those cancelled."""
        return [each for each in self._accepted if each.status in BOOKED]

    @property
    def _accepted(self) -> list[Appointment]:
        if self.entry.status != EntryStatus.BOOKED:
            return []
        is_accepted = self.offer is not None and self.offer.outcome == OfferOutcome.ACCEPTED
        return [*self.entry.visits.all()] or (self.places if is_accepted else [])

    @property
    def state(self) -> str:
        """Which of its forms the page has: the entry's status, or `offered`."""
        if self._accepted and not self.booked:
            return EntryStatus.ENDED  # all that was booked is cancelled
        if self.entry.status not in ON_LIST:
            return self.entry.status
        if self.offer is not None and self.offer.outcome is None:
            return "offered"
        return self.entry.status

    @property
    def is_on_list(self) -> bool:
        return self.state in {"offered", *ON_LIST}

    @property
    def begins(self) -> datetime | None:
        """When the first of the places is."""
        starts = [each.starts_at for each in self.places]
        known = [each for each in starts if each is not None]
        return min(known) if len(known) == len(starts) and known else None

    @property
    def is_missed(self) -> bool:
        """Whether the last offer was not answered, and its time is still to come."""
        return self._ended_as(OfferOutcome.UNANSWERED)

    @property
    def may_take(self) -> bool:
        """Whether the family may say that it takes the last offer; late it is a plain claim."""
        return self.state == "offered" or self.is_missed

    @property
    def is_withdrawn(self) -> bool:
        return self._ended_as(OfferOutcome.WITHDRAWN)

    def _ended_as(self, outcome: OfferOutcome) -> bool:
        if self.offer is None or self.offer.outcome != outcome or self.state not in ON_LIST:
            return False
        return self.begins is not None and self.begins > self.now

    @property
    def is_free(self) -> bool:
        """Whether all places of the last offer are free."""
        wanted = Counter(each.booking_id for each in self.places)
        bookings = {each.booking_id: each.booking for each in self.places}
        return all(
            bookings[pk].status == Status.OPEN and bookings[pk].free_places >= count
            for pk, count in wanted.items()
        )

    @property
    def is_ignored(self) -> bool:
        """Whether the clock has paused the family."""
        return self.entry.unanswered >= MOST_UNANSWERED

    @property
    def is_last_chance(self) -> bool:
        """Whether one more offer that is not answered pauses the family."""
        return bool(self.entry.email_digest) and self.entry.unanswered + 1 >= MOST_UNANSWERED

    @property
    def location(self) -> Location | None:
        """Where the places are."""
        return self.places[0].booking.location if self.places else None

    @property
    def locations(self) -> Sequence[Location]:
        """Whose phones are at the foot of the page."""
        if self.location is not None and self.state in {"offered", EntryStatus.BOOKED}:
            return [self.location]
        practice = self.offered.practice
        return wishes_in_words.locations(self.entry) or list(practice.locations.all())

    @property
    def names(self) -> list[str]:
        people = [each.unread_person for each in self.visits] or self.entry.unread_people
        names = [f"{each.first_name} {each.last_name}".strip() for each in people]
        return [each for each in names if each]

    @property
    def instead_of(self) -> list[str]:
        """When the visits are that would move."""
        return [when(each) for each in self.visits]

    @property
    def when(self) -> str:
        """When the first of the places is, or was."""
        return when(self.places[0]) if self.places else ""

    @property
    def kept_until(self) -> str:
        """Until when the places are held, or were."""
        if self.offer is None or self.location is None:
            return ""
        return words.opening_time(self.offer.until, self.location, Kind.EXACT)

    @property
    def zone(self) -> str:
        return "" if self.location is None else words.zone_name(self.location.zone)

    @property
    def is_mailed(self) -> bool:
        """Whether the family is told of an offer by mail."""
        return bool(settings.EMAIL_URL) and bool(self.entry.email_digest)

    @property
    def may_book(self) -> bool:
        return self.offered.settings.active and bool(self.offered.locations)

    @property
    def seen(self) -> str:
        """What is offered, and instead of what, as the page shows it; sent with each button."""
        return holding.shown([*self.places, *self.visits])

    def again(self) -> "Waiting":
        """Return it as it is in the database now."""
        return self.of(self.entry.pk, self.token, self.offered)

    def check_seen(self, seen: str) -> None:
        """Raise Refused where it is not what the family saw."""
        if self.again().seen != seen:
            raise Refused("changed", "The offer is not what it was when this page was made.")

    def check_may_take(self, seen: str) -> None:
        """Raise Refused as `check_seen`, and where the offer was declined or taken back."""
        self.check_seen(seen)
        if not self.again().may_take:
            raise Refused("closed", "The offer was declined or taken back.")

    def url(self, name: str, **query: str) -> str:
        """Return the address of one of its pages."""
        address = reverse(name, args=[self.token])
        return f"{address}?{urlencode(query)}" if query else address

    def go(self, **query: str) -> HttpResponse:
        """Redirect to its first page."""
        return HttpResponseRedirect(self.url("waiting", **query), status=303)

    @classmethod
    def of(cls, entry_id: str, token: str, offered: Page) -> "Waiting":
        """Read an entry with what its pages show."""
        return cls(_ROWS.get(pk=entry_id), token, offered)


_VISITS = Appointment.objects.select_related(
    "booking__location", "booking__practice", "booking__doctor"
)
_ROWS = WaitlistEntry.objects.select_related("practice").prefetch_related(
    Prefetch("visits", _VISITS)
)
