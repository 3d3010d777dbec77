"""Publishing many openings: a pattern, its preview, and all of them made in one transaction."""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from bookings import walltime
from bookings.desk import labels
from bookings.desk.desk import Desk, desk_page, show, try_form
from bookings.desk.forms import PublishForm
from bookings.models import Booking
from bookings.scheduling import bookings, series
from practices.models import Doctor

MOST = 500


class ScheduleChanged(Exception):  # nothing is wrong: somebody else was quicker
    """The schedule is not the one that was agreed to; `now` is the plan that it comes to."""

    def __init__(self, now: "Plan") -> None:
        super().__init__()
        self.now = now


@dataclass
class Item:
    """One opening that the pattern makes, and what is to be known before it is made."""

    start: datetime
    wall: datetime
    begins_series: bool = False
    is_later_week: bool = False
    is_past: bool = False
    clock_change: str = ""
    clashes: list[str] = field(default_factory=list)

    @property
    def day(self) -> str:
        """Write its day."""
        return labels.day(self.wall.date())

    @property
    def time(self) -> str:
        """Write its time."""
        return labels.clock(self.wall)


@dataclass(frozen=True)
class Plan:
    """What a pattern comes to."""

    items: list[Item]
    left_out: list[Item]

    @property
    def made(self) -> list[Item]:
        """List what is published by hand; later weeks of a series make themselves."""
        return [item for item in self.items if not item.is_later_week]

    @property
    def clashing(self) -> list[Item]:
        """List what overlaps."""
        return [item for item in self.items if item.clashes]

    @property
    def in_clock_change(self) -> list[Item]:
        """List what falls into a clock change."""
        return [item for item in self.items if item.clock_change]

    @property
    def fingerprint(self) -> str:
        """Tell this plan from another: the preview that was agreed to is the one that is made."""
        told = [(item.start.isoformat(), item.clashes) for item in self.items]
        return hashlib.sha256(repr(told).encode()).hexdigest()


def plan(desk: Desk, pattern: dict[str, Any]) -> Plan:
    """Work out what a pattern makes, what clashes, and where clocks change."""
    items = _items(desk, pattern)
    _note_clashes(desk, pattern, items)
    left_out = [item for item in items if item.is_past]
    items = [item for item in items if not item.is_past]
    # A weekly opening is made whole or not at all: its later weeks come by themselves.
    if pattern["skip_clashes"] and not pattern["weekly"]:
        left_out += [item for item in items if item.clashes]
        items = [item for item in items if not item.clashes]
    return Plan(items, sorted(left_out, key=lambda item: item.start))


def _items(desk: Desk, pattern: dict[str, Any]) -> list[Item]:
    weekdays = {int(each) for each in pattern["weekdays"]}
    first: date = pattern["first"]
    zone = pattern["location"].zone
    weekly = pattern["weekly"]
    today = walltime.wall_clock(desk.now, zone).date()
    last = max(first, today) + timedelta(days=6) if weekly else pattern["last"]
    begin = max(first, today) if weekly else first
    days = [begin + timedelta(days=each) for each in range((last - begin).days + 1)]
    items = []
    for day in days:
        if day.weekday() not in weekdays:
            continue
        for wall in pattern["times"]:
            item = _item(day, wall, pattern, desk.now)
            if weekly and item.is_past:  # this week's has gone by: the series begins next week
                item = _item(day + series.WEEK, wall, pattern, desk.now)
            item.begins_series = weekly
            items.append(item)
            if weekly:
                weeks = series.HORIZON // series.WEEK
                begun = item.wall.date()
                items += [
                    _item(begun + each * series.WEEK, wall, pattern, desk.now, later=True)
                    for each in range(1, weeks + 1)
                ]
    return sorted(items, key=lambda item: (item.start, item.is_later_week))


def _item(
    day: date, wall: time, pattern: dict[str, Any], now: datetime, later: bool = False
) -> Item:
    zone = pattern["location"].zone
    start = walltime.occurrence(day, wall, zone)
    shown = walltime.wall_clock(start, zone)
    asked = datetime.combine(day, wall)
    change = ""
    if shown != asked:
        change = f"The clocks skip {labels.clock(asked)} that day: made at {labels.clock(shown)}."
    elif asked.replace(tzinfo=zone).utcoffset() != asked.replace(tzinfo=zone, fold=1).utcoffset():
        change = f"{labels.clock(asked)} comes twice that day: the first is taken."
    return Item(start, shown, is_later_week=later, is_past=start <= now, clock_change=change)


