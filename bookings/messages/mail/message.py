"""Message of a mail about a visit: subject, text, HTML, calendar part, headers.

Facts (facts.py) become words (wording.py), of which the text and the HTML are made.
"""

from datetime import datetime
from email.encoders import encode_base64
from email.headerregistry import Address
from email.mime.base import MIMEBase
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.encoding import punycode
from django.utils.translation import gettext as _
from django.utils.translation import override

from bookings.booking_page import calendar
from bookings.messages.mail import facts, wording
from bookings.messages.mail.facts import Facts, one_line
from bookings.messages.mail.wording import Wording
from bookings.models import Appointment, Task, TaskKind
from openchair import encryption

ABOUT_CHANGES = (
    TaskKind.BOOKED,
    TaskKind.RESERVED,
    TaskKind.TIME_GIVEN,
    TaskKind.MOVED,
    TaskKind.CANCELLED,
)
"""What changes the entry in the family's calendar; each tells how the visit is now."""


class Preview(NamedTuple):
    subject: str
    text: str


def preview(said: Facts) -> Preview:
    """Return a mail's subject and text as they would be sent."""
    words = wording.of(said)
    return Preview(words.subject, _text(words, said.language))


def to_copy(said: Facts) -> str:
    """Return a mail's text for a letter or a message, which has nothing about answers to a mail."""
    return _text(wording.of(said), said.language, is_mail=False)


def of(task: Task, visit: Appointment, now: datetime, code: str = "") -> EmailMessage:
    """Return the mail of a task, in the language of the booking. code: of one of the kind `code`.

    visit: read with its booking's location and practice. Its manage link is made if there is none.
    """
    person = visit.unread_person
    # Before it is booked a visit has no link yet.
    link = "" if task.kind == TaskKind.CODE else facts.link_to(visit)
    office_says = person.words if task.with_words else ""
    said = facts.of(visit, task.kind, now, link=link, words=office_says, code=code)
    mail = written(task, wording.of(said), to=person.email, language=said.language, now=now)
    if task.kind in ABOUT_CHANGES:
        organizer = (one_line(said.practice.name), settings.EMAIL_FROM)
        with override(said.language):
            part = calendar.invitation(
                visit, link=link, now=now, organizer=organizer, attendee=mail.to[0]
            )
        if part is not None:
            _add_calendar_part(mail, *part)
    return mail


def written(
    task: Task, words: Wording, *, to: str, language: str, now: datetime
) -> EmailMultiAlternatives:
    """Return the mail of a task as text and HTML, without a calendar part."""
    mail = EmailMultiAlternatives(
        words.subject,
        _text(words, language),
        str(Address(one_line(words.practice), addr_spec=settings.EMAIL_FROM)),
        [ascii_address(to)],
        headers=headers(task, language, now),
    )
    if words.unsubscribe[1]:  # RFC 8058
        mail.extra_headers["List-Unsubscribe"] = f"<{words.unsubscribe[1]}>"
        mail.extra_headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.attach_alternative(_html(words, language), "text/html")
    return mail


def headers(task: Task, language: str, now: datetime) -> dict[str, str]:
    """Return the headers besides sender, address and subject.

    The Message-ID is the same at each attempt. It comes from a key, so that it tells nobody how
    many mails there are, and from the instant too: a restored backup uses numbers again.
    """
    secret = encryption.derive("message id", f"{task.pk} {task.enqueued_at.isoformat()}")[0]
    return {
        "Message-ID": f"<{secret[:20].hex()}@{urlsplit(settings.PUBLIC_URL).hostname}>",
        "Date": format_datetime(now),
        "Auto-Submitted": "auto-generated",  # RFC 3834
        "Content-Language": language,
    }


def _add_calendar_part(mail: EmailMultiAlternatives, method: str, file: bytes) -> None:
    """Add a calendar part, twice: Outlook reads the alternative, others only attachments.

    The method is in the MIME type, too, without which it is a mere file. The attachment is in
    base64, which keeps its line ends. Django 6 takes an email.message.MIMEPart for it.
    """
    mail.attach_alternative(file.decode(), f"text/calendar; method={method}")
    attachment = MIMEBase("text", "calendar", charset="utf-8", method=method, name="invite.ics")
    attachment.add_header("Content-Disposition", "attachment", filename="invite.ics")
    attachment.set_payload(file)
    encode_base64(attachment)
    mail.attach(attachment)


def ascii_address(address: str) -> str:
    """Return an address with its domain as mail servers know it (IDNA)."""
    local, _at, domain = address.rpartition("@")
    return f"{local}@{punycode(domain)}"


def _html(words: Wording, language: str) -> str:
    with override(language):
        return render_to_string("mail.html", {"mail": words, "language": language})


def _text(words: Wording, language: str, *, is_mail: bool = True) -> str:
    """Return the plain text: parts with an empty line between them, nothing wrapped."""
    with override(language):
        parts = [words.headline, words.code]
        parts.append("\n".join(f"{label}: {told}" for label, told in words.details))
        if words.office_says:
            quoted = "\n".join(f"> {line}" for line in words.office_says.splitlines())
            parts += [_("A note from the office:") + f"\n{quoted}"]
        parts += words.paragraphs
        if words.button[1]:
            parts.append("{}:\n{}".format(*words.button))
        if words.text[0]:
            parts.append(_("From the practice") + f":\n{words.text[0].strip()}")
        parts.append("\n".join(_end(words, is_mail=is_mail)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _end(words: Wording, *, is_mail: bool) -> list[str]:
    """Return who writes, and how to answer."""
    lines = ["-- ", words.practice] if is_mail else [words.practice]
    if words.phone:
        lines.append(_("Office phone: %(phone)s") % {"phone": words.phone})
    if is_mail:
        lines.append(_("Replies to this e-mail are not read. Call the office instead."))
    if words.unsubscribe[1]:
        lines.append("{}: {}".format(*words.unsubscribe))
    return lines
