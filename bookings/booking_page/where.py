"""Step 2, where and with whom: for practices where there is a choice."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext as _

from bookings.booking_page.forms import PatientForm
from bookings.booking_page.page import Page, show, step
from bookings.booking_page.state import State
from practices.models import Location


class WhereForm(PatientForm):
    """A location and a doctor; empty for any."""

    def __init__(self, page: Page, data: QueryDict | None) -> None:
        chosen = {"location": page.state.location_id, "doctor": page.state.doctor_id}
        super().__init__(data, initial=chosen)
        self.page = page
        choices = {
            "location": [(each.pk, _described(each)) for each in page.locations],
            "doctor": [(each.pk, each.name) for each in page.doctors],
        }
        for name, of in choices.items():
            if len(of) > 1:
                self.fields[name] = forms.ChoiceField(
                    choices=of,
                    widget=forms.RadioSelect,
                    required=False,
                    error_messages={"invalid_choice": _("Choose one of these")},
                )

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = self.cleaned_data
        location, doctor = said.get("location"), said.get("doctor")
        for each in self.page.doctors:
            at = {where.pk for where in each.locations.all()}
            if each.pk == doctor and location and location not in at:
                self.add_error(
                    "doctor",
                    _("%(doctor)s does not work at this office: choose another") % {"doctor": each},
                )
        return said

    def said_in(self, state: State) -> State:
        said = self.cleaned_data
        return state.but(
            location_id=said.get("location") or None, doctor_id=said.get("doctor") or None
        )


def _described(location: Location) -> str:
    """Return a location's name, with its street and town as a hint."""
    where = ", ".join(filter(None, [location.street_address, location.city]))
    hint = format_html(' <span class="hint">{}</span>', where) if where else ""
    return format_html("{}{}", location.name, hint)


def next_step(page: Page) -> str:
    """Return the name of the step after the first: this one, unless there is no choice."""
    is_choice = len(page.locations) > 1 or len(page.doctors) > 1
    return "book_where" if is_choice else "book_day"


@step
def where(request: HttpRequest, page: Page) -> HttpResponse:
    form = WhereForm(page, request.POST if request.method == "POST" else None)
    if form.is_valid():
        return page.go("book_day", form.said_in(page.state))
    status = 400 if form.errors else 200
    context = {"form": form, "mistakes": form.mistakes(), "back": page.url("book")}
    return show(request, page, "where.html", context, status)
