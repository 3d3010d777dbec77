"""What the desk tells families by e-mail: whether, with which note, and how it will look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django import forms
from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from bookings.desk import labels
from bookings.desk.desk import Desk
from bookings.messages import deliveries
from bookings.messages.mail import facts, message
from bookings.messages.mail.facts import Moment
from bookings.models import BOOKED, Appointment, Booking, Language, TaskKind
from bookings.scheduling.outbox import BY_MAIL, Notice, is_another_part, is_in_time

MOST_WORDS = 500
_WORDS = "\ue000"
"""Stands where the office's words will."""


@dataclass(frozen=True)
class Change:
    """Something to tell of a visit, before it is done. at: where it is to move to."""

    visit: Appointment
    kind: TaskKind
    at: Moment | None = None


def cancelling(visit: Appointment, now: datetime) -> list[Change]:
    """Return what there would be to tell: nothing of a hold, or a visit that is over (outbox)."""
    is_told = visit.status in BOOKED and is_in_time(visit.exact_time, now)
    return [Change(visit, TaskKind.CANCELLED)] if is_told else []


def moving(
    visit: Appointment, booking: Booking, exact: datetime | None, now: datetime
) -> list[Change]:
    """Return what there would be to tell: nothing where only the doctor is another one (outbox).

    booking: as it is, or will be, where the visit will be. exact: of a range visit.
    """
    was, location = visit.starts_at, booking.location
    is_exact = exact is not None or not booking.practice.range_bookings
    begins = exact or booking.start_datetime
    moves = begins != was if is_exact else is_another_part(was, begins, location.zone)
    is_elsewhere = moves or location != visit.booking.location
    if visit.status not in BOOKED or not is_elsewhere:
        return []
    if not is_in_time(begins if is_exact else None, now):
        return []
    return [Change(visit, TaskKind.MOVED, Moment(location, begins, is_exact))]


@dataclass(frozen=True)
class Mail:
    """A mail as it will be. before, after: its text around the office's words."""

    name: str
    address: str
    is_refused: bool
    language: str
    subject: str
    before: str
    after: str


@dataclass(frozen=True)
class Telling:
    """The mails that changes call for. silent: names of patients without an e-mail address."""

    mails: list[Mail]
    silent: list[str]

    @property
    def is_wanted(self) -> bool:
        """Whether mail goes, unless the person says no."""
        return any(not mail.is_refused for mail in self.mails)

    @property
    def is_sent(self) -> bool:
        """Whether there is a mail server; without one mail is written to files."""
        return bool(settings.EMAIL_URL)


def telling(changes: Sequence[Change], now: datetime) -> Telling:
    refused = deliveries.refused(each.visit for each in changes)
    reached = [each for each in changes if each.visit.email_digest is not None]
    return Telling(
        [_mail(each, now, is_refused=each.visit.pk in refused) for each in reached],
        [labels.patient(each.visit) for each in changes if each not in reached],
    )


def _mail(change: Change, now: datetime, *, is_refused: bool) -> Mail:
    visit = change.visit
    said = facts.of(visit, change.kind, now, words=_WORDS, at=change.at)
    shown = message.preview(said)
    before, _, after = shown.text.partition(_WORDS)
    return Mail(
        name=labels.patient(visit),
        address=visit.person.email,
        is_refused=is_refused,
        language=visit.language or Language.EN,
        subject=shown.subject,
        before=before.rstrip("> \n"),
        after=after.strip(),
    )


class WordsField(forms.CharField):
    """What the office adds to a mail; as long as the browser counts it."""

    widget = forms.Textarea(attrs={"rows": 2, "autocomplete": "off"})

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class NoticeForm(forms.Form):
    """Whether families are told of changes by e-mail, and in which words."""

    by_mail = forms.BooleanField(label="E-mail the family", required=False)
    words = WordsField(
        label="Your note",
        max_length=MOST_WORDS,
        required=False,
        help_text="Without a note, the line above is left out too.",
    )

    def __init__(self, *args: Any, changes: Sequence[Change], now: datetime) -> None:
        super().__init__(*args)
        self._changes, self._now = changes, now
        if not self.is_bound:
            self.initial["by_mail"] = self.telling.is_wanted

    @cached_property
    def telling(self) -> Telling:
        return telling(self._changes, self._now)

    @property
    def notice(self) -> Notice:
        """Return the decision, of a valid form."""
        return Notice(self.cleaned_data["by_mail"], self.cleaned_data["words"])


def told(visits: Sequence[Appointment], desk: Desk, notice: Notice = BY_MAIL) -> SafeString:
    """Say whether mail goes about a change of these visits, if there is something to tell.

    Without names: messages are in a cookie.
    """
    if not settings.EMAIL_URL:
        silent, why = [*visits], "No mail server is set up"
    else:
        silent, why = [each for each in visits if each.email_digest is None], "No e-mail address"
    said = SafeString()
    if len(silent) < len(visits):
        how = "gets an e-mail" if notice.by_mail else "gets no e-mail"
        said = format_html(" The family {}.", how)
    pages = [reverse("admin:desk_patient", args=[desk.practice.pk, each.pk]) for each in silent]
    link = ' {}: <a href="{}#mail">copy the text</a>.'
    return said + format_html_join("", link, ((why, page) for page in pages))
