"""The form that puts a family on the waiting list: on the phone, or for an earlier time."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from bookings import walltime
from bookings.desk import labels, times
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.forms import DayField
from bookings.desk.patient_forms import PatientFields
from bookings.desk.waitlist.page import told
from bookings.models import WEEKDAYS, Appointment, Language, WaitlistEntry
from bookings.patients.record import Patient
from bookings.representation import TIME_RANGES
from bookings.scheduling.families import MOST, to_come
from bookings.scheduling.waitlist import entries
from openchair.errors import Refused


class WishesForm(forms.Form):
    """What a family waits for; what is left empty means any."""

    weekdays = forms.MultipleChoiceField(
        choices=[(each, each.capitalize()) for each in WEEKDAYS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Days of the week",
    )
    parts = forms.MultipleChoiceField(
        label="Part of the day",
        choices=[(each, times.part_name(each).capitalize()) for each in TIME_RANGES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    location_ids = forms.MultipleChoiceField(
        label="Locations", required=False, widget=forms.CheckboxSelectMultiple
    )
    doctor_ids = forms.MultipleChoiceField(
        label="Doctors", required=False, widget=forms.CheckboxSelectMultiple
    )
    earliest = DayField(label="From", required=False)
    latest = DayField(label="Until", required=False)
    language = forms.ChoiceField(label="Language of e-mail", choices=Language)

    def __init__(self, *args: Any, desk: Desk, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (("location_ids", desk.locations), ("doctor_ids", desk.doctors)):
            field: Any = self.fields[name]
            field.choices = [(each.pk, each.name) for each in rows]
            if len(rows) < 2:
                del self.fields[name]

    @property
    def wishes(self) -> entries.Wishes:
        names = ("weekdays", "parts", "location_ids", "doctor_ids", "earliest", "latest")
        said: Any = {name: self.cleaned_data.get(name) for name in names}
        wishes: entries.Wishes = said
        return wishes


class FamilyForm(PatientFields, WishesForm):
    """Form of a family on the phone: who it is, how many people, and what it waits for."""

    people = forms.TypedChoiceField(
        choices=[(each, each) for each in range(1, MOST + 1)],
        coerce=int,
        help_text="More than one are offered times side by side.",
    )
    other_1 = forms.CharField(label="Second person", max_length=201, required=False)
    other_2 = forms.CharField(label="Third person", max_length=201, required=False)
    other_3 = forms.CharField(label="Fourth person", max_length=201, required=False)

    def clean(self) -> dict[str, Any]:
        """Count whoever is named, also where the number is left at less."""
        cleaned = super().clean() or {}
        named = [nth for nth in range(1, MOST) if cleaned.get(f"other_{nth}")]
        if "people" in cleaned:
            cleaned["people"] = max(cleaned["people"], *(nth + 1 for nth in named), 1)
        return cleaned

    @property
    def others(self) -> list[tuple[str, str]]:
        """Return first and last names of the people besides the patient."""
        typed = [self.cleaned_data[f"other_{nth}"] for nth in range(1, MOST)]
        split = [each.strip().partition(" ") for each in typed]
        names = [(first[:100], last.strip()[:100]) for first, _, last in split]
        return names[: self.cleaned_data["people"] - 1]

    @property
    def wishes(self) -> entries.Wishes:
        wishes = super().wishes
        wishes["people"] = self.cleaned_data["people"]
        return wishes

    @property
    def other_fields(self) -> list[forms.BoundField]:
        return [self[f"other_{nth}"] for nth in range(1, MOST)]


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Put a family on the list; with `visit` in the query the family of that visit, for an
    earlier time.
    """
    visit = request.GET.get("visit")
    visits = [] if visit is None else to_come(desk.appointment(visit), desk.now)
    if visit is not None and not visits:
        raise Http404
    form = _form(request, desk, visits)
    if form.is_bound and form.is_valid():
        try:
            entry = _join(form, desk, visits)
        except entries.AlreadyWaiting as error:
            address = _address(desk, error.entry)
            said = format_html('{} <a href="{}">Open it</a>.', ALREADY, address)
            form.add_error(None, said)
        except (Refused, ValidationError) as error:
            form.add_error(None, labels.reasons(error))
        else:
            messages.success(request, f"The family is on the waiting list. {told(entry)}")
            return redirect(_address(desk, entry))
    context = {
        "title": "Wait for an earlier time" if visits else "Add to the waiting list",
        "form": form,
        "visits": [
            (each, labels.patient(each), str(times.of_appointment(each) or "no time yet"))
            for each in visits
        ],
    }
    status = 400 if form.is_bound else 200
    return show(request, desk, "waitlist/add.html", context, status)


ALREADY = "This family is on the waiting list already."


def _address(desk: Desk, entry: WaitlistEntry) -> str:
    return reverse("admin:desk_waitlist_entry", args=[desk.practice.pk, entry.pk])


def _form(request: HttpRequest, desk: Desk, visits: Sequence[Appointment]) -> WishesForm:
    data = request.POST if request.method == "POST" else None
    initial = {name: request.GET.getlist(name) for name in ("weekdays", "parts")}
    if visits:
        language = visits[0].language or Language.EN
        return WishesForm(data, desk=desk, initial={**initial, "language": language})
    return FamilyForm(data, desk=desk, initial=_asked(request, desk))


def _asked(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    """Return what was asked for on the page of the next free times."""
    today = walltime.wall_clock(desk.now, desk.zone).date().isoformat()
    first = request.GET.get("first", "")
    return {
        "people": request.GET.get("people", "1"),
        "parts": request.GET.getlist("part"),
        "location_ids": request.GET.getlist("location"),
        "doctor_ids": request.GET.getlist("doctor"),
        "earliest": first if first > today else "",
    }


def _join(form: WishesForm, desk: Desk, visits: Sequence[Appointment]) -> WaitlistEntry:
    by: Any = {"by": desk.by, "now": desk.now, "language": form.cleaned_data["language"]}
    if isinstance(form, FamilyForm):
        patient = Patient(**form.fields_for_verb())
        return entries.join(desk.practice, patient, form.wishes, others=form.others, **by)
    first, *rest = [each.unread_person for each in visits]
    kept = first._replace(cancel_reason="", words="")
    names = [(each.first_name, each.last_name) for each in rest]
    wishes: Any = {**form.wishes, "people": len(visits)}
    return entries.join(desk.practice, kept, wishes, others=names, visits=visits, **by)
