"""The page "Online booking": what a practice says of its booking page, and how it hands it out."""

from collections.abc import Iterable
from functools import partial
from io import BytesIO
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlencode

import segno
from django import forms
from django.conf import settings as site
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import override
from django.views.decorators.http import require_safe

from bookings.booking_page import preview
from bookings.desk import labels
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.practice_settings import SettingsForm, answer, record
from bookings.smart.locations import lacks
from practices.models import BookingPage, Location, Practice

_SPANISH = {"lang": "es"}


class OriginsField(forms.CharField):
    """Web sites, one on each line, as they are copied from a browser's address bar."""

    widget = forms.Textarea(
        attrs={"rows": 2, "spellcheck": "false", "placeholder": "https://www.practice.example"}
    )

    def to_python(self, value: Any) -> str:
        lines = (super().to_python(value) or "").lower().split()
        return "\n".join(dict.fromkeys(line.removesuffix("/") for line in lines))


class OnlineBookingForm(SettingsForm):
    """A practice's BookingPage, limited to its own locations and doctors."""

    long_texts: ClassVar = {"text_en", "text_es", "promise_en", "promise_es"}

    class Meta:
        model = BookingPage
        exclude = ["practice"]  # a new field of the page is for its practice to set
        field_classes = {
            "origins": OriginsField,
            "after_url": partial(forms.URLField, assume_scheme="https"),
        }
        widgets = {
            "locations": forms.CheckboxSelectMultiple,
            "doctors": forms.CheckboxSelectMultiple,
            "text_en": forms.Textarea(attrs={"rows": 4}),
            "text_es": forms.Textarea(attrs={"rows": 4, **_SPANISH}),
            "promise_es": forms.TextInput(attrs=_SPANISH),
            "origins": OriginsField.widget,
        }

    def __init__(self, desk: Desk, *args: Any, **kwargs: Any) -> None:
        super().__init__(desk, *args, **kwargs)
        choices: dict[str, QuerySet[Any]] = {
            "locations": desk.practice.locations.all(),
            "doctors": desk.practice.doctors.all(),
        }
        for name, rows in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ModelMultipleChoiceField)
            field.queryset = rows
            if len(rows) < 2:  # nothing to choose between
                del self.fields[name]
        if not desk.practice.range_bookings:
            for name in ("promise_en", "promise_es", "promise_hours"):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        shown = {*(cleaned.get("locations") or self.desk.locations)}
        doctors = cleaned.get("doctors")
        if doctors and not any(shown & {*doctor.locations.all()} for doctor in doctors):
            self.add_error(
                "doctors",
                "None of these doctors works at a location that is shown, so patients would "
                "see no times. Choose another doctor or location.",
            )
        if cleaned.get("public_feed") and "public_feed" in self.changed_data:
            for each in _lacking(shown):
                self.add_error("public_feed", f"{each.location} lacks {each.what}. Add that first.")
        return cleaned


class Lacking(NamedTuple):
    """A location that search sites cannot list, and what it lacks, in words."""

    location: Location
    what: str


def _lacking(shown: Iterable[Location]) -> list[Lacking]:
    return [
        Lacking(each, labels.listed(missing))
        for each in sorted(shown, key=lambda location: location.name)
        if (missing := lacks(each))
    ]


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Show the settings of the practice's booking page, or save them."""
    done = "Saved. Patients see the change from now on."
    show_it = partial(_show, request, desk)
    return answer(request, desk, BookingPage, OnlineBookingForm, show_it, done=done)


def _show(
    request: HttpRequest,
    desk: Desk,
    form: SettingsForm,
    settings: BookingPage,
    status: int,
) -> HttpResponse:
    address = _address(request, desk.practice, "en")
    frame = {
        "address": address,
        "script": request.build_absolute_uri(reverse("book_embed")),
        "practice": desk.practice,
    }
    context = {
        "title": "Online booking",
        "form": form,
        "is_on": settings.active and desk.practice.active,
        "origins": settings.origins.split(),
        **record(desk, BookingPage),
        "is_listed": settings.public_feed,
        "lacking": _lacking(settings.locations.all() or desk.locations),
        "feed": f"{site.PUBLIC_URL}/scheduling/smart/$bulk-publish",
        "without_phone": [each for each in desk.locations if not each.office_phone],
        "address": address,
        "address_es": _address(request, desk.practice, "es"),
        "preview": f"{address}?{urlencode({'preview': preview.token(desk.practice.pk)})}",
        "link": render_to_string("admin/desk/snippets/link.html", frame).strip(),
        "frame": render_to_string("admin/desk/snippets/frame.html", frame).strip(),
    }
    return show(request, desk, "online_booking.html", context, status)


def _address(request: HttpRequest, practice: Practice, language: str) -> str:
    with override(language):
        return request.build_absolute_uri(reverse("book", args=[practice.pk]))


@desk_page
@require_safe
def qr_code(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Return the page's address as a QR code: black on white, which every camera reads."""
    code = segno.make_qr(_address(request, desk.practice, "en"))
    image = BytesIO()
    code.save(image, kind="svg", border=4, scale=8, light="#fff")
    return HttpResponse(image.getvalue(), content_type="image/svg+xml")


@desk_page
@require_safe
def poster(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Show a page to print, which invites patients to book by themselves, in both languages."""
    context = {"title": "Poster", "address": _address(request, desk.practice, "en")}
    return show(request, desk, "poster.html", context)
