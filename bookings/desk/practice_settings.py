"""Shared parts of the pages with a practice's settings: a form, who changed what, one at a time."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import Truncator

from bookings.desk import labels
from bookings.desk.desk import Desk, try_form
from openchair.errors import Refused
from practices.models import BookingPage, CalendarSettings, MailSettings, Practice

Settings = TypeVar("Settings", BookingPage, CalendarSettings, MailSettings)


class SettingsForm(forms.ModelForm):
    """Form of a model that has one row for each practice, or none: then its defaults are true."""

    long_texts: ClassVar[set[str]] = set()
    """What the list of changes does not repeat."""

    def __init__(self, desk: Desk, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.desk = desk

    def changes(self) -> str:
        """Say what a valid form changes, for the list of changes; empty where nothing."""
        return "; ".join(self._change(name) for name in self.changed_data)

    def _change(self, name: str) -> str:
        label = self.fields[name].label
        if name in self.long_texts:
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


def answer(
    request: HttpRequest,
    desk: Desk,
    model: type[Settings],
    form_of: type[SettingsForm],
    show: Callable[[SettingsForm, Settings, int], HttpResponse],
    *,
    done: str,
) -> HttpResponse:
    """Show the form, or save it and come back to the page with the message `done`.

    show: renders the page, with the form, the settings as they are saved, and the status.
    """
    saved = _settings(desk, model)
    if request.method != "POST":
        return show(form_of(desk, instance=saved), saved, 200)
    form = form_of(desk, request.POST, instance=saved)
    if try_form(form, lambda: _save(request, desk, form)) is None:
        # Not what was typed: that is in the form, and is not true of the practice.
        return show(form, _settings(desk, model), 400)
    messages.success(request, done)
    return redirect(request.path)


def _settings(desk: Desk, model: type[Settings]) -> Settings:
    found = model.objects.filter(practice=desk.practice).first()
    return found or model(practice=desk.practice)


@transaction.atomic
def _save(request: HttpRequest, desk: Desk, form: SettingsForm) -> models.Model:
    """Save the form and record what it changes.

    Raises Refused (changed) where somebody has saved since the page was shown.
    """
    Practice.objects.select_for_update(no_key=True).get(pk=desk.practice.pk)
    last = _changes(desk, type(form.instance)).first()
    if last is not None and request.POST.get("seen") != str(last.pk):
        raise Refused(
            "changed",
            f"{last.user} changed this while you had it open: {last.get_change_message()}. "
            "Your change was not saved: open the page again to see theirs.",
        )
    saved: models.Model = form.save()
    if text := form.changes():
        LogEntry.objects.log_actions(desk.user.pk, [saved], CHANGE, text, single_object=True)
    return saved


def record(desk: Desk, model: type[models.Model]) -> dict[str, Any]:
    """Return the context of who changed what, and of what the form sends back as seen."""
    changes = list(_changes(desk, model)[:20])
    return {"changes": changes, "zone": desk.zone, "seen": changes[0].pk if changes else ""}


def _changes(desk: Desk, model: type[models.Model]) -> QuerySet[LogEntry]:
    """Return who changed what of the settings, the latest first."""
    kind = ContentType.objects.get_for_model(model)
    rows = LogEntry.objects.filter(content_type=kind, object_id=desk.practice.pk)
    return rows.select_related("user").order_by("-pk")
