"""Facts of a mail about a visit: all that it says, read before it is put into words.

The desk makes them too, of what is not there yet, to show a mail before it goes.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import override

from bookings import walltime
from bookings.booking_page.words import in_language
from bookings.models import (
    ActorKind,
    Appointment,
    AppointmentStatus,
    Booking,
    Event,
    Outcome,
    Proposal,
    TaskKind,
)
from bookings.patients import links
from bookings.representation import time_range
from bookings.scheduling import proposals
from practices.models import BookingPage, Kind, Location, MailSettings, Practice

_NO_NAME = re.compile(r"(\d\D*){3}|[/:@\\<>]|[.。]\w\w|.{41}")
"""In what somebody typed as a first name to send others a text or an address of their own."""

_MOVING = {"booking_id", "start_datetime", "location_id"}
"""What an event of a visit that has moved has changed."""
_NOT_OF_WHERE_IT_IS = (TaskKind.CODE, TaskKind.OFFER, TaskKind.PROPOSAL)
"""Mail that does not say where the visit is."""
_JOINER = "\N{ZERO WIDTH JOINER}"
"""Of emoji."""


@dataclass(frozen=True)
class Moment:
    """Where and when a visit is.

    begins: in UTC, if it is known. is_exact: else it is when the part of the day begins.
    """

    location: Location
    begins: datetime | None
    is_exact: bool

    def is_same_to_patients(self, other: "Moment") -> bool:
        """Whether patients, who know no more than the part of the day, see no difference."""
        return self._known == other._known

    @property
    def _known(self) -> tuple[Any, ...]:
        zone = self.location.zone
        if self.is_exact or self.begins is None:
            return self.location, self.is_exact, self.begins
        day = walltime.wall_clock(self.begins, zone).date()
        return self.location, self.is_exact, day, time_range(self.begins, zone)


@dataclass(frozen=True)
class Facts:
    """What a mail says, and in which language. Texts of the practice's come with their language."""

    kind: str
    practice: Practice
    language: str
    now: datetime
    at: Moment
    before: Moment | None = None
    """Of a moved visit: what the family was last told."""
    by: str = ""
    """Who moved or cancelled it, of ActorKind."""
    first_name: str = ""
    link: str = ""
    """The whole address of the manage page; without it there is a remark in its place."""
    book_url: str = ""
    """The booking page's, where patients can book."""
    words: str = ""
    """The office's, about this change."""
    text: tuple[str, str] = ("", "en")
    promise: tuple[str, str] = ("", "en")
    is_confirmed: bool = False
    code: str = ""
    proposed: tuple[Moment, ...] = ()
    """The times that are proposed, and until when they are on hold, in UTC."""
    until: datetime | None = None


def of(
    visit: Appointment,
    kind: str,
    now: datetime,
    *,
    link: str = "",
    words: str = "",
    code: str = "",
    at: Moment | None = None,
    known: Moment | None = None,
) -> Facts:
    """Return the facts of a mail. It reads, and changes nothing.

    visit: read with its booking's location and practice. link: see `link_to`. at: where the visit
    would be moved to; by default where it is. known: what the family knows of it, if no mail has
    told them.
    """
    practice = visit.booking.practice
    page, mail = BookingPage.of(practice), MailSettings.of(practice)
    language = visit.language or "en"
    is_planned, at, told = at is not None, at or moment_of(visit), None
    proposal = live_proposal(visit, now) if kind == TaskKind.PROPOSAL else None
    if kind in {TaskKind.MOVED, TaskKind.CANCELLED}:
        told = last_told(visit) or known
    if kind == TaskKind.MOVED and told is None and not _has_first_mail(visit):
        told = moment_of(visit) if is_planned else before_last_move(visit)
    is_cancelled = kind == TaskKind.CANCELLED
    if is_cancelled and told is not None:
        # The family knows nothing of where it was in between.
        at = told
    kind = _headline(kind, told, at)
    return Facts(
        kind=kind,
        practice=practice,
        language=language,
        now=now,
        at=at,
        before=told if kind == TaskKind.MOVED else None,
        by=_changed_by(visit, kind, is_planned=is_planned),
        first_name=safe_first_name(visit.unread_person.first_name),
        link=link,
        book_url=address("book", practice.pk, language=language) if page.active else "",
        words=words,
        text=in_language(language, english=mail.text_en, spanish=mail.text_es),
        promise=in_language(language, english=page.promise_en, spanish=page.promise_es),
        is_confirmed=visit.confirmed_at is not None,
        code=code,
        proposed=() if proposal is None else _proposed(proposal),
        until=None if proposal is None else proposal.until,
    )


def live_proposal(visit: Appointment, now: datetime) -> Proposal | None:
    """Return what is proposed for a request that still waits for its time; None if nothing is."""
    last = visit.proposals.order_by("-pk").first()
    is_live = last is not None and last.is_live(now) and proposals.can_answer(last, visit)
    return last if is_live else None


