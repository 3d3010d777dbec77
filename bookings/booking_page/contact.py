"""How a family is reached, and its message: the form of step 5, and what of it is kept."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bookings import phone
from bookings.booking_page import holding
from bookings.booking_page.forms import PatientForm
from bookings.booking_page.page import Page
from bookings.patients import codes
from bookings.patients.record import Patient

MOST = 4000
"""Most characters of a field that are kept while it has a mistake."""
_TOO_LONG = _("Use %(limit_value)d characters or fewer.")


class ContactForm(PatientForm):
    """Form of step 5; one of phone number and e-mail address is enough.

    Where the practice asks for a code by e-mail, it is the e-mail address that is needed.
    """

    may_ask_code = True

    phone = forms.CharField(
        label=_("Phone number"),
        max_length=40,
        required=False,
        widget=forms.TelInput({"class": "input", "autocomplete": "tel"}),
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        required=False,
        widget=forms.EmailInput(
            {
                "class": "input",
                "autocomplete": "email",
                "spellcheck": "false",
                "autocapitalize": "none",
            }
        ),
        error_messages={
            "invalid": _("Enter an e-mail address like name@example.com."),
            "required": _("Enter an e-mail address, or call the office to book."),
        },
    )
    zip_code = forms.CharField(
        label=_("ZIP code (optional)"),
        max_length=20,
        required=False,
        widget=forms.TextInput(
            {
                "class": "input input-short",
                "autocomplete": "postal-code",
                "inputmode": "numeric",
            }
        ),
    )
    message = forms.CharField(
        label=_("Message to the office (optional)"),
        max_length=2000,
        required=False,
        widget=forms.Textarea({"class": "input", "rows": 3}),
    )

    def __init__(self, page: Page, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.EMAIL_URL:
            self.fields["email"].help_text = _("We only write to you about your visit.")
        if self.may_ask_code and codes.are_asked(page.practice):
            self.fields["phone"].label = _("Phone number (optional)")
            self.fields["email"].required = True
        for field in self.fields.values():
            field.error_messages["max_length"] = _TOO_LONG
            # A browser would cut off what is pasted, without a word.
            field.widget.attrs.pop("maxlength", None)

    def clean_phone(self) -> str:
        """Return it as typed."""
        typed = str(self.cleaned_data["phone"])
        if typed and not phone.is_possible(typed):
            raise ValidationError(
                _("Enter the phone number with its area code, like 555 555 0123.")
            )
        return typed

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not cleaned["phone"] and not cleaned["email"]:
            self.add_error("phone", _("Enter a phone number or an e-mail address."))
        return cleaned

    @classmethod
    def of(cls, page: Page, patient: Patient) -> "ContactForm":
        """Return the form with what a visit has, which may have mistakes."""
        return cls(page, {name: getattr(patient, name) for name in holding.TYPED})


def typed_in(request: HttpRequest) -> dict[str, str]:
    """Return what was typed, right or wrong: it is kept as it is until it can be corrected."""
    return {
        name: request.POST[name].replace("\0", "").strip()[:MOST]
        for name in holding.TYPED
        if name in request.POST
    }
