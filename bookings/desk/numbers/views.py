"""The page Reports and its CSV: fill rate, who came, and where patients come from."""

from collections.abc import Callable, Iterator
from datetime import date
from operator import itemgetter
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings.desk import csv_export
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.numbers import by_source, chart, counts, periods, waiting
from bookings.desk.numbers.counts import Cell, Counts, Table
from practices.models import Partner

OFFICE = "Staff"
PAGE = "Online booking"
COLUMNS = (
    "week from Monday",
    "location",
    "doctor",
    "taken by",
    "openings",
    "places",
    "on hold",
    "free",
    "taken",
    "visits",
    "came",
    "no-show",
    "late cancel",
    "not marked",
    "cancelled",
    "days from request to visit",
)


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    name = _period(request)
    windows = periods.windows(desk.locations, name, desk.now)
    by_week = periods.windows(desk.locations, periods.DEFAULT, desk.now)
    table = counts.count(desk, windows)
    weekly = table if name == periods.DEFAULT else counts.count(desk, by_week)
    total = counts.add_up(table, lambda _: None).get(None, Counts())
    weeks = _weeks(weekly, [monday for each in by_week for monday in each.mondays])
    free = counts.next_free(desk)
    context = {
        "title": "Reports",
        "periods": [(key, label) for key, (label, _) in periods.PERIODS.items()],
        "period": name,
        "period_label": periods.PERIODS[name][0],
        "window": windows[0] if windows else None,
        "total": total,
        "soonest": free[0] if free else None,
        "free": free,
        "ahead": counts.ahead(desk),
        "weeks": weeks,
        "chart": chart.draw([(f"{monday:%b} {monday.day}", each) for monday, each in weeks]),
        "parts": chart.PARTS,
        "of_openings": {
            "doctor": _by_doctor(desk, table),
            "location": _by_location(desk, table),
        },
        "by_partner": _by_partner(table),
        "by_source": by_source.count(desk, windows),
        "refilled": _refilled(desk, waiting.count(desk, windows)),
    }
    return show(request, desk, "numbers.html", context)


@desk_page
@require_safe
def export_csv(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Return the period's counts by week, location, doctor and partner, without a patient."""
    name = _period(request)
    table = counts.count(desk, periods.windows(desk.locations, name, desk.now))
    return csv_export.download(f"numbers-{name}.csv", COLUMNS, _rows(desk, table))


@desk_page
@require_safe
def sources_csv(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Return the period's counts of the booking page by source and campaign."""
    name = _period(request)
    rows = by_source.count(desk, periods.windows(desk.locations, name, desk.now))
    return csv_export.download(f"sources-{name}.csv", by_source.COLUMNS, iter(rows))


@desk_page
@require_safe
def waiting_csv(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Return the period's counts of the waiting list by week, location and doctor."""
    name = _period(request)
    table = waiting.count(desk, periods.windows(desk.locations, name, desk.now))
    rows = _waiting_rows(desk, table)
    return csv_export.download(f"waiting-list-{name}.csv", waiting.COLUMNS, rows)


def _period(request: HttpRequest) -> str:
    name = request.GET.get("period", "")
    return name if name in periods.PERIODS else periods.DEFAULT


def _weeks(table: Table, mondays: list[date]) -> list[tuple[date, Counts]]:
    found = counts.add_up(table, lambda cell: cell.week)
    return [(monday, found.get(monday, Counts())) for monday in sorted({*mondays})]


def _by_doctor(desk: Desk, table: Table) -> list[tuple[str, Counts]]:
    names = {each.pk: each.name for each in desk.doctors}
    return _named(table, lambda cell: cell.doctor_id, names)


def _by_location(desk: Desk, table: Table) -> list[tuple[str, Counts]]:
    names = {each.pk: each.name for each in desk.locations}
    return _named(table, lambda cell: cell.location_id, names)


def _by_partner(table: Table) -> list[tuple[str, Counts]]:
    taken = {cell: each for cell, each in table.items() if cell.partner_id is not None}
    return _named(taken, lambda cell: cell.partner_id, _partners(table))


def _partners(table: Table) -> dict[str | None, str]:
    ids = {cell.partner_id for cell in table if cell.partner_id}
    return {
        "": OFFICE,
        counts.PAGE: PAGE,
        **dict(Partner.objects.filter(pk__in=ids).values_list("pk", "name")),
    }


def _named(
    table: Table, of: Callable[[Cell], Any], names: dict[Any, str]
) -> list[tuple[str, Counts]]:
    """Add up by a property of the cells; return the sums by name, in the order of names."""
    found = counts.add_up(table, of)
    # Two may have the same name.
    return sorted(((names[key], each) for key, each in found.items()), key=itemgetter(0))


def _rows(desk: Desk, table: Table) -> Iterator[tuple[object, ...]]:
    locations = {each.pk: each.name for each in desk.locations}
    doctors = {each.pk: each.name for each in desk.doctors}
    partners = _partners(table)
    for cell in sorted(table, key=lambda each: (*each[:3], each.partner_id or "")):
        each = table[cell]
        days = each.days_to_visit
        of_openings = cell.partner_id is None
        yield (
            cell.week.isoformat(),
            locations[cell.location_id],
            doctors[cell.doctor_id],
            "" if of_openings else partners[cell.partner_id],
            each.openings,
            each.places,
            each.held,
            each.free,
            each.taken_by,
            each.visits,
            each.came,
            each.no_show,
            each.late,
            each.unmarked,
            each.cancelled,
            "" if days is None else f"{days:.1f}",
        )


def _refilled(desk: Desk, table: waiting.Table) -> list[tuple[str, waiting.Counts]]:
    """Add up what the waiting list did: all of it, by location and by doctor."""
    listed = [("All", total) for total in waiting.add_up(table, lambda _: None).values()]
    of_each: tuple[tuple[Any, Callable[[waiting.Cell], str]], ...] = (
        (desk.locations, lambda cell: cell.location_id),
        (desk.doctors, lambda cell: cell.doctor_id),
    )
    for rows, of in of_each:
        found = waiting.add_up(table, of)
        if len(rows) > 1:
            listed += [(each.name, found[each.pk]) for each in rows if each.pk in found]
    return listed


def _waiting_rows(desk: Desk, table: waiting.Table) -> Iterator[tuple[object, ...]]:
    locations = {each.pk: each.name for each in desk.locations}
    doctors = {each.pk: each.name for each in desk.doctors}
    for cell, each in sorted(table.items(), key=itemgetter(0)):
        minutes = each.median_minutes
        yield (
            cell.week.isoformat(),
            locations[cell.location_id],
            doctors[cell.doctor_id],
            each.freed,
            each.offered,
            each.refilled,
            "" if minutes is None else f"{minutes:.0f}",
            each.saved,
        )
