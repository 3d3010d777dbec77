"""Message of a mail about a visit: subject, text, HTML, calendar part, headers.

Facts (facts.py) become words (wording.py), of which the text and the HTML are made.
"""

from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _
from django.utils.translation import override

from bookings.messages.mail import facts, wording
from bookings.messages.mail.facts import Facts
from bookings.messages.mail.wording import Wording
from bookings.models import Appointment, Task


class Preview(NamedTuple):
    subject: str
    text: str


def preview(said: Facts) -> Preview:
    """Return a mail's subject and text as they would be sent."""
    words = wording.of(said)
    return Preview(words.subject, _text(words, said.language))


def of(task: Task, visit: Appointment, now: datetime, code: str = "") -> EmailMessage:
    """Return the mail of a task, in the language of the booking. code: of one of the kind `code`.

    visit: read with its booking's location and practice. Its manage link is made if there is none.
    """
    person = visit.unread_person
    office_says = person.words if task.with_words else ""
    said = facts.of(visit, task.kind, now, link=facts.link_to(visit), words=office_says, code=code)
    subject, text = preview(said)
    return EmailMessage(
        subject,
        text,
        settings.EMAIL_FROM,
        [person.email],
        headers={"Message-ID": f"<{task.pk}@openchair>"},
    )


def _text(words: Wording, language: str) -> str:
    """Return the plain text: parts with an empty line between them, nothing wrapped."""
    with override(language):
        parts = [words.headline, words.code]
        parts.append("\n".join(f"{label}: {told}" for label, told in words.details))
        if words.office_says:
            quoted = "\n".join(f"> {line}" for line in words.office_says.splitlines())
            parts += [_("The office writes:") + f"\n{quoted}"]
        parts += words.paragraphs
        if words.button[1]:
            parts.append("{}:\n{}".format(*words.button))
        if words.text[0]:
            parts.append(_("From the practice") + f":\n{words.text[0].strip()}")
        parts.append("\n".join(_end(words)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _end(words: Wording) -> list[str]:
    """Return who sends a mail, and how to answer it."""
    lines = ["-- ", words.practice]
    if words.phone:
        lines.append(_("Phone of the office: %(phone)s") % {"phone": words.phone})
    lines.append(_("Answers to this mail are not read: please call the office."))
    if words.no_reminders:
        lines.append(_("No reminders any more:") + f" {words.no_reminders}")
    return lines
