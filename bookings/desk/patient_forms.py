"""Django forms of the desk about a patient: book, name, edit, cancel."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from bookings import phone
from bookings.desk import labels
from bookings.desk.desk import Desk
from bookings.desk.forms import WallTimeField, check_exact, instant_of
from bookings.desk.telling import NoticeForm
from bookings.models import TAKEN, AppointmentStatus, Booking
from bookings.patients.record import Patient

REASONS = ("Family cancelled", "Moved away", "Went to another practice", "Practice cancelled")
"""Reasons for cancelling that are offered; any other can be typed."""


class PatientFields(forms.Form):
    """What the desk writes down about a patient."""

    first_name = forms.CharField(max_length=100)
    last_name = forms.CharField(max_length=100)
    phone = forms.CharField(max_length=40, widget=forms.TextInput(attrs={"type": "tel"}))
    guardian_name = forms.CharField(
        label="Guardian",
        max_length=200,
        required=False,
        help_text="For a child: a parent or guardian.",
    )
    email = forms.EmailField(label="E-mail", max_length=254, required=False)
    zip_code = forms.CharField(label="ZIP code", max_length=20, required=False)
    message = forms.CharField(
        label="Message from the patient",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    note = forms.CharField(
        label="Staff note",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Only staff see it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # Else the browser keeps what is typed, and suggests it for other patients.
            field.widget.attrs.setdefault("autocomplete", "off")

    def clean_phone(self) -> str:
        """Return it as typed. One that came in over the API, and stays as it is, is not judged."""
        typed = str(self.cleaned_data["phone"])
        if typed and typed != self.initial.get("phone") and not phone.is_possible(typed):
            raise ValidationError(
                f"“{typed}” is not a phone number. Enter it with its area code, like "
                "555 555 0123 or 555 555 0123 ext. 4."
            )
        return typed

    @property
    def in_folded(self) -> bool:
        """Whether one of the fields that are folded away has to be looked at."""
        return any(self[name].value() for name in ("zip_code", "message", "note"))

    def fields_for_verb(self) -> Any:
        """Return the cleaned values as the `fields` of a function in bookings.scheduling."""
        return {name: self.cleaned_data[name] for name in PatientFields.base_fields}


class PatientForm(PatientFields):
    """Form to book a patient into an opening, who is on the phone or at the desk.

    Without a status the place is booked, and in a range practice, if no exact time is typed,
    reserved.
    """

    status = forms.ChoiceField(choices=AppointmentStatus, required=False)
    exact = WallTimeField(
        label="Exact time",
        required=False,
        help_text="Without one, the visit goes to Requests until you set a time.",
    )
    outside = forms.BooleanField(label="The patient agreed to this time", required=False)
    again = forms.BooleanField(label="Book another visit anyway", required=False)

    def __init__(self, *args: Any, desk: Desk, booking: Booking, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.desk = desk
        self.booking = booking
        self.ask_outside = False
        # Where #take leads, the person can type at once.
        self.fields["first_name"].widget.attrs["id"] = "take"
        if not desk.practice.range_bookings:
            del self.fields["exact"], self.fields["outside"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "exact" not in self.fields:
            cleaned["status"] = cleaned.get("status") or AppointmentStatus.BOOKED
            return cleaned
        typed = cleaned.get("exact")
        if not cleaned.get("status") and "exact" not in self.errors:
            cleaned["status"] = AppointmentStatus.BOOKED if typed else AppointmentStatus.RESERVED
        if cleaned.get("status") != AppointmentStatus.BOOKED:
            if typed:
                self.add_error("exact", "A visit on hold has no exact time. Clear it, or book.")
        elif not typed:
            self.add_error("exact", "Enter the exact time.")
        else:
            try:
                instant = instant_of(typed, self.booking.location.zone)
            except ValidationError as error:
                self.add_error("exact", error)
            else:
                cleaned["instant"] = instant
                self.ask_outside = check_exact(self, "exact", instant, self.booking, self.desk)
        return cleaned

    @property
    def typed(self) -> list[tuple[str, str]]:
        """Return (label, input) pairs, to write down where the form is not rendered again."""
        found = []
        for each in self:
            value = str(each.value() or "").strip()
            if not value or each.name in {"status", "outside", "again"}:
                continue
            if each.name == "exact":
                value = value.replace("T", " ")
            found.append((str(each.label), value))
        return found

    @property
    def patient(self) -> Patient:
        return Patient(**super().fields_for_verb())

    def fields_for_verb(self) -> Any:
        said = super().fields_for_verb()
        if self.cleaned_data.get("status"):
            said["status"] = self.cleaned_data["status"]
        if "instant" in self.cleaned_data:
            said["start_datetime"] = self.cleaned_data["instant"]
        return said


class NamedPatientForm(PatientForm):
    """Form to name the patient of a place taken as a whole; the place's status stays."""

    def __init__(self, *args: Any, booking: Booking, **kwargs: Any) -> None:
        super().__init__(*args, booking=booking, auto_id="id_named_%s", **kwargs)
        del self.fields["first_name"].widget.attrs["id"]
        for name in ("exact", "outside"):
            self.fields.pop(name, None)
        there = [status for status in TAKEN if getattr(booking, f"whole_{status}")]
        choices = [(each, labels.APPOINTMENT_STATUS[each]) for each in there]
        self.fields["status"] = forms.ChoiceField(label="Status", choices=choices)
        if len(there) < 2:
            del self.fields["status"]

    def clean(self) -> dict[str, Any]:
        return self.cleaned_data


class EditPatientForm(PatientFields):
    """Form to change what is known about a patient, of whom a partner may know little."""

    def __init__(self, patient: Patient, *args: Any) -> None:
        super().__init__(*args, initial=patient._asdict())
        for name in ("first_name", "last_name", "phone"):
            self.fields[name].required = bool(self.initial[name])


class CancelForm(NoticeForm):
    """Form to cancel a visit, with the reason in the office's words."""

    reason = forms.CharField(
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"list": "reasons", "autocomplete": "off", "autofocus": True}),
        help_text="For staff. The family does not see it.",
    )
    late = forms.BooleanField(label="Count as a late cancel", required=False)