def _proposed(proposal: Proposal) -> tuple[Moment, ...]:
    times = proposal.times.select_related("booking__location")
    return tuple(
        Moment(each.booking.location, each.start_datetime, is_exact=True) for each in times
    )


def link_to(visit: Appointment) -> str:
    """Return the whole address of a visit's manage page; its link is made if there is none yet."""
    return address("visit", links.give(visit), language=visit.language or "en")


def address(name: str, *args: str, language: str) -> str:
    """Return the whole address of a page for patients, in their language."""
    with override(language):
        return f"{settings.PUBLIC_URL}{reverse(name, args=args)}"


def last_told(visit: Appointment) -> Moment | None:
    """Return where and when the visit was when a mail last told of it; None if none has."""
    told = Outcome.SENT, Outcome.WRITTEN
    sent = visit.deliveries.filter(outcome__in=told).exclude(kind__in=_NOT_OF_WHERE_IT_IS)
    last = sent.order_by("-at").first()
    return None if last is None else _before(visit, visit.events.filter(at__gt=last.at))


def before_last_move(visit: Appointment) -> Moment | None:
    """Return where and when the visit was before it was last moved; None if it never was."""
    last = _last_move(visit)
    return None if last is None else _before(visit, visit.events.filter(pk__gte=last.pk))


def _has_first_mail(visit: Appointment) -> bool:
    """Whether a mail was to tell of the visit: not of one from before there was mail."""
    first = {"kind__in": (TaskKind.BOOKED, TaskKind.RESERVED)}
    return visit.tasks.filter(**first).exists() or visit.deliveries.filter(**first).exists()


def _last_move(visit: Appointment) -> Event | None:
    events = visit.events.order_by("-id")
    return next((each for each in events if _MOVING & each.changes.keys()), None)


def _before(visit: Appointment, events: QuerySet[Event]) -> Moment:
    """Go from how the visit is now back through its newest events."""
    now, opening = moment_of(visit), visit.booking.start_datetime
    location_id, begins, is_exact = now.location.pk, now.begins, now.is_exact
    for event in events.order_by("-id"):
        changes = event.changes
        location_id = changes.get("location_id", [location_id])[0]
        was, became = map(_parsed, changes.get("start_datetime", (None, None)))
        if became is not None and became == begins:
            begins = was or opening
        if was is not None and became == opening:
            opening = was
        if "opening_datetime" in changes:
            opening = _parsed(changes["opening_datetime"][0])
        if "booking_id" in changes:
            opening = Booking.objects.get(pk=changes["booking_id"][0]).start_datetime
        if visit.booking.practice.kind == Kind.RANGE and event.from_status:
            is_exact = event.from_status == AppointmentStatus.BOOKED
    return Moment(Location.objects.get(pk=location_id), begins, is_exact)


def _parsed(instant: str | None) -> datetime | None:
    return None if instant is None else datetime.fromisoformat(instant)


def moment_of(visit: Appointment) -> Moment:
    """Return where and when a visit is now, or a place on hold."""
    exact, booking = visit.exact_time, visit.booking
    return Moment(booking.location, exact or booking.start_datetime, exact is not None)


def _headline(kind: str, told: Moment | None, at: Moment) -> str:
    """Return what a mail says of itself, by what was said before it and how the visit is now.

    Nobody has been told of a visit that was moved before the first mail went, and there is no news
    in one that is back where it was.
    """
    if kind == TaskKind.MOVED and told is not None and not at.is_same_to_patients(told):
        return kind
    if kind in {TaskKind.BOOKED, TaskKind.RESERVED, TaskKind.MOVED}:
        return TaskKind.BOOKED if at.is_exact else TaskKind.RESERVED
    return kind


def _changed_by(visit: Appointment, kind: str, *, is_planned: bool) -> str:
    """Return who moved or cancelled it; the office, where it is shown what it would send."""
    if kind == TaskKind.CANCELLED:
        if visit.status != AppointmentStatus.CANCELLED:
            return ActorKind.STAFF
        events = visit.events.filter(to_status=AppointmentStatus.CANCELLED).order_by("id")
        return next(each.actor for each in events if each.from_status != each.to_status)
    if kind != TaskKind.MOVED:
        return ""
    if is_planned:
        return ActorKind.STAFF
    last = _last_move(visit)
    return "" if last is None else last.actor


def safe_first_name(typed: str) -> str:
    """Return what somebody typed as a first name; empty where it says something to strangers."""
    name = one_line(typed)
    # As it looks: a full stop can be a wide one, too.
    looks = unicodedata.normalize("NFKC", name.replace(_JOINER, ""))
    return "" if _NO_NAME.search(looks) else name


def one_line(text: str) -> str:
    """Return a text without line breaks and what else is not shown, which could reorder it."""
    spaced = " ".join(text.split())
    hidden = {"Cc", "Cf"}
    return "".join(
        each for each in spaced if each == _JOINER or unicodedata.category(each) not in hidden
    )
