"""The list of a practice's patients: a row for each visit."""

from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings.desk import labels
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.lists.filters import ANY, NO_TIME, OpeningsForm, from_today
from bookings.desk.lists.order import in_order, is_latest_first, sorting
from bookings.desk.paging import page_of
from bookings.desk.visit_rows import rows_of
from bookings.models import TAKEN, Appointment

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
    visits, pages = page_of(request, _found(request, desk, form))
    context = {
        "title": "Patients",
        "form": form,
        "rows": rows_of(visits, desk),
        "without_time": _without_time(desk).exists(),
        **sorting(request),
        **pages,
    }
    return show(request, desk, "lists/patients.html", context, 400 if form.errors else 200)


def _found(request: HttpRequest, desk: Desk, form: OpeningsForm) -> QuerySet[Appointment]:
    if not form.is_valid():
        return Appointment.objects.none()
    status = form.cleaned_data["status"]
    if status == NO_TIME:
        rows = _without_time(desk)
    else:
        rows = Appointment.objects.filter(booking__practice=desk.practice)
        if status != ANY:
            rows = rows.filter(status__in=[status] if status else TAKEN)
    begins = "booking__start_datetime"
    if desk.practice.range_bookings:  # there a visit's exact time may be on another day
        rows, begins = rows.alias(begins=Coalesce("start_datetime", begins)), "begins"
    days = form.days(location="booking__location", instant=begins)
    rows = rows.filter(days, form.of_opening("booking__"))
    related = rows.select_related("booking__location", "booking__doctor", "booking__practice")
    return in_order(related, begins, "booking_id", "pk", latest_first=is_latest_first(request))


def _without_time(desk: Desk) -> QuerySet[Appointment]:
    rows = Appointment.objects.taken().filter(booking__practice=desk.practice)
    return rows.filter(booking__start_datetime=None)
