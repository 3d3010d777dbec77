"""What a mail about a visit is made of: headers, parts, and what nobody can put into it."""

import logging
import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from bookings.messages import queue
from bookings.messages.mail.sending import MailHandler
from bookings.models import Task, TaskKind
from bookings.patients import codes, links
from practices.models import Doctor, Partner, Practice
from tests.conftest import only_once_on_sqlite
from tests.factories import NOON
from tests.messages.mails import MailScene, a_mail, mail_of, part, wire
from tests.messages.test_wording import KINDS

REMINDERS = {TaskKind.REMINDER_3_DAYS, TaskKind.REMINDER_1_DAY}
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"),
    *("Auto-Submitted", "Content-Language"),
}
UNSUBSCRIBE = {"List-Unsubscribe", "List-Unsubscribe-Post"}


@only_once_on_sqlite
@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_has_these_headers_and_these_parts(db: None, clock: Any, kind: str) -> None:
    visit, task = a_mail(str(kind), "es", clock)
    mail = mail_of(task)
    assert mail["From"] == "Acme Orthodontic Group <openchair@localhost>"
    assert mail["To"] == "park@example.org"
    assert (mail["Auto-Submitted"], mail["Content-Language"]) == ("auto-generated", "es")
    assert mail["Date"].datetime == task.run_after.replace(microsecond=0)
    content = ["alternative", "plain", "html", *["calendar"] * 2]
    if kind in {*REMINDERS, TaskKind.CODE, TaskKind.PROPOSAL}:
        content = content[:-2]
    else:
        content.insert(0, "mixed")
    assert [each.get_content_subtype() for each in mail.walk()] == content
    named = HEADERS
    if kind in REMINDERS:
        named = HEADERS | UNSUBSCRIBE
        address = reverse("visit_reminders", args=[links.give(visit)])
        assert mail["List-Unsubscribe"].strip() == f"<http://127.0.0.1:8000/es{address}>"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert {*mail.keys()} - {"Content-Transfer-Encoding"} == named


def test_each_attempt_has_the_same_message_id_and_each_task_another(db: None, clock: Any) -> None:
    scene = MailScene()
    first, second = (scene.take().tasks.get() for _ in range(2))
    message_id = mail_of(first)["Message-ID"]
    clock.shift(3600)
    assert mail_of(first)["Message-ID"] == message_id
    assert mail_of(second)["Message-ID"] != message_id
    local, _at, host = message_id.strip("<>").partition("@")
    assert (len(local), host) == (40, "127.0.0.1")
    # A restored backup gives the numbers of tasks again.
    Task.objects.filter(pk=first.pk).update(enqueued_at=NOON.replace(hour=3))
    assert mail_of(Task.objects.get(pk=first.pk))["Message-ID"] != message_id


@only_once_on_sqlite
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ('Acme, "Smiles" & Co. <a@b.example>', 'Acme, "Smiles" & Co. <a@b.example>'),
        ("Acme\r\nBcc: eve@example.org\n\n<p>", "Acme Bcc: eve@example.org <p>"),
        ("Sonrisas \N{TOOTH}\x07", "Sonrisas \N{TOOTH}"),
        ("מרפאת שיניים", "מרפאת שיניים"),
        ("gro.\N{RIGHT-TO-LEFT OVERRIDE}elpmaxe", "gro.elpmaxe"),
        ("é" * 200, "é" * 200),
        ("A b" * 66, "A b" * 66),
        ("Acme; CN=x:\"\\,^n'", "Acme; CN=x:\"\\,^n'"),
    ],
)  # fmt: skip
def test_whatever_a_practice_is_called_stays_its_name(
    db: None, clock: Any, typed: str, shown: str
) -> None:
    visit = MailScene().take()
    Practice.objects.update(name=typed)
    mail = mail_of(visit.tasks.get())
    # policy.default puts spaces between the words of a long name that is encoded.
    name, address = parseaddr(message_from_bytes(wire(visit.tasks.get()))["From"])
    assert (str(make_header(decode_header(name))), address) == (shown, "openchair@localhost")
    assert {*mail.keys()} - {"Content-Transfer-Encoding"} == HEADERS
    assert "<p>" not in part(mail, "text/html").replace("<p style", "")
    assert "<a@b" not in part(mail, "text/html")


