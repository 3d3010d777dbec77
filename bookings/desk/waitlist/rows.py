"""Rows of the waiting list's pages: what is offered, whom to call, who waits."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, Q

from bookings import phone
from bookings.desk import labels, times
from bookings.desk.desk import Desk
from bookings.desk.waitlist import fitting, words
from bookings.models import (
    Appointment,
    Delivery,
    EntryAct,
    Task,
    TaskKind,
    TaskStatus,
    WaitlistEntry,
    WaitlistEvent,
    WaitlistOffer,
)
from bookings.patients.record import Patient
from bookings.scheduling.waitlist import matching


@dataclass(frozen=True)
class Who:
    """A family as the templates need it. dial: the URL that dials its phone number, if any."""

    entry: WaitlistEntry
    name: str
    person: Patient
    dial: str


def who(entry: WaitlistEntry) -> Who:
    person = entry.person
    return Who(entry, words.names(entry), person, phone.link(person.phone))


@dataclass(frozen=True)
class Offered:
    """An offer that is open. told: what became of its mail, in words."""

    offer: WaitlistOffer
    who: Who
    when: str
    where: str
    until: str
    told: str
    by_hand: str


def offered(desk: Desk, only: Q) -> list[Offered]:
    """Return the open offers that pass a filter, by when they end."""
    rows = fitting.open_offers([desk.practice.pk]).filter(only)
    related = rows.select_related("entry", "booking__location", "booking__doctor", "made_by")
    found = list(related.order_by("until", "pk"))
    held = held_for(found)
    told = _told(found)
    return [
        Offered(
            offer=each,
            who=who(each.entry),
            when=words.held(held[each.group_id]),
            where=words.at(each.booking),
            until=labels.until(each.until, desk.now, each.booking.location.zone),
            told=told[each.group_id],
            by_hand=labels.person(each.made_by) if each.made_by else "",
        )
        for each in found
    ]


def held_for(offers: Iterable[WaitlistOffer]) -> dict[str, list[Appointment]]:
    """Return the places that were held for offers, by group, in order of time."""
    rows = Appointment.objects.filter(group_id__in=[each.group_id for each in offers])
    rows = rows.select_related("booking__location", "booking__doctor", "booking__practice")
    found: dict[str, list[Appointment]] = defaultdict(list)
    for each in rows.order_by("booking__start_datetime", "created_at", "id"):
        found[each.group_id or ""].append(each)
    return found


def _told(offers: Sequence[WaitlistOffer]) -> dict[str, str]:
    """Say by group what became of the mail of offers."""
    groups = [each.group_id for each in offers]
    told = {each.group_id: "No e-mail address" for each in offers}
    told |= {each.group_id: "No e-mail sent" for each in offers if each.entry.email_digest}
    of_offer = Q(kind=TaskKind.OFFER, appointment__group_id__in=groups)
    for task in Task.objects.filter(of_offer, status=TaskStatus.READY).select_related(
        "appointment"
    ):
        if task.appointment is not None:
            tried = f", tried {labels.counted(task.attempts, 'time')}" if task.error else ""
            told[task.appointment.group_id or ""] = f"E-mail not sent yet{tried}"
    for each in Delivery.objects.filter(of_offer).select_related("appointment").order_by("pk"):
        became = labels.became(each)
        told[each.appointment.group_id or ""] = f"E-mail {became[0].lower()}{became[1:]}"
    return told


@dataclass(frozen=True)
class Call:
    """A family to call about a free place. option: the ids of the openings to book for it."""

    who: Who
    option: list[str]
    note: str


@dataclass(frozen=True)
class Near:
    """A free place that begins too soon to be offered, and whom to call, in their turn."""

    when: str
    where: str
    left: str
    calls: list[Call]


MOST_CALLS = 5
"""So many families are shown of a place: who reaches none of them looks again."""


def near(desk: Desk) -> list[Near]:
    return [
        Near(
            when=str(words.when(each.free, desk)),
            where=words.where(each.free, desk),
            left=labels.lasted(each.free.start - desk.now),
            calls=[
                Call(
                    who(fit.who.entry),
                    [free.pk for free in fit.option],
                    "Paused" if fit.busy else "",
                )
                for fit in each.fits[:MOST_CALLS]
            ],
        )
        for each in fitting.near(desk.practice, desk.now)
    ]


@dataclass(frozen=True)
class Earlier:
    """A visit that a family wants earlier."""

    visit: Appointment
    when: str


@dataclass(frozen=True)
class Waiting:
    """A family on the list. order: why it is where it is; paused: why; empty if it is not."""

    who: Who
    order: str
    wishes: str
    joined: str
    ends: str
    offered: str
    paused: str
    earlier: list[Earlier]
    has_offer: bool


RELATED = (
    "offers",
    Prefetch(
        "visits",
        Appointment.objects.select_related(
            "booking__location", "booking__doctor", "booking__practice"
        ),
    ),
)


def waiting(entries: Sequence[WaitlistEntry], desk: Desk, *, first: int) -> list[Waiting]:
    """Return rows of the list, of entries read with RELATED. first: the number of the first."""
    told = (EntryAct.JOINED, EntryAct.PUT_FIRST, EntryAct.PAUSED)
    events = WaitlistEvent.objects.filter(entry__in=[each.pk for each in entries], act__in=told)
    last = {
        (each.entry_id, each.act): each
        for each in events.select_related("user", "api_key__partner").order_by("pk")
    }
    return [
        _waiting(
            entry,
            desk,
            order=words.order(entry, number, last.get((entry.pk, EntryAct.PUT_FIRST)), desk),
            joined=words.joined(entry, last.get((entry.pk, EntryAct.JOINED)), desk),
            paused=words.paused(entry, last.get((entry.pk, EntryAct.PAUSED)), desk),
        )
        for number, entry in enumerate(entries, first)
    ]


def _waiting(entry: WaitlistEntry, desk: Desk, *, order: str, joined: str, paused: str) -> Waiting:
    offers = entry.offers.all()
    return Waiting(
        who=who(entry),
        order=order,
        wishes=words.wishes(entry, desk),
        joined=joined,
        ends=day(entry.ends_at, desk),
        offered=words.offered(offers),
        paused=paused,
        earlier=[
            Earlier(each, str(times.of_appointment(each) or "no time yet"))
            for each in matching.live_visits(entry, desk.now)
        ],
        has_offer=any(each.outcome is None for each in offers),
    )


def day(at: datetime, desk: Desk) -> str:
    """Format the day of an instant, at the first location."""
    local = at.astimezone(desk.zone).date()
    return f"{labels.day(local)}, {local.year}"
