"""Statistics page: the next two weeks of bookings, and a chart of the last eight weeks."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.desk import labels
from bookings.desk.desk import Desk, desk_page, show
from bookings.models import Booking, Status
from practices.models import Location

DAYS = 14
WEEKS = 8
HEIGHT = 120
_BAR, _GAP, _GROUP = 16, 3, 76


@dataclass(frozen=True)
class Ahead:
    """Counts of the next 14 days at one location, or at all of them."""

    name: str
    bookings: int
    places: int
    filled: int
    waiting: int
    held: int


@dataclass
class Week:
    """Counts of one past week, by the dates of the bookings."""

    begins: date
    published: int = 0
    booked: int = 0
    closed: int = 0

    @property
    def label(self) -> str:
        return f"{self.begins:%b} {self.begins.day}"


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    ahead = _ahead(desk)
    weeks = _weeks(desk)
    context = {
        "title": "Numbers",
        "ahead": ahead,
        "weeks": weeks,
        "chart": _chart(weeks),
        "nothing_yet": not any(week.published for week in weeks),
    }
    return show(request, desk, "numbers.html", context)


def _by_today(desk: Desk) -> dict[date, list[Location]]:
    """Group the locations by their local date."""
    days = defaultdict(list)
    for location in desk.locations:
        days[walltime.wall_clock(desk.now, location.zone).date()].append(location)
    return days


def _ahead(desk: Desk) -> list[Ahead]:
    """Count the next 14 days, today included, by each location's local dates."""
    nothing = dict.fromkeys(("bookings", "places", "filled", "waiting", "held"), 0)
    found: dict[str, dict[str, Any]] = {}
    for today, locations in _by_today(desk).items():
        last = today + timedelta(days=DAYS - 1)
        rows = Booking.objects.not_closed().on_local_days(locations, today, last)
        for row in rows.values("location_id").annotate(
            bookings=Count("pk"),
            places=Sum("total_appointments"),
            filled=Sum(F("places_reserved") + F("places_booked")),
            waiting=Sum("places_reserved"),
            held=Sum("places_pending"),
        ):
            found[row["location_id"]] = {
                name: value for name, value in row.items() if name in nothing
            }
    listed = [Ahead(each.name, **found.get(each.pk, nothing)) for each in desk.locations]
    totals = {name: sum(getattr(each, name) for each in listed) for name in nothing}
    return [*listed, Ahead("All locations", **totals)] if len(listed) > 1 else listed


def _weeks(desk: Desk) -> list[Week]:
    """Count the last eight whole weeks, Monday to Sunday, by each location's local dates."""
    weeks: dict[date, Week] = {}
    for today, locations in _by_today(desk).items():
        this_monday = today - timedelta(days=today.weekday())
        for back in range(WEEKS, 0, -1):
            monday = this_monday - timedelta(weeks=back)
            week = weeks.setdefault(monday, Week(monday))
            counts = _count_week(locations, monday)
            week.published += counts["published"]
            week.booked += counts["booked"]
            week.closed += counts["closed"]
    return [weeks[monday] for monday in sorted(weeks)][-WEEKS:]


def _count_week(locations: list[Location], monday: date) -> dict[str, int]:
    rows = Booking.objects.on_local_days(locations, monday, monday + timedelta(days=6))
    return rows.aggregate(
        published=Count("pk"),
        booked=Count("pk", filter=Q(places_booked__gt=0) | Q(places_reserved__gt=0)),
        closed=Count("pk", filter=Q(status=Status.CLOSED)),
    )


def _chart(weeks: list[Week]) -> dict[str, Any]:
    """Return the chart's bars, with coordinates in SVG units."""
    most = max((week.published for week in weeks), default=0) or 1
    groups = []
    for index, week in enumerate(weeks):
        left = index * _GROUP + 10
        bars = []
        for nth, kind in enumerate(("published", "booked", "closed")):
            value = getattr(week, kind)
            height = round(value / most * HEIGHT)
            bars.append(
                {
                    "kind": kind,
                    "value": value,
                    "x": left + nth * (_BAR + _GAP),
                    "y": HEIGHT + 16 - height,
                    "width": _BAR,
                    "height": height,
                    "middle": left + nth * (_BAR + _GAP) + _BAR / 2,
                    "above": HEIGHT + 12 - height,
                }
            )
        middle = left + 1.5 * _BAR + _GAP
        groups.append({"label": week.label, "middle": middle, "bars": bars})
    width = len(weeks) * _GROUP + 10
    said = "; ".join(
        f"week of {week.label}: {labels.counted(week.published, 'opening')}, "
        f"{week.booked} booked, {week.closed} closed unused"
        for week in weeks
    )
    return {
        "groups": groups,
        "width": width,
        "height": HEIGHT + 40,
        "base": HEIGHT + 16,
        "said": said,
    }
