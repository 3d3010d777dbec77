"""What mail says: each kind in both languages, as tests/messages/texts/ has it."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.mail.backends.locmem import EmailBackend

from bookings.messages import queue
from bookings.messages.mail import facts, message
from bookings.messages.mail.sending import MailHandler
from bookings.models import Appointment, Event, Queue, TaskKind
from bookings.patients import links
from bookings.scheduling import bookings, moving
from bookings.scheduling.actors import PATIENT
from practices.models import Kind
from tests.conftest import only_once_on_sqlite
from tests.factories import NOON
from tests.messages.mails import STARTS, WORDS, MailScene, a_mail, mail_of, part, sent

TEXTS = Path(__file__).with_name("texts")
KINDS = [
    *(TaskKind.BOOKED, TaskKind.RESERVED, TaskKind.TIME_GIVEN, TaskKind.MOVED),
    *(TaskKind.CANCELLED, "cancelled_by_family", TaskKind.PROPOSAL),
    *(TaskKind.REMINDER_3_DAYS, TaskKind.REMINDER_1_DAY, TaskKind.CODE),
]


def check_says(mail: EmailMessage, file: Path, secrets: Mapping[str, str]) -> None:
    """Check that a mail says what its text has, in the language of the file's name.

    secrets: what stands in the text in place of a token or an id.
    """
    text = f"{mail['subject']}\n\n{part(mail, 'text/plain')}"
    html = part(mail, "text/html")
    for secret, name in secrets.items():
        text, html = text.replace(secret, name), html.replace(secret, name)

    assert text == file.read_text()
    # The HTML says the same, in the same language, and asks no other host for anything.
    assert f'<html lang="{file.suffixes[0][1:]}">' in html
    shown = unescape(re.sub(r"<[^>]*>", " ", html))
    addresses = set(re.findall(r"https?://\S+", text))
    said = re.sub(r"https?://\S+|^(> |-- $)", "", text, flags=re.MULTILINE)
    assert {*re.findall(r"[^\s:]+", said)} <= {*re.findall(r"[^\s:]+", shown)}
    assert {*re.findall(r'="?(https?://[^"\s>]*)', html)} == addresses
    assert {each.split("/")[2] for each in addresses} <= {"127.0.0.1:8000"}
    assert re.findall(r"<(?:img|script|link|style|form)|url\(", html) == []


@only_once_on_sqlite
@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_says_what_its_text_here_says(
    db: None, clock: Any, kind: str, language: str
) -> None:
    visit, task = a_mail(str(kind), language, clock)
    mail = mail_of(task, code="123456" if kind == TaskKind.CODE else "")
    secrets = {links.give(visit): "TOKEN", visit.booking.practice_id: "PRACTICE"}
    check_says(mail, TEXTS / f"{kind}.{language}.txt", secrets)


def test_a_move_that_nobody_was_told_of_says_where_the_visit_is_as_its_first_mail(
    db: None, clock: Any
) -> None:
    scene = MailScene()
    visit = scene.take()
    scene.move(visit)
    mail = mail_of(visit.tasks.latest("id"))
    assert mail["subject"] == "Your visit is booked: Tuesday, June 9, 2026"
    assert "Previously" not in part(mail, "text/plain")


def test_a_move_of_a_visit_from_before_there_was_mail_says_what_was_before(
    db: None, clock: Any
) -> None:
    scene = MailScene()
    visit = scene.take()
    visit.tasks.all().delete()
    scene.move(visit)
    text = part(mail_of(visit.tasks.latest("id")), "text/plain")
    assert "Previously: Tuesday, June 2, 2026, 9:00 AM" in text


def test_a_mail_says_who_moved_the_visit(db: None, clock: Any) -> None:
    scene = MailScene()
    visit = scene.told()
    clock.shift(60)
    to: Any = {visit.pk: {"booking_id": scene.booking(start_datetime=STARTS).pk}}
    moving.move(to=to, by=PATIENT, now=NOON)
    text = part(mail_of(visit.tasks.latest("id")), "text/plain")
    assert text.startswith("You moved your visit\n")
    assert "does not suit you" not in text


def test_a_reminder_that_goes_on_the_day_itself_says_today(db: None, clock: Any) -> None:
    _visit, task = a_mail(TaskKind.REMINDER_1_DAY, "en", clock)
    task.run_after += timedelta(days=1, hours=-1)
    assert mail_of(task)["subject"] == "Your visit is today: Tuesday, June 9, 2026, 2:30 PM"


def told(visit: Appointment) -> facts.Moment | None:
    rows = Appointment.objects.select_related("booking__location", "booking__practice")
    return facts.last_told(rows.get(pk=visit.pk))


def test_what_a_family_was_last_told_is_read_from_the_events_since(db: None, clock: Any) -> None:
    scene = MailScene()
    visit = scene.take()
    assert told(visit) is None
    first = facts.Moment(scene.location, visit.booking.start_datetime, is_exact=True)
    sent(visit, TaskKind.BOOKED)
    clock.shift(60)
    scene.move(visit)
    assert told(visit) == first
    later: Any = {"start_datetime": NOON + timedelta(days=20)}
    visit.refresh_from_db()
    bookings.edit(booking_id=visit.booking_id, fields=later, by=scene.staff, now=NOON)
    assert told(visit) == first
    sent(visit, TaskKind.REMINDER_3_DAYS, NOON + timedelta(minutes=2))
    assert told(visit) == facts.Moment(scene.location, later["start_datetime"], is_exact=True)


class SlowServer(EmailBackend):
    """A mail server that takes its time, while `meanwhile` happens."""

    meanwhile: ClassVar[Callable[[], None]]

    def send_messages(self, messages: Any) -> int:
        SlowServer.meanwhile()
        return super().send_messages(messages)


def test_what_changes_while_a_mail_is_on_its_way_is_news_in_the_next_one(
    db: None, clock: Any, settings: Any
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.SlowServer"
    scene = MailScene()
    visit = scene.take()
    begins, task = visit.booking.start_datetime, queue.claim(Queue.MAIL)
    assert task is not None

    def move() -> None:
        clock.shift(5)
        scene.move(visit)
        clock.shift(5)

    SlowServer.meanwhile = move
    MailHandler().run(task)
    assert visit.deliveries.get().outcome == "sent"
    assert told(visit) == facts.Moment(scene.location, begins, is_exact=True)


def test_a_visit_that_is_back_where_it_was_has_not_been_moved(db: None, clock: Any) -> None:
    scene = MailScene()
    visit = scene.told()
    first = visit.booking_id
    clock.shift(60)
    scene.move(visit)
    to: Any = {visit.pk: {"booking_id": first}}
    moving.move(to=to, by=scene.staff, now=NOON)
    assert (
        mail_of(visit.tasks.latest("id"))["subject"]
        == "Your visit is booked: Tuesday, June 2, 2026"
    )


def test_another_time_in_the_same_part_of_the_day_is_no_move_to_a_family(
    db: None, clock: Any
) -> None:
    scene = MailScene(Kind.RANGE)
    visit = scene.told()
    clock.shift(60)
    sooner: Any = {"start_datetime": datetime(2026, 6, 2, 9, 30)}  # noqa: DTZ001  # wall time
    bookings.edit(booking_id=visit.booking_id, fields=sooner, by=scene.staff, now=NOON)
    text = part(mail_of(visit.tasks.latest("id")), "text/plain")
    assert text.startswith("Your place is reserved\n")


def test_a_family_that_knows_a_part_of_the_day_is_told_that_it_was_one(
    db: None, clock: Any
) -> None:
    scene = MailScene(Kind.RANGE)
    visit = scene.told()
    part_of_day = facts.Moment(scene.location, visit.booking.start_datetime, is_exact=False)
    clock.shift(60)
    scene.give_time(visit)
    later: Any = {"start_datetime": NOON + timedelta(days=3)}
    bookings.edit(booking_id=visit.booking_id, fields=later, by=scene.staff, now=NOON)
    assert told(visit) == part_of_day


def test_a_cancellation_names_the_time_that_the_family_knows(db: None, clock: Any) -> None:
    scene = MailScene()
    visit = scene.told()
    clock.shift(60)
    scene.move(visit)
    scene.cancel(visit, scene.staff)
    mail = mail_of(visit.tasks.latest("id"))
    assert mail["subject"] == "Your visit is cancelled: Tuesday, June 2, 2026"


def test_the_desk_shows_a_move_as_it_will_be_sent_and_changes_nothing_by_it(
    db: None, clock: Any, django_assert_max_num_queries: Any
) -> None:
    scene = MailScene()
    visit = scene.told()
    clock.shift(60)
    to = facts.Moment(scene.location, datetime(2026, 6, 9, 18, 30, tzinfo=UTC), is_exact=True)
    rows = Appointment.objects.select_related("booking__location", "booking__practice")
    seen, before = rows.get(pk=visit.pk), Event.objects.count()
    said = facts.of(seen, TaskKind.MOVED, NOON, words=WORDS, at=to)
    assert not visit.manage_links.exists()
    assert Event.objects.count() == before
    shown = message.preview(said)
    scene.move(visit, notice=WORDS)
    mail = mail_of(visit.tasks.latest("id"))
    link = facts.link_to(visit)
    assert mail["subject"] == shown.subject
    assert part(mail, "text/plain") == shown.text.replace("(the link to this visit)", link)


def test_the_desk_shows_a_cancellation_as_the_offices(db: None, clock: Any) -> None:
    visit = MailScene().told()
    shown = message.preview(facts.of(visit, TaskKind.CANCELLED, NOON, words=WORDS))
    assert shown.text.startswith("The office cancelled your visit\n")
    assert "> Please forgive us.\n" in shown.text


@only_once_on_sqlite
@pytest.mark.parametrize(
    "typed",
    [
        *("visit spam.example", "http://x", "a@b", "x" * 41, "<b>", "call:now", "win 555 0199"),
        *("win 55 50 19 9", "visit spam\uff0eexample", "visit spam\u3002com"),
        "visit spam.\N{ZERO WIDTH JOINER}example",
    ],
)
def test_what_is_no_first_name_is_in_no_mail(db: None, clock: Any, typed: str) -> None:
    visit = MailScene(first_name=typed).take()
    text = part(mail_of(visit.tasks.latest("id")), "text/plain")
    assert typed not in text
    assert "Visit for" not in text


def test_a_practice_without_settings_of_its_own_sends_mail(db: None, clock: Any) -> None:
    scene = MailScene()
    visit = scene.take()
    scene.practice.mail_settings.delete()
    scene.practice.booking_page.delete()
    assert "From the practice" not in part(mail_of(visit.tasks.get()), "text/plain")
