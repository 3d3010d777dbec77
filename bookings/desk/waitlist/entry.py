"""The page of one family on the waiting list: what can be done, free times for it, its history."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from bookings.desk import labels
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.history import Line
from bookings.desk.waitlist import fitting, rows, words
from bookings.desk.waitlist import page as list_page
from bookings.desk.waitlist.free import asked_day
from bookings.models import (
    ON_LIST,
    EntryStatus,
    Language,
    WaitlistEntry,
)
from bookings.scheduling import availability, holds
from bookings.scheduling.availability import Free
from bookings.scheduling.families import MOST
from bookings.scheduling.waitlist import answers, entries, matching, offers
from bookings.scheduling.waitlist.matching import Candidate, WhyNot
from practices.ids import is_id

_AHEAD = timedelta(days=28)
_MOST = 10
"""So many free times are shown of those that fit, and of the others."""


@dataclass(frozen=True)
class Option:
    """Free places for a family.

    why_not: in words; empty where they fit. may_offer: else they can only be booked, is_near: as
    they are too soon.
    """

    booking_ids: list[str]
    when: str
    where: str
    why_not: str
    is_near: bool
    may_offer: bool


def find(desk: Desk, entry_id: str) -> WaitlistEntry:
    """Return an entry of this practice. Raises Http404, also for another practice's."""
    listed = WaitlistEntry.objects.filter(practice=desk.practice).prefetch_related(*rows.RELATED)
    if not is_id(entry_id):
        raise Http404
    return get_object_or_404(listed.select_related("practice"), pk=entry_id)


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk, entry_id: str) -> HttpResponse:
    entry = find(desk, entry_id)
    (row,) = rows.waiting([entry], desk, first=_number(entry, desk))
    # A partner may have said any day; nothing is offered once the entry has ended.
    first = asked_day(request, desk, entry.earliest and min(entry.earliest, entry.ends_at.date()))
    is_listed = entry.status in ON_LIST
    options = _options(entry, desk, first) if is_listed and not row.has_offer else []
    context = {
        "title": row.who.name,
        "row": row,
        "entry": entry,
        "status": EntryStatus(entry.status).label,
        "is_listed": is_listed,
        "language": Language(entry.language).label if entry.language != Language.EN else "",
        "offers": rows.offered(desk, Q(entry=entry)),
        "first": first,
        "fitting": [each for each in options if not each.why_not][:_MOST],
        "others": [each for each in options if each.why_not][:_MOST],
        "lines": _history(entry, desk),
    }
    return show(request, desk, "waitlist/entry.html", context)


def _number(entry: WaitlistEntry, desk: Desk) -> int:
    """Return which one of the list an entry is; 0 where it is off the list."""
    ids = [*fitting.on_list(desk.practice, desk.now).values_list("pk", flat=True)]
    return ids.index(entry.pk) + 1 if entry.pk in ids else 0


def _options(entry: WaitlistEntry, desk: Desk, first: date) -> list[Option]:
    """Return the free places of the days from `first` on, in order of time."""
    who = matching.candidate(entry, desk.now)
    if who is None:
        return []
    criteria = fitting.anything_free(desk.practice, desk.now)
    last = first + _AHEAD - timedelta(days=1)
    zones = {each.pk: each.zone for each in desk.locations}
    found = []
    days = availability.read(desk.practice, criteria, first, last)
    for (_, location_id), openings in days.items():
        for free in openings:
            option = availability.starting_at(desk.practice, openings, free, who.people)
            if option is not None:
                reasons = (matching.why_not(who, each, zones[location_id]) for each in option)
                found.append((option, next((each for each in reasons if each), None)))
    found.sort(key=lambda pair: (pair[0][0].start, pair[0][0].pk))
    return [_option(option, why, who, desk) for option, why in found]


def _option(option: list[Free], why: WhyNot | None, who: Candidate, desk: Desk) -> Option:
    is_near = min(each.start for each in option) < desk.now + holds.NEAREST
    return Option(
        booking_ids=[each.pk for each in option],
        when=words.option(option, desk),
        where=words.where(option[0], desk),
        why_not=words.WHY_NOT[why][0] if why else "",
        is_near=is_near,
        may_offer=not is_near and matching.is_before(who, [each.start for each in option]),
    )


def _history(entry: WaitlistEntry, desk: Desk) -> list[Line]:
    """List what happened to an entry and what it was offered, newest first."""
    lines: list[tuple[datetime, Line]] = []
    for event in entry.events.select_related("user", "api_key__partner"):
        at = labels.dated(event.at, desk.zone)
        lines.append((event.at, Line(at, labels.who(event), event.get_act_display(), [])))
    found = list(entry.offers.select_related("made_by", "booking__doctor", "booking__location"))
    held = rows.held_for(found)
    for offer in found:
        zone = offer.booking.location.zone
        by = labels.person(offer.made_by) if offer.made_by else ""
        line = Line(
            at=labels.dated(offer.made_at, desk.zone),
            who=by or "Automatic",
            what=f"Offered {words.held(held[offer.group_id])}, {words.at(offer.booking)}",
            details=[
                f"Held until {labels.dated(offer.until, zone)}",
                *filter(None, [words.outcome(offer, zone)]),
            ],
        )
        lines.append((offer.made_at, line))
    return [line for _, line in sorted(lines, key=itemgetter(0), reverse=True)]


@desk_page
def act(request: HttpRequest, desk: Desk, entry_id: str) -> HttpResponse:
    """Put a family first or back in order, pause or resume it, or take it off the list."""
    entry = find(desk, entry_id)
    if request.method == "POST":
        list_page.do(request, _acts(entry, desk))
        if request.POST.get("stay"):
            return redirect("admin:desk_waitlist_entry", desk.practice.pk, entry.pk)
    return redirect("admin:desk_waitlist", desk.practice.pk)


def _acts(entry: WaitlistEntry, desk: Desk) -> list_page.Acts:
    """Return what can be done with an entry."""
    what: Any = {"entry_id": entry.pk, "by": desk.by, "now": desk.now}
    return {
        "put_first": (
            lambda: entries.put_first(**what),
            "The family is first on the list. The history says who put it there.",
        ),
        "put_back": (lambda: entries.put_back(**what), "The family is back in order."),
        "pause": (
            lambda: entries.pause(**what),
            "The family is offered nothing until you resume.",
        ),
        "resume": (lambda: entries.resume(**what), "The family is offered places again."),
        "take_off": (
            lambda: entries.end(status=EntryStatus.LEFT, **what),
            "The family is off the list.",
        ),
    }


@desk_page
def give(request: HttpRequest, desk: Desk, entry_id: str) -> HttpResponse:
    """Offer free places to a family by hand, or book them for it."""
    entry = find(desk, entry_id)
    if request.method != "POST":
        return redirect("admin:desk_waitlist_entry", desk.practice.pk, entry.pk)
    ids = request.POST.getlist("to")[:MOST]
    for each in {*ids}:
        desk.booking(each)  # raises Http404 where it is none of this practice
    who = matching.candidate(entry, desk.now)
    if who is None or len(ids) != who.people:
        raise Http404
    what: Any = {"entry_id": entry.pk, "booking_ids": ids, "by": desk.by, "now": desk.now}
    acts: list_page.Acts = {
        "offer": (
            lambda: offers.make(**what),
            f"The place is held for the family. {list_page.told(entry)}",
        ),
        "book": (lambda: answers.book(**what), list_page.booked(entry, desk)),
    }
    list_page.do(request, acts)
    return redirect("admin:desk_waitlist", desk.practice.pk)
