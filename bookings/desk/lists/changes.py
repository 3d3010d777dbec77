"""The history of a practice: what was changed, when, by whom, the newest first."""

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings.desk import history, labels
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.lists.filters import DaysForm
from bookings.desk.paging import page_of
from bookings.models import Event


class ChangesForm(DaysForm):
    by = forms.ChoiceField(
        label="By", choices=[("", "Anybody"), *labels.ACTOR.items()], required=False
    )


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = ChangesForm(desk, request.GET)
    events, pages = page_of(request, _found(desk, form))
    context = {
        "title": "History",
        "form": form,
        "rows": history.of_practice(events, desk.practice),
        **pages,
    }
    return show(request, desk, "lists/history.html", context, 400 if form.errors else 200)


def _found(desk: Desk, form: ChangesForm) -> QuerySet[Event]:
    if not form.is_valid():
        return Event.objects.none()
    days = form.days(location="booking__location", instant="at")
    rows = Event.objects.filter(days, practice=desk.practice)
    if form.cleaned_data["by"]:
        rows = rows.filter(actor=form.cleaned_data["by"])
    related = ("booking__location", "booking__doctor", "booking__practice", "appointment")
    return rows.select_related("user", "api_key__partner", *related).order_by("-at", "-id")
