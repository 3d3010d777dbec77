"""Bulk publishing of bookings: a pattern, its preview, and creation in one transaction."""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from bookings import walltime
from bookings.desk import clashes, labels
from bookings.desk.desk import Desk, desk_page, show, try_form
from bookings.desk.forms import PublishForm
from bookings.models import Booking
from bookings.scheduling import bookings, exact_times, series

MOST = 500


class ScheduleChanged(Exception):  # no error: another user was first
    """The pattern no longer yields the plan in the preview; `now` is the current plan."""

    def __init__(self, now: "Plan") -> None:
        super().__init__()
        self.now = now


@dataclass
class Item:
    """One booking of a pattern, with its warnings. `start` is an instant, `wall` its wall time.

    slot: what is made or left out together: all weeks of a series, or this booking alone.
    """

    start: datetime
    wall: datetime
    begins_series: bool = False
    is_later_week: bool = False
    is_past: bool = False
    clock_change: str = ""
    clashes: list[str] = field(default_factory=list)
    slot: int = 0

    @property
    def day(self) -> str:
        return f"{labels.day(self.wall.date())}, {self.wall.year}"

    @property
    def time(self) -> str:
        return labels.clock(self.wall)


@dataclass(frozen=True)
class Plan:
    """The bookings of a pattern, and those left out (past or clashing)."""

    items: list[Item]
    left_out: list[Item]

    @property
    def made(self) -> list[Item]:
        """Return the items to publish; later weeks of a series are created automatically."""
        return [item for item in self.items if not item.is_later_week]

    @property
    def clashing(self) -> list[Item]:
        return [item for item in self.items if item.clashes]

    @property
    def clashing_left_out(self) -> list[Item]:
        """Return those left out because they clash, without the other weeks of their series."""
        return [item for item in self.left_out if item.clashes]

    @property
    def passed(self) -> list[Item]:
        return [item for item in self.left_out if item.is_past]

    @property
    def in_clock_change(self) -> list[Item]:
        return [item for item in self.items if item.clock_change]

    @property
    def fingerprint(self) -> str:
        """Return a hash of starts and clashes, to check that what is made is what was previewed."""
        told = [(item.start.isoformat(), item.clashes) for item in self.items]
        return hashlib.sha256(repr(told).encode()).hexdigest()


def plan(desk: Desk, pattern: dict[str, Any]) -> Plan:
    """Compute the plan of a pattern (a cleaned PublishForm): items, clashes, clock changes."""
    items = _items(desk, pattern)
    _note_clashes(pattern, items)
    left_out = [item for item in items if item.is_past]
    items = [item for item in items if not item.is_past]
    if not pattern["with_clashes"]:
        clashing = {item.slot for item in items if item.clashes}
        left_out += [item for item in items if item.slot in clashing]
        items = [item for item in items if item.slot not in clashing]
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
    items: list[Item] = []
    for day in days:
        if day.weekday() not in weekdays:
            continue
        for wall in pattern["times"]:
            item = _item(day, wall, pattern, desk.now)
            if weekly and item.is_past:  # today's has passed: the series begins next week
                item = _item(day + series.WEEK, wall, pattern, desk.now)
            item.begins_series = weekly
            made = [item]
            if weekly:
                weeks = series.HORIZON // series.WEEK
                begun = item.wall.date()
                made += [
                    _item(begun + each * series.WEEK, wall, pattern, desk.now, later=True)
                    for each in range(1, weeks + 1)
                ]
            for each in made:
                each.slot = len(items)
            items += made
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
        change = (
            f"The clocks skip {labels.clock(asked)} that day: published at {labels.clock(shown)}."
        )
    elif asked.replace(tzinfo=zone).utcoffset() != asked.replace(tzinfo=zone, fold=1).utcoffset():
        change = f"{labels.clock(asked)} comes twice that day: the first one is used."
    return Item(start, shown, is_later_week=later, is_past=start <= now, clock_change=change)


def _note_clashes(pattern: dict[str, Any], items: list[Item]) -> None:
    """Record overlaps with the doctor's openings at any location, and within the pattern."""
    coming = [item for item in items if not item.is_past]
    minutes = pattern["length"]
    starts = [item.start for item in coming]
    for item, found in zip(
        coming, clashes.with_openings(pattern["doctor"], starts, minutes), strict=True
    ):
        item.clashes += [each.clock for each in found]
    before: Item | None = None
    for item in coming:
        if before is not None and item.start < before.start + timedelta(minutes=minutes):
            item.clashes.append(f"{before.time} of these times")
        if pattern["with_clashes"] or not item.clashes:
            before = item


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Render the form, the preview of a pattern, or publish what was previewed."""
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
            f"This makes {len(planned.made)} openings. Publish up to {MOST} "
            "at a time: choose fewer days.",
        )
        return _show(request, desk, form, status=400)
    agreed = request.POST.get("agreed", "")
    if request.POST.get("do") == "publish" and planned.made and agreed == planned.fingerprint:
        return _publish(request, desk, form, planned)
    stale = request.POST.get("do") == "publish"
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
    """Publish all bookings of a plan, or none.

    Raises ScheduleChanged if the pattern now yields another plan.
    """
    # The second of two submissions of the same preview finds the first one's bookings.
    exact_times.lock_doctors(pattern["doctor"].pk)
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
        "zones": sorted({labels.zone_city(each.zone) for each in desk.locations}),
    }
    if planned is not None:
        days: dict[str, list[Item]] = {}
        for item in planned.items:
            days.setdefault(item.day, []).append(item)
        context["days"] = list(days.items())
        context["places"] = len(planned.made) * form.cleaned_data["places"]
        context["pattern"] = form.cleaned_data
    return show(request, desk, "publish.html", context, status)
