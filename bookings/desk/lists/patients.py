"""The list of a practice's patients: a row for each visit."""

from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings.desk import labels
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.lists.filters import ANY, NO_TIME, OpeningsForm, from_today
from bookings.desk.lists.order import in_order, is_latest_first, sorting
from bookings.desk.paging import SIZE, links, slice_of
from bookings.desk.visit_rows import rows_of
from bookings.models import TAKEN, Appointment
from bookings.models.appointment import AppointmentQuerySet

_STATUSES = [
    ("", "All but cancelled"),
    *labels.APPOINTMENT_STATUS.items(),
    (NO_TIME, "No time yet"),
    (ANY, "Any status"),
]


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = OpeningsForm(desk, from_today(request, desk), statuses=_STATUSES)
    found = _found(request, desk, form) if form.is_valid() else []
    of_practice = Appointment.objects.filter(booking__practice=desk.practice)
    context = {
        "title": "Patients",
        "form": form,
        "rows": rows_of(_read(found[:SIZE]), desk),
        "without_time": _without_time(of_practice).exists(),
        **sorting(request),
        **links(request, len(found)),
    }
    return show(request, desk, "lists/patients.html", context, 400 if form.errors else 200)


def _found(request: HttpRequest, desk: Desk, form: OpeningsForm) -> list[str]:
    """Return the ids of the page's visits, and of one more."""
    latest_first, wanted = is_latest_first(request), slice_of(request)
    sources = [
        in_order(
            rows.filter(form.days(location="booking__location", instant=begins)),
            begins,
            "booking_id",
            "pk",
            latest_first=latest_first,
        ).values_list(begins, "pk")[: wanted.stop]
        for rows, begins in _sources(desk, _asked(desk, form))
    ]
    # What has no time is later than all.
    merged = merge(*sources, key=lambda row: (row[0] is None, row[0]), reverse=latest_first)
    return [pk for _, pk in islice(merged, wanted.start, wanted.stop)]


def _asked(desk: Desk, form: OpeningsForm) -> AppointmentQuerySet:
    rows = Appointment.objects.filter(form.of_opening("booking__"), booking__practice=desk.practice)
    status = form.cleaned_data["status"]
    if status == NO_TIME:
        return _without_time(rows)
    if status == ANY:
        return rows
    return rows.filter(status__in=[status] if status else TAKEN)


def _sources(desk: Desk, rows: AppointmentQuerySet) -> Iterator[tuple[AppointmentQuerySet, str]]:
    """Yield visits with the look-up of their time: each is in the order of an index then.

    In a range practice a visit's exact time may be on another day than its opening.
    """
    if desk.practice.range_bookings:
        yield rows.exclude(start_datetime=None), "start_datetime"
        rows = rows.filter(start_datetime=None)
    yield rows, "booking__start_datetime"


def _without_time(rows: AppointmentQuerySet) -> AppointmentQuerySet:
    return rows.taken().filter(booking__start_datetime=None)


def _read(ids: list[str]) -> list[Appointment]:
    rows: QuerySet[Any] = Appointment.objects.select_related(
        "booking__location", "booking__doctor", "booking__practice"
    )
    by_id = rows.in_bulk(ids)
    return [by_id[pk] for pk in ids if pk in by_id]
