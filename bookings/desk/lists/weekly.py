"""The list of a practice's weekly openings: when, where, with whom, and the next of each."""

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings.desk import labels, times
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.paging import page_of
from bookings.models import Booking, Series


@dataclass(frozen=True)
class Row:
    """A weekly opening as the template needs it. coming: the next that is not closed."""

    series: Series
    day: str
    coming: Booking | None
    when: str


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    ahead = Booking.objects.not_closed().filter(series=OuterRef("pk"), start_datetime__gt=desk.now)
    coming = Subquery(ahead.order_by("start_datetime").values("pk")[:1])
    rows = Series.objects.filter(practice=desk.practice).annotate(coming=coming)
    rows = rows.select_related("location", "doctor")
    found, pages = page_of(request, rows.order_by("ended", "wall_time", "pk"))
    coming_of = {each.pk: each.coming for each in found}  # type: ignore[attr-defined]  # annotated
    openings = Booking.objects.select_related("location", "practice").in_bulk(
        [pk for pk in coming_of.values() if pk is not None]
    )
    context = {
        "title": "Weekly openings",
        "rows": [_row(each, openings.get(coming_of[each.pk])) for each in found],
        **pages,
    }
    return show(request, desk, "lists/weekly.html", context)


def _row(series: Series, coming: Booking | None) -> Row:
    return Row(
        series=series,
        day=f"{series.next_date:%A}s, {labels.clock(series.wall_time)}",
        coming=coming,
        when=str(times.of_opening(coming)) if coming is not None else "",
    )
