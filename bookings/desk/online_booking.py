"""The page "Online booking": what a practice says of its booking page, and how it hands it out."""

from functools import partial
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import segno
from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import override
from django.views.decorators.http import require_safe

from bookings.booking_page import preview
from bookings.desk import labels
from bookings.desk.desk import Desk, desk_page, show, try_form
from openchair.errors import Refused
from practices.models import BookingPage, Practice

_SPANISH = {"lang": "es"}
_LONG_TEXTS = {"text_en", "text_es", "promise_en", "promise_es"}
"""What the list of changes does not repeat."""


class OriginsField(forms.CharField):
    """Web sites, one on each line, as they are copied from a browser's address bar."""

    widget = forms.Textarea(
        attrs={"rows": 2, "spellcheck": "false", "placeholder": "https://www.practice.example"}
    )

    def to_python(self, value: Any) -> str:
        lines = (super().to_python(value) or "").lower().split()
        return "\n".join(dict.fromkeys(line.removesuffix("/") for line in lines))


class OnlineBookingForm(forms.ModelForm):
    """A practice's BookingPage, limited to its own locations and doctors."""

    class Meta:
        model = BookingPage
        exclude = ["practice"]  # noqa: DJ006  # a new field of the page is for its practice to set
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
        super().__init__(*args, **kwargs)
        self.desk = desk
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
            del self.fields["promise_en"], self.fields["promise_es"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        shown = {*(cleaned.get("locations") or self.desk.locations)}
        doctors = cleaned.get("doctors")
        if doctors and not any(shown & {*doctor.locations.all()} for doctor in doctors):
            self.add_error(
                "doctors",
                "None of these doctors works at a location that is shown, so patients would find "
                "nothing. Choose another doctor or location.",
            )
        return cleaned

    def changes(self) -> str:
        """Say what a valid form changes, for the list of changes; empty where nothing."""
        return "; ".join(self._change(name) for name in self.changed_data)

    def _change(self, name: str) -> str:
        label = self.fields[name].label
        if name in _LONG_TEXTS:
            return f"{label}: changed"
        before, after = self.initial.get(name), self.cleaned_data[name]
        return f"{label}: {_in_words(before)} → {_in_words(after)}"


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, QuerySet)):
        return labels.listed([str(each) for each in value]) or "all"
    text = " ".join(str("" if value is None else value).split())
    return Truncator(text).chars(200) or "none"


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Show the settings of the practice's booking page, or save them."""
    settings = BookingPage.objects.filter(practice=desk.practice).first()
    settings = settings or BookingPage(practice=desk.practice)
    if request.method != "POST":
        return _show(request, desk, OnlineBookingForm(desk, instance=settings), settings)
    form = OnlineBookingForm(desk, request.POST, instance=settings)
    if try_form(form, lambda: _save(request, desk, form)) is None:
        # Not what was typed: that is in the form, and is not true of the page.
        settings = BookingPage.objects.filter(practice=desk.practice).first() or BookingPage()
        return _show(request, desk, form, settings, 400)
    messages.success(request, "Saved. This is what patients find from now on.")
    return redirect("admin:desk_online_booking", desk.practice.pk)


@transaction.atomic
def _save(request: HttpRequest, desk: Desk, form: OnlineBookingForm) -> BookingPage:
    """Save the form and record what it changes.

    Raises Refused (changed) where somebody has saved since the page was shown.
    """
    Practice.objects.select_for_update(no_key=True).get(pk=desk.practice.pk)
    last = _changes(desk).first()
    if last is not None and request.POST.get("seen") != str(last.pk):
        raise Refused(
            "changed",
            f"This was changed while you looked, by {last.user}: {last.get_change_message()}. "
            "Nothing of yours was saved; open the page again to see it.",
        )
    saved: BookingPage = form.save()
    if text := form.changes():
        LogEntry.objects.log_actions(desk.user.pk, [saved], CHANGE, text, single_object=True)
    return saved


def _changes(desk: Desk) -> QuerySet[LogEntry]:
    """Return who changed what of the page, the latest first."""
    kind = ContentType.objects.get_for_model(BookingPage)
    rows = LogEntry.objects.filter(content_type=kind, object_id=desk.practice.pk)
    return rows.select_related("user").order_by("-pk")


def _show(
    request: HttpRequest,
    desk: Desk,
    form: OnlineBookingForm,
    settings: BookingPage,
    status: int = 200,
) -> HttpResponse:
    changes = list(_changes(desk)[:20])
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
        "changes": changes,
        "seen": changes[0].pk if changes else "",
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