def _note_clashes(desk: Desk, pattern: dict[str, Any], items: list[Item]) -> None:
    """Note what the doctor has already at the same time, at any location, and in the pattern."""
    if not items:
        return
    length = timedelta(minutes=pattern["length"])
    longest = timedelta(days=1)
    rows = Booking.objects.not_closed().filter(
        practice=desk.practice,
        doctor=pattern["doctor"],
        start_datetime__gte=items[0].start - longest,
        start_datetime__lt=items[-1].start + length,
    )
    existing = list(
        rows.order_by("start_datetime").values_list("start_datetime", "length", "location_id")
    )
    names = {location.pk: location.name for location in desk.locations}
    zone = pattern["location"].zone
    for item in items:
        for start, minutes, location_id in existing:
            assert start is not None
            if start < item.start + length and item.start < start + timedelta(minutes=minutes):
                at = labels.clock(walltime.wall_clock(start, zone))
                item.clashes.append(f"{at}, {minutes} min, {names[location_id]}")
    for before, after in pairwise(items):
        if after.start < before.start + length:
            after.clashes.append(f"{before.time} of this pattern")


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Ask for the pattern; show what it makes; make it."""
    if request.method != "POST":
        today = walltime.wall_clock(desk.now, desk.locations[0].zone) if desk.locations else None
        initial: dict[str, Any] = {"first": today.date() + timedelta(days=1)} if today else {}
        initial.update(
            {
                name: request.GET[name]
                for name in ("location", "doctor", "first")
                if name in request.GET
            }
        )
        return _show(request, desk, PublishForm(desk, initial=initial))
    form = PublishForm(desk, request.POST)
    if not form.is_valid():
        return _show(request, desk, form, status=400)
    planned = plan(desk, form.cleaned_data)
    if len(planned.made) > MOST:
        form.add_error(
            None,
            f"These are {len(planned.made)} openings. Publish at most {MOST} "
            "at a time: choose fewer days.",
        )
        return _show(request, desk, form, status=400)
    agreed = request.POST.get("agreed", "")
    if request.POST.get("do") == "publish" and planned.made and agreed == planned.fingerprint:
        return _publish(request, desk, form, planned)
    stale = request.POST.get("do") == "publish" and bool(planned.made)
    return _show(request, desk, form, planned=planned, stale=stale)


def _publish(request: HttpRequest, desk: Desk, form: PublishForm, planned: Plan) -> HttpResponse:
    pattern = form.cleaned_data
    try:
        made = try_form(form, lambda: make(desk, pattern, planned))
    except ScheduleChanged as changed:
        return _show(request, desk, form, planned=changed.now, stale=True)
    if made is None:
        return _show(request, desk, form, planned=planned, status=400)
    what = "weekly opening" if pattern["weekly"] else "opening"
    messages.success(request, f"{labels.counted(len(planned.made), what)} published.")
    first = planned.made[0].wall.date().isoformat()
    board = reverse("admin:desk_board", args=[desk.practice.pk])
    return redirect(f"{board}?view=week&day={first}&location={pattern['location'].pk}")


@transaction.atomic
def make(desk: Desk, pattern: dict[str, Any], planned: Plan) -> list[Booking]:
    """Publish all openings of a plan, or none.

    Raises ScheduleChanged where the pattern comes to another plan by now.
    """
    # Two people who agreed to the same preview come one after the other: the second sees what
    # the first has made. Openings that others make one by one need not wait for this.
    Doctor.objects.select_for_update(no_key=True).get(pk=pattern["doctor"].pk)
    current = plan(desk, pattern)
    if current.fingerprint != planned.fingerprint:
        raise ScheduleChanged(current)
    made = []
    for item in planned.made:
        fields: bookings.Fields = {
            "location_id": pattern["location"].pk,
            "doctor_id": pattern["doctor"].pk,
            "start_datetime": item.start,
            "length": pattern["length"],
            "total_appointments": pattern["places"],
            "recurring": pattern["weekly"],
        }
        made.append(bookings.publish(fields=fields, by=desk.by, now=desk.now))
    return made


def _show(
    request: HttpRequest,
    desk: Desk,
    form: PublishForm,
    *,
    planned: Plan | None = None,
    stale: bool = False,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "title": "Publish openings",
        "form": form,
        "plan": planned,
        "stale": stale,
        "zones": sorted({each.zone.key for each in desk.locations}),
    }
    if planned is not None:
        days: dict[str, list[Item]] = {}
        for item in planned.items:
            days.setdefault(item.day, []).append(item)
        context["days"] = list(days.items())
        context["places"] = len(planned.made) * form.cleaned_data["places"]
        context["pattern"] = form.cleaned_data
    return show(request, desk, "publish.html", context, status)