def test_what_people_type_is_no_markup_and_no_header(db: None, clock: Any) -> None:
    typed = '</bdi><a href="https://evil.example">x</a>\r\nBcc: eve@example.org'
    scene = MailScene()
    scene.location.name = scene.location.city = typed[:90]
    scene.location.save()
    scene.practice.mail_settings.text_en = typed
    scene.practice.mail_settings.save()
    visit = scene.told()
    clock.shift(1)
    scene.move(visit, notice=f"{typed}\n-- \nFrom: the office")
    mail = mail_of(visit.tasks.latest("id"))
    assert '<a href="https://evil' not in part(mail, "text/html")
    assert {*mail.keys()} - {"Content-Transfer-Encoding"} == HEADERS
    quoted = part(mail, "text/plain").partition("A note from the office:\n")[2].partition("\n\n")[0]
    assert [line[:2] for line in quoted.split("\n")] == ["> "] * 4
    calendar = part(mail, "text/calendar")
    assert calendar.count("\nATTENDEE") == 1
    assert "\nBcc" not in calendar


@only_once_on_sqlite
@pytest.mark.parametrize(
    ("typed", "sent_to"),
    [
        ("mia@peña.example", "mia@xn--pea-8ma.example"),
        ("mia+visits@example.org", "mia+visits@example.org"),
        ('"mia park"@example.org', '"mia park"@example.org'),
        ("o'hara%x@example.org", "o'hara%x@example.org"),
    ],
)
def test_an_address_is_sent_to_as_mail_servers_know_it(
    db: None, clock: Any, typed: str, sent_to: str
) -> None:
    mail = mail_of(MailScene(email=typed).take().tasks.get())
    assert [each.addr_spec for each in mail["To"].addresses] == [sent_to]


def test_no_line_is_longer_than_servers_take(db: None, clock: Any) -> None:
    scene = MailScene()
    visit = scene.told()
    clock.shift(1)
    long = "palabra ñ " * 500
    scene.move(visit, notice=long)
    made = mail_of(visit.tasks.latest("id"))
    assert max(len(line) for line in made.as_bytes().splitlines()) <= 998  # RFC 5322, 2.1.1
    assert long.strip() in part(made, "text/plain")


@pytest.mark.parametrize("kind", KINDS)
def test_of_all_that_is_known_a_mail_has_the_first_name_the_address_and_the_link(
    db: None, clock: Any, caplog: Any, settings: Any, mailoutbox: list[EmailMessage], kind: str
) -> None:
    names = ("first_name", "last_name", "guardian_name", "message", "note")
    canaries = {name: f"Canary{name.replace('_', '')}" for name in names}
    canaries |= {"phone": "555 0177", "zip_code": "90210-4477", "email": "canary@example.org"}
    settings.EMAIL_URL = {"EMAIL_HOST": "localhost"}  # which codes wait for
    with caplog.at_level(logging.DEBUG):
        visit, task = a_mail(str(kind), "en", clock, **canaries)
        assert {*canaries.values()} <= {*visit.unread_person}
        Doctor.objects.update(name="Canarydoctor")
        Partner.objects.update(name="Canarypartner")
        visit.booking.appointments.update(source="Canarysource")
        Task.objects.exclude(pk=task.pk).delete()
        claimed = queue.claim(task.queue_name)
        assert claimed == task
        MailHandler().run(claimed)
    (mail,) = mailoutbox
    types = ("text/plain", "text/html", "text/calendar")
    text = "".join([mail.message().as_string(), *(part(mail_of(task), each) for each in types)])
    allowed = {"canary@example.org"} | ({"Canaryfirstname"} if kind != TaskKind.CODE else set())
    assert {each for each in canaries.values() if each in text} == allowed
    assert {*re.findall(r"Canary\w*", text)} == allowed - {"canary@example.org"}
    elsewhere = f"{caplog.text} {Task.objects.values()} {visit.deliveries.values()}"
    elsewhere += Client(REMOTE_ADDR="127.0.0.1").get("/metrics").text
    assert "anary" not in elsewhere
    assert links.give(visit) not in elsewhere
    assert codes.of(visit) not in elsewhere
