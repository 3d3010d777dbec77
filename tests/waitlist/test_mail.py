"""Mail to families on the waiting list: what it says, when it is dropped, and how it is ended."""

from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.test import Client

from bookings import walltime
from bookings.messages import queue
from bookings.messages.mail.sending import MailHandler
from bookings.models import (
    Delivery,
    EntryStatus,
    OfferOutcome,
    Queue,
    Task,
    TaskKind,
    WaitlistEntry,
)
from bookings.patients import links
from bookings.patients.record import Patient
from bookings.scheduling.actors import CLOCK, PATIENT
from bookings.scheduling.waitlist import answers, entries, offers
from practices.models import Doctor, Kind, Practice
from tests.conftest import only_once_on_sqlite
from tests.factories import NOON
from tests.messages.mails import MIA, MailScene, mail_of, part, sent
from tests.messages.smtp import Receiver, receiving
from tests.messages.test_server import BY_SMTP
from tests.messages.test_wording import check_says
from tests.waitlist.families import decline, look, offer

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
EARLY = datetime(2026, 6, 9, 14, 30)  # noqa: DTZ001  # wall time
LATE = datetime(2026, 6, 18, 9)  # noqa: DTZ001  # wall time


def join(scene: MailScene, *, visits: Any = (), people: int = 1, **wishes: Any) -> WaitlistEntry:
    wanted: Any = {"people": people, **wishes}
    who, now = Patient(**scene.patient), walltime.now()
    said: Any = {"by": PATIENT, "now": now, "language": scene.language, "visits": visits}
    return entries.join(scene.practice, who, wanted, **said)


def offered(scene: MailScene, **values: Any) -> tuple[WaitlistEntry, Task]:
    """Put a family on the list, and publish an opening; return its entry and the offer's task."""
    entry = join(scene)
    scene.booking(**{"start_datetime": EARLY, **values})
    look(scene.practice)
    return entry, entry.tasks.get(kind=TaskKind.OFFER)


def earlier(scene: MailScene, clock: Any) -> tuple[WaitlistEntry, Task]:
    """As `offered`, to who has a visit on June 18."""
    mine = scene.take(start_datetime=LATE)
    entry = join(scene, visits=[mine])
    clock.shift(60)
    scene.booking(start_datetime=EARLY, now=walltime.now())
    look(scene.practice)
    return entry, entry.tasks.get(kind=TaskKind.OFFER)


def run(entry: WaitlistEntry, kind: TaskKind = TaskKind.OFFER) -> Task:
    """Let a worker do a task, and return it as it is then."""
    Task.objects.exclude(entry=entry, kind=kind).delete()
    task = queue.claim(Queue.MAIL)
    assert task is not None
    handler = MailHandler()
    handler.run(task)
    handler.rest()
    task.refresh_from_db()
    return task


def a_mail(case: str, language: str, clock: Any) -> tuple[WaitlistEntry, Task]:
    scene = MailScene(Kind.RANGE if case == "offer_range" else Kind.EXACT, language)
    if case == "waiting":
        wishes: Any = {"weekdays": ["mon", "fri"], "parts": ["morning"], "people": 2}
        entry = join(scene, location_ids=[scene.location.pk], earliest=EARLY.date(), **wishes)
        return entry, entry.tasks.get()
    if case == "waiting_earlier":
        entry = join(scene, visits=[scene.take(start_datetime=LATE)])
        return entry, entry.tasks.get()
    if case == "offer_earlier":
        return earlier(scene, clock)
    if case == "offer_family":
        scene.booking(start_datetime=EARLY, length=30)
        entry = join(scene, people=2)
        WaitlistEntry.objects.update(unanswered=1)
        scene.booking(start_datetime=EARLY + 30 * MINUTE, length=30)
        look(scene.practice)
        return entry, entry.tasks.get(kind=TaskKind.OFFER)
    return offered(scene)


CASES = ["waiting", "waiting_earlier", "offer", "offer_range", "offer_earlier", "offer_family"]


@only_once_on_sqlite
@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("case", CASES)
def test_a_mail_says_what_its_text_says(db: None, clock: Any, case: str, language: str) -> None:
    entry, task = a_mail(case, language, clock)
    here = Path(__file__).with_name("texts") / f"{case}.{language}.txt"
    check_says(mail_of(task), here, {links.give(entry): "TOKEN"})


@only_once_on_sqlite
@pytest.mark.parametrize("case", CASES)
def test_a_mail_can_be_unsubscribed_with_one_click_and_is_in_no_calendar(
    db: None, clock: Any, case: str
) -> None:
    entry, task = a_mail(case, "es", clock)
    mail = mail_of(task)
    address = f"http://127.0.0.1:8000/es/waiting/{links.give(entry)}/leave"
    assert mail["List-Unsubscribe"].strip() == f"<{address}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [each.get_content_subtype() for each in mail.walk()] == ["alternative", "plain", "html"]
    answer = Client().post(
        address, "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"
    )
    entry.refresh_from_db()
    assert (answer.status_code, entry.status, offer(entry)) == (200, "left", None)


