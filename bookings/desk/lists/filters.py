"""Filters of the lists, from the address: days, doctor, location, status."""

from datetime import date
from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest

from bookings import walltime
from bookings.desk.desk import Desk
from bookings.desk.forms import DayField, DeskForm
from bookings.models.booking import local_days
from practices.models import Doctor, Location

NO_TIME = "no_time"
ANY = "any"
_FIRST, _LAST = date(1971, 1, 1), date(2198, 12, 31)


class DaysForm(DeskForm):
    """Days, first to last inclusive, by each location's wall clock."""

    first = DayField(label="From", required=False)
    last = DayField(label="Until", required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", "The last day is before the first. Choose a later one.")
        return cleaned

    def days(self, *, location: str = "location", instant: str = "start_datetime") -> Q:
        """Return the condition that rows are in these days; for the look-ups see `local_days`."""
        first, last = self.cleaned_data["first"], self.cleaned_data["last"]
        if not (first or last):
            return Q()
        return local_days(
            self.desk.locations,
            first or _FIRST,
            last or _LAST,
            location=location,
            instant=instant,
        )


class OpeningsForm(DaysForm):
    """Also doctor, location and status; the last is given by each list."""

    doctor = forms.ModelChoiceField(
        Doctor.objects.none(), required=False, empty_label="All doctors"
    )
    location = forms.ModelChoiceField(
        Location.objects.none(), required=False, empty_label="All locations"
    )
    status = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, statuses: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        status = self.fields["status"]
        assert isinstance(status, forms.ChoiceField)
        status.choices = statuses

    def of_opening(self, prefix: str = "") -> Q:
        """Return the condition on doctor and location. prefix: the look-up of the opening."""
        cleaned = self.cleaned_data
        asked = {f"{prefix}{name}": cleaned[name] for name in ("doctor", "location")}
        return Q(**{name: row for name, row in asked.items() if row is not None})


def from_today(request: HttpRequest, desk: Desk) -> Any:
    """Return what is asked: from today on, where no day is."""
    asked = request.GET.copy()
    today = walltime.wall_clock(desk.now, desk.zone).date()
    if "last" not in asked and asked.get("status") != NO_TIME:
        asked.setdefault("first", today.isoformat())
    return asked
