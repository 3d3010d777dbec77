"""The page "Mail": reminders and texts of a practice, an example, and what became of its mail."""

from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.conf import settings as installation
from django.db.models import Count
from django.http import HttpRequest, HttpResponse

from bookings import walltime
from bookings.booking_page.words import in_language
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.practice_settings import SettingsForm, answer, record
from bookings.messages.mail import message
from bookings.messages.mail.facts import Facts, Moment
from bookings.models import Delivery, Language, Outcome, TaskKind
from practices.models import MailSettings

DAYS = 30
"""Of which the page counts what became of mail."""
_EXAMPLE_NAMES = {Language.EN: "Mia", Language.ES: "Lucía"}
_NEEDS_SERVER = "Codes need a mail server. Ask the operator to set one up first."


class MailForm(SettingsForm):
    """A practice's MailSettings; the code cannot be switched on where no mail goes out."""

    long_texts: ClassVar = {"text_en", "text_es"}

    class Meta:
        model = MailSettings
        exclude = ["practice"]  # a new field is for its practice to set
        widgets = {
            "text_en": forms.Textarea(attrs={"rows": 4}),
            "text_es": forms.Textarea(attrs={"rows": 4, "lang": "es"}),
        }

    def __init__(self, desk: Desk, *args: Any, **kwargs: Any) -> None:
        super().__init__(desk, *args, **kwargs)
        code = self.fields["code"]
        if not installation.EMAIL_URL:
            code.help_text = _NEEDS_SERVER
            code.disabled = not self.instance.code


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Show what a practice says of its mail, or save it."""
    done = "Saved. The new settings apply to every e-mail from now on."
    return answer(request, desk, MailSettings, MailForm, partial(_show, request, desk), done=done)


def _show(
    request: HttpRequest, desk: Desk, form: SettingsForm, settings: MailSettings, status: int
) -> HttpResponse:
    context = {
        "title": "Mail",
        "form": form,
        "server": installation.EMAIL_URL and installation.EMAIL_HOST,
        "sender": installation.EMAIL_FROM,
        "examples": [_example(desk, settings, each) for each in Language] if desk.locations else [],
        "days": DAYS,
        "counts": _counts(desk),
        **record(desk, MailSettings),
    }
    return show(request, desk, "mail_settings.html", context, status)


def _example(desk: Desk, settings: MailSettings, language: Language) -> dict[str, Any]:
    """Return the reminder of a visit tomorrow afternoon at the first location."""
    location = desk.locations[0]
    tomorrow = walltime.wall_clock(desk.now, location.zone).date() + timedelta(days=1)
    begins = walltime.occurrence(tomorrow, time(15), location.zone)
    said = Facts(
        kind=TaskKind.REMINDER_1_DAY,
        practice=desk.practice,
        language=language,
        now=desk.now,
        at=Moment(location, begins, is_exact=True),
        first_name=_EXAMPLE_NAMES[language],
        text=in_language(language, english=settings.text_en, spanish=settings.text_es),
    )
    return {"language": language, "name": language.label, "mail": message.preview(said)}


def _counts(desk: Desk) -> list[tuple[str, int, str]]:
    """Count what became of the practice's mail: the outcome, how many, what it means.

    Mail is about visits to come: none of these days is about a visit before them.
    """
    first: datetime = desk.now - timedelta(days=DAYS)
    rows = Delivery.objects.filter(
        at__gte=first,
        appointment__booking__practice=desk.practice,
        appointment__booking__start_datetime__gte=first - timedelta(days=1),
    )
    counted = dict(rows.values_list("outcome").annotate(Count("pk")))
    return [(each.label, counted.get(each, 0), meaning) for each, meaning in _MEANINGS.items()]


_MEANINGS = {
    Outcome.SENT: "The mail server accepted it.",
    Outcome.WRITTEN: "No mail server was set up.",
    Outcome.REFUSED: "The address does not exist. The visit is marked.",
    Outcome.FAILED: "The mail server did not accept it after several tries.",
    Outcome.DROPPED: "Usually because the visit changed in the meantime.",
}