@only_once_on_sqlite
@pytest.mark.parametrize("case", CASES)
def test_of_all_that_is_known_a_mail_has_the_first_name_and_the_link(
    db: None, clock: Any, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    named = {"first_name": "Canaryfirst", "last_name": "Canarylast"}
    for name, value in named.items():
        monkeypatch.setitem(MIA, name, value)
    _, task = a_mail(case, "en", clock)
    Doctor.objects.update(name="Canarydoctor")
    mail = mail_of(task)
    text = f"{mail['subject']} {part(mail, 'text/plain')} {part(mail, 'text/html')}"
    assert {each for each in named.values() if each in text} == {"Canaryfirst"}
    assert "Canarydoctor" not in text
    assert "Canary" not in mail["subject"]


def test_joining_and_an_offer_are_each_told_once(
    db: None, clock: Any, mailoutbox: list[EmailMessage]
) -> None:
    entry, task = offered(MailScene())
    while (claimed := queue.claim(Queue.MAIL)) is not None:
        MailHandler().run(claimed)
    assert sorted(mail.subject for mail in mailoutbox) == [
        "We can offer you a visit: Tuesday, June 9, 2026",
        "You are on the waiting list",
    ]
    (told,) = Delivery.objects.all()
    assert (told.appointment, told.kind, told.outcome) == (task.appointment, "offer", "sent")
    assert not entry.tasks.filter(finished_at=None).exists()


def test_without_a_server_it_is_written_to_a_file(
    db: None, clock: Any, settings: Any, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND = "openchair.mail_files.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    entry, _ = offered(MailScene())
    run(entry)
    (written,) = tmp_path.iterdir()
    assert f"/waiting/{links.give(entry)}" in written.read_text()
    assert Delivery.objects.get().outcome == "written"


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("accepted", "overtaken"),
        ("declined", "overtaken"),
        ("withdrawn", "overtaken"),
        ("left", "overtaken"),
        ("ended", "too_late"),
        ("ended, and settled", "too_late"),
        ("inactive", "turned_off"),
        ("one minute is left", ""),
    ],
)
def test_an_offer_is_told_of_only_while_it_is_open(
    db: None, clock: Any, mailoutbox: list[EmailMessage], what: str, reason: str
) -> None:
    scene = MailScene()
    entry, _ = offered(scene)
    open_offer = offer(entry)
    assert open_offer is not None
    match what:
        case "accepted":
            answers.accept(offer_id=open_offer.pk, by=PATIENT, now=NOON)
        case "declined":
            decline(offer_id=open_offer.pk, by=PATIENT, now=NOON, leaves=False)
        case "withdrawn":
            outcome = OfferOutcome.WITHDRAWN
            offers.end(offer_id=open_offer.pk, outcome=outcome, by=CLOCK, now=NOON)
        case "left":
            entries.end(entry_id=entry.pk, status=EntryStatus.LEFT, by=PATIENT, now=NOON)
        case "inactive":
            Practice.objects.update(active=False)
        case "one minute is left":
            clock.move_to(open_offer.until - MINUTE)
        case _:
            clock.move_to(open_offer.until)
    if what == "ended, and settled":
        look(scene.practice, open_offer.until)
    run(entry)
    told = Delivery.objects.get()
    assert (told.outcome, told.reason) == (("dropped", reason) if reason else ("sent", ""))
    assert len(mailoutbox) == (0 if reason else 1)


def test_who_has_left_is_not_told_that_they_joined(
    db: None, clock: Any, mailoutbox: list[EmailMessage]
) -> None:
    entry = join(MailScene())
    answer = Client().post(f"/waiting/{links.give(entry)}/leave")
    assert answer.status_code == 303
    assert run(entry, TaskKind.WAITING).status == "successful"
    assert mailoutbox == []


def test_after_a_restore_what_waited_to_be_sent_is_not(db: None, clock: Any) -> None:
    entry, _ = offered(MailScene())
    call_command("mail_after_restore", stdout=StringIO())
    assert queue.claim(Queue.MAIL) is None
    assert entry.tasks.filter(status="successful").count() == 2


def test_a_family_without_an_address_gets_no_mail(db: None, clock: Any) -> None:
    scene = MailScene(email="", phone="212 555 0111")
    entry = join(scene)
    scene.booking(start_datetime=EARLY)
    look(scene.practice)
    assert offer(entry) is not None
    assert not entry.tasks.exists()


def test_what_an_address_that_does_not_exist_was_offered_goes_to_the_next_family(
    db: None, clock: Any, settings: Any
) -> None:
    scene = MailScene()
    entry, task = offered(scene)
    scene.patient = {**MIA, "first_name": "Theo", "email": "theo@example.org"}
    other = join(scene)
    with receiving(Receiver(RCPT="550 5.1.1 No such user")) as port:
        for name, value in {**BY_SMTP, "EMAIL_PORT": port}.items():
            setattr(settings, name, value)
        assert run(entry).status == "failed"
    assert task.appointment is not None
    assert task.appointment.deliveries.get().outcome == "refused"
    entry.refresh_from_db()
    assert (entry.status, entry.offers.get().outcome) == ("paused", "withdrawn")
    look(scene.practice)
    assert offer(other) is not None


def test_what_is_accepted_is_told_as_booked(db: None, clock: Any) -> None:
    entry, _ = offered(MailScene())
    subject, _ = after_accepting(entry, clock)
    assert subject == "Your visit is booked: Tuesday, June 9, 2026"


def test_an_earlier_time_that_is_accepted_is_told_as_a_move_by_the_family(
    db: None, clock: Any
) -> None:
    entry, _ = earlier(MailScene(), clock)
    sent(entry.visits.get(), TaskKind.BOOKED)
    subject, text = after_accepting(entry, clock)
    assert subject == "Your visit has been moved to Tuesday, June 9, 2026"
    assert text.startswith("You moved your visit\n")
    assert "Previously: Thursday, June 18, 2026, 9:00 AM" in text


def after_accepting(entry: WaitlistEntry, clock: Any) -> tuple[str, str]:
    """Accept the open offer; return subject and text of the mail that tells of it."""
    open_offer = offer(entry)
    assert open_offer is not None
    clock.shift(60)
    (visit,) = answers.accept(offer_id=open_offer.pk, by=PATIENT, now=walltime.now())
    mail = mail_of(visit.tasks.latest("id"))
    return mail["subject"], part(mail, "text/plain")
