"""The page of the visits found by what was typed into the box of every page."""

from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from bookings.desk import labels
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.next_free import MOST_PEOPLE
from bookings.desk.visit_rows import Row, rows_of
from bookings.patients import search, terms

_LONGEST = 300


@dataclass(frozen=True)
class Together:
    """Visits to come of the same phone number. url: of the page that moves them together."""

    names: str
    url: str


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Search for `q`. It is in the body of a POST: addresses are logged, patients are not."""
    said = request.POST.get("q", "").strip()[:_LONGEST]
    found = search.search(desk.practice.pk, said, now=desk.now)
    rows = rows_of(found.visits, desk)
    title = f"{labels.counted(len(rows), 'visit')} found" if rows else "No visit found"
    context = {
        "title": title if said else "Find a visit",
        "q": said,
        "rows": rows,
        "are_more": found.are_more,
        "together": _together(rows, desk),
    }
    return show(request, desk, "find.html", context)


def _together(rows: list[Row], desk: Desk) -> list[Together]:
    by_phone = defaultdict[str, list[Row]](list)
    for row in rows:
        if row.is_to_come and row.person.phone:
            by_phone[terms.number(row.person.phone)].append(row)
    page = reverse("admin:desk_next_free", args=[desk.practice.pk])
    return [
        Together(
            labels.listed([row.name for row in family]),
            f"{page}?{urlencode({'visit': [row.visit.pk for row in family]}, doseq=True)}",
        )
        for family in by_phone.values()
        if 2 <= len(family) <= MOST_PEOPLE
    ]
