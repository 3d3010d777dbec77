"""The code by e-mail on step 6: its field, and the button that sends it again."""

import re
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from bookings.booking_page import holding
from bookings.booking_page.contact import MOST
from bookings.booking_page.forms import PatientForm, text
from bookings.booking_page.outcomes import answer_refusals
from bookings.booking_page.page import Page, step
from bookings.models import Appointment
from bookings.patients import codes


class CodeForm(PatientForm):
    """Form of step 6: empty, but for a practice that asks for a code."""

    code = text(
        label=_("Code from our e-mail"),
        attrs={
            "class": "input input-short",
            "inputmode": "numeric",
            "autocomplete": "one-time-code",
        },
        error_messages={"required": _("Enter the code from our e-mail.")},
    )

    def __init__(self, page: Page, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not codes.are_asked(page.practice):
            del self.fields["code"]

    def clean_code(self) -> str:
        """Return its digits; spaces and dashes between them are no mistake."""
        typed = re.sub(r"[\s\u2010-\u2015-]", "", self.cleaned_data["code"])
        if re.fullmatch(rf"[0-9]{{{codes.LENGTH}}}", typed) is None:
            raise ValidationError(_("The code has six digits."))
        return typed


def typed_in(request: HttpRequest) -> dict[str, str]:
    """Return what was typed, right or wrong."""
    return {"code": request.POST.get("code", "")[:MOST]}


@step
@answer_refusals
def code(request: HttpRequest, page: Page) -> HttpResponse:
    """Mail the code once more, and extend the hold, for a mail takes its time."""
    if request.method != "POST" or not codes.are_asked(page.practice):
        return page.go("book_check")
    visit = holding.visits(page)
    holding.check_can_be_had(visit)
    if not is_sent(visit):
        return page.go("book_check")
    holding.keep(page, code=holding.Code.AGAIN)
    return page.go("book_check", sent="again")


def is_sent(visit: Sequence[Appointment]) -> bool:
    """Whether the family's address, as it is now, was sent the code, or is about to be."""
    held = holding.first_held(visit)
    return holding.is_code_sent(held, held.unread_person.email)
