"""Forms of onboarding: a practice, rows of locations, doctors and staff, and a partner."""

import unicodedata
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.forms import BaseFormSet, formset_factory

from practices.admin.practices import KINDS
from practices.models import Doctor, Location, Partner, Practice
from practices.states import code_of
from practices.timezones import TimeZoneField

MOST_ROWS = 50


class PracticeForm(forms.ModelForm):
    """The practice; a name that another one has already wants a tick."""

    same_name = forms.BooleanField(
        required=False, label="This is another practice with the same name"
    )

    class Meta:
        model = Practice
        fields = ["name", "kind"]
        widgets = {"kind": forms.RadioSelect}
        labels = {"name": "Practice name", "kind": "What patients book"}
        help_texts = {"kind": "Chosen once, for all of its openings."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)
        kind.choices = KINDS

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        name = cleaned.get("name", "")
        twin = Practice.objects.filter(name__iexact=name).first()
        if twin is not None and not cleaned.get("same_name"):
            self.add_error(
                "same_name",
                f"There is already a practice called {twin.name}. Is this another one?",
            )
        return cleaned


class LocationRow(forms.ModelForm):
    """One location; the first says its time zone, the others have the one above them."""

    class Meta:
        model = Location
        fields = ["name", "timezone", "office_phone", "street_address", "city", "state", "zip"]

    def __init__(self, *args: Any, first: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = "Location name"
        self.empty_permitted = not first
        empty = "Choose…" if first else "Same as the location above"
        self.fields["timezone"] = TimeZoneField(empty=empty, required=first)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.instance.state_code = code_of(cleaned.get("state", ""))
        return cleaned


class DoctorRow(forms.ModelForm):
    """One doctor, who works at every location unless some are chosen by their rows' numbers."""

    works_at = forms.TypedMultipleChoiceField(
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Works only at",
        help_text="If none are checked, at all of them.",
    )

    class Meta:
        model = Doctor
        fields = ["name"]

    def __init__(self, *args: Any, locations: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = "Doctor’s name"
        works_at = self.fields["works_at"]
        assert isinstance(works_at, forms.TypedMultipleChoiceField)
        works_at.choices = [
            (row, name or f"Location {row + 1}") for row, name in enumerate(locations)
        ]


class StaffRow(forms.ModelForm):
    """One person of the staff; the username is made of the name where none is typed."""

    name = forms.CharField(max_length=150, label="Person’s name")
    field_order = ["name", "username", "email"]

    class Meta:
        model = User
        fields = ["username", "email"]
        labels = {"email": "E-mail"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        username = self.fields["username"]
        username.required = False
        username.help_text = "If empty, made from the name, like ana.ruiz."
        username.widget.attrs |= {"autocapitalize": "none", "autocomplete": "off"}

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        if username and User.objects.filter(username__iexact=username).exists():
            raise forms.ValidationError(
                "Somebody has this username already. Choose another; if it is the same person, "
                "leave this row empty and add the practice to their account."
            )
        return username


class Rows(BaseFormSet):
    """Rows of one kind; those that are left empty are not there."""

    noun = ""

    def __init__(self, *args: Any, rows: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.extra = rows

    def initial_form_count(self) -> int:
        """Return 0: a row that was typed into before may be emptied, as any other."""
        return 0

    def add_fields(self, form: Any, index: int | None) -> None:
        """Name the row, for the list of mistakes."""
        super().add_fields(form, index)
        form.row = f"{self.noun} {(index or 0) + 1}"

    @property
    def filled(self) -> list[Any]:
        """The valid forms of rows in which something was typed."""
        return [form for form in self.forms if form.has_changed()]

    def typed(self) -> list[dict[str, Any]]:
        """Return what was typed, valid or not, to show it again without a word about it."""
        return [typed(form) for form in self.forms]


class LocationRows(Rows):
    noun = "Location"

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "first": index == 0}

    def clean(self) -> None:
        """Give each location the time zone of the one above, where none was chosen."""
        zone = ""
        for form in self.filled:
            zone = form.cleaned_data.get("timezone") or zone
            form.instance.timezone = zone


class DoctorRows(Rows):
    noun = "Doctor"

    def clean(self) -> None:
        """Refuse a location whose row is empty."""
        named = self.form_kwargs["locations"]
        for form in self.filled:
            for row in form.cleaned_data.get("works_at", []):
                if not named[row]:
                    form.add_error("works_at", f"Location {row + 1} has no name.")


class StaffRows(Rows):
    noun = "Person"

    def clean(self) -> None:
        """Refuse one username for two people."""
        seen = set()
        for form in self.filled:
            username = form.cleaned_data.get("username", "").casefold()
            if username and username in seen:
                form.add_error("username", "Two people cannot have the same username.")
            seen.add(username)


class PartnerForm(forms.Form):
    """No partner, one that is there, or a new one by its name."""

    existing = forms.ModelChoiceField(
        Partner.objects.filter(active=True),
        required=False,
        label="Or an existing partner",
        empty_label="None",
    )
    another_key = forms.BooleanField(
        required=False, label="Issue another key to the existing partner"
    )
    new_name = forms.CharField(max_length=200, required=False, label="New partner’s name")
    may_write = forms.BooleanField(
        required=False, label="Let it list practices and fill those that it is granted"
    )

    def clean_new_name(self) -> str:
        name: str = self.cleaned_data["new_name"]
        if Partner.objects.filter(name=name).exists():
            raise forms.ValidationError(f"{name} already exists. Choose it from the list.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        existing = cleaned.get("existing")
        if existing is None:
            return cleaned
        if cleaned.get("new_name"):
            self.add_error("new_name", "Choose a partner or name a new one, not both.")
        if not existing.special_authorization and not cleaned.get("may_write"):
            self.add_error("may_write", f"{existing} may only read so far, everywhere.")
        return cleaned


def typed(form: forms.BaseForm) -> dict[str, Any]:
    """Return what was typed into a form."""
    return {name: form[name].data for name in form.fields}


def username_of(name: str, taken: set[str]) -> str:
    """Make a username of a person's name that is not among those taken: ana.ruiz, ana.ruiz2."""
    folded = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in plain)
    base = ".".join(words.split())[:140] or "staff"
    number = 1
    while (username := base if number == 1 else f"{base}{number}") in taken:
        number += 1
    return username


def _rows_of(row: type[forms.BaseForm], rows: type[Rows]) -> type[BaseFormSet]:
    return formset_factory(row, rows, extra=0, max_num=MOST_ROWS, absolute_max=MOST_ROWS)


FORMSETS = {
    "locations": _rows_of(LocationRow, LocationRows),
    "doctors": _rows_of(DoctorRow, DoctorRows),
    "staff": _rows_of(StaffRow, StaffRows),
}
