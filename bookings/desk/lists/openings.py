"""The list of a practice's openings, on a page and as CSV."""

from dataclasses import dataclass

from django.core.exceptions import BadRequest
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings.desk import csv_export, labels, times
from bookings.desk.booking import status_class, status_word
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.lists.filters import ANY, NO_TIME, OpeningsForm, from_today
from bookings.desk.lists.order import in_order, is_latest_first, sorting
from bookings.desk.paging import page_of, query
from bookings.models import Appointment, Booking

_STATUSES = [
    ("", "All but closed"),
    *labels.STATUS.items(),
    (NO_TIME, "No time yet"),
    (ANY, "Any status"),
]


@dataclass(frozen=True)
class Row:
    """An opening as the template needs it. looks: the CSS class of its status."""

    booking: Booking
    when: str
    status: str
    looks: str
    taken: str


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = OpeningsForm(desk, from_today(request, desk), statuses=_STATUSES)
    openings, pages = page_of(request, _found(request, desk, form))
    context = {
        "title": "Openings",
        "form": form,
        "rows": [_row(each, desk) for each in openings],
        "without_time": _without_time(desk).exists(),
        "query": query(request),
        **sorting(request),
        **pages,
    }
    return show(request, desk, "lists/openings.html", context, 400 if form.errors else 200)


@desk_page
@require_safe
def export_csv(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Download what the page lists, all of its pages."""
    form = OpeningsForm(desk, from_today(request, desk), statuses=_STATUSES)
    if not form.is_valid():
        raise BadRequest("These openings cannot be filtered like that.")
    return csv_export.bookings_csv(_found(request, desk, form))


def _found(request: HttpRequest, desk: Desk, form: OpeningsForm) -> QuerySet[Booking]:
    if not form.is_valid():
        return Booking.objects.none()
    status = form.cleaned_data["status"]
    if status == NO_TIME:
        rows = _without_time(desk)
    else:
        rows = Booking.objects.filter(practice=desk.practice)
        if status != ANY:
            rows = rows.filter(status=status) if status else rows.not_closed()
    days = form.days()
    if days and desk.practice.range_bookings:  # an exact time may be on another day
        timed = Appointment.objects.timed().filter(form.days(location="booking__location"))
        days |= Q(pk__in=timed.values("booking_id"))
    rows = rows.filter(days, form.of_opening())
    related = rows.select_related("location", "doctor", "practice")
    with_timed = related.prefetch_related(times.WITH_TIMED)
    return in_order(with_timed, "start_datetime", "id", latest_first=is_latest_first(request))


def _without_time(desk: Desk) -> QuerySet[Booking]:
    return Booking.objects.not_closed().filter(practice=desk.practice, start_datetime=None)


def _row(booking: Booking, desk: Desk) -> Row:
    timed: list[Appointment] = booking.timed  # type: ignore[attr-defined]  # WITH_TIMED
    all_times = times.of_booking(booking, timed, booking.location.zone, desk.practice.kind)
    return Row(
        booking=booking,
        when="; ".join(map(str, all_times)) or "no time yet",
        status=status_word(booking, desk.now),
        looks=status_class(booking, desk.now),
        taken=labels.taken(booking),
    )
