"""The operator's mail server, by real sockets: what is final, what is retried, and TLS."""

import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage

from bookings.messages import queue
from bookings.messages.mail.sending import MailHandler
from bookings.messages.mail.server import AddressRefused, MailServer, MessageRefused
from bookings.messages.worker import run_task
from bookings.models import Delivery, Queue, Task
from tests.conftest import only_once
from tests.factories import NOON, Scene
from tests.messages.smtp import CUT, SILENT, Receiver, authenticator, certificate, receiving
from tests.messages.tasks import ADDRESS, visit

BY_SMTP = {
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "EMAIL_HOST": "127.0.0.1",
    "EMAIL_HOST_USER": "",
    "EMAIL_HOST_PASSWORD": "",
    "EMAIL_USE_TLS": False,
    "EMAIL_USE_SSL": False,
    "EMAIL_TIMEOUT": 0.5,
}
Operate = Callable[..., None]


@pytest.fixture
def operate(settings: Any) -> Iterator[Operate]:
    """Run a server, and let the installation send by it."""
    with ExitStack() as running:

        def start(receiver: Receiver, how: dict[str, Any] | None = None, **ours: Any) -> None:
            port = running.enter_context(receiving(receiver, **(how or {})))
            for name, value in {**BY_SMTP, "EMAIL_PORT": port, **ours}.items():
                setattr(settings, name, value)
            settings.EMAIL_URL = {"EMAIL_HOST": "127.0.0.1"}

        yield start


def message(number: int = 1) -> EmailMessage:
    headers = {"Message-ID": f"<{number}@openchair>"}
    return EmailMessage("Hello", "There", "office@example.org", [ADDRESS], headers=headers)


def send(*messages: EmailMessage) -> None:
    """Send over one connection, and close it."""
    with closing(MailServer()) as server:
        for each in messages:
            server.send(each)


@only_once
def test_messages_are_sent_over_one_connection(operate: Operate) -> None:
    operate(receiver := Receiver())
    send(message(0), message(1), message(2))
    send(message(3))
    assert [got["Message-ID"] for got in receiver.got] == [f"<{n}@openchair>" for n in range(4)]
    assert len(receiver.peers) == 2


FAILURES: dict[str, tuple[dict[str, str], type[Exception]]] = {
    "an unknown address": ({"RCPT": "550 5.1.1 No such user"}, AddressRefused),
    "an address, in other words": ({"RCPT": "501 What?"}, AddressRefused),
    "a message": ({"END": "554 5.6.0 Not this"}, MessageRefused),
    "a message before it came": ({"DATA": "554 No"}, MessageRefused),
    "greylisting": ({"RCPT": "450 4.7.1 Try later"}, smtplib.SMTPRecipientsRefused),
    "a full mailbox": ({"RCPT": "452 4.2.2 Full"}, smtplib.SMTPRecipientsRefused),
    "relaying": ({"RCPT": "554 5.7.1 Relay access denied"}, smtplib.SMTPRecipientsRefused),
    "who does not log in": ({"RCPT": "530 Log in"}, smtplib.SMTPRecipientsRefused),
    "a message for now": ({"END": "451 Later"}, smtplib.SMTPDataError),
    "a sender": ({"MAIL": "553 5.1.8 Who?"}, smtplib.SMTPSenderRefused),
    "a sender for now": ({"MAIL": "451 4.3.0 Later"}, smtplib.SMTPSenderRefused),
    "everything": ({"MAIL": "421 Closing"}, smtplib.SMTPSenderRefused),
    "silence": ({"RCPT": SILENT}, smtplib.SMTPServerDisconnected),
    "silence after the data": ({"END": SILENT}, smtplib.SMTPServerDisconnected),
    "a cut in the middle of the data": ({"DATA": CUT}, smtplib.SMTPServerDisconnected),
    "a cut after the data": ({"END": CUT}, smtplib.SMTPServerDisconnected),
}


@only_once
@pytest.mark.parametrize("refusal", FAILURES)
def test_a_refusal_is_final_of_an_address_or_a_message_and_of_nothing_else(
    refusal: str, operate: Operate
) -> None:
    answers, raised = FAILURES[refusal]
    operate(receiver := Receiver(**{at: [said] for at, said in answers.items()}))
    with closing(MailServer()) as server:
        with pytest.raises(raised):
            server.send(message())
        server.send(message(2))  # what comes next does not suffer
    assert [got["Message-ID"] for got in receiver.got] == ["<2@openchair>"]


@only_once
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_server_that_cannot_be_reached_or_knows_another_password_is_tried_again(
    operate: Operate, settings: Any
) -> None:
    login = {"authenticator": authenticator, "auth_required": True, "auth_require_tls": False}
    operate(receiver := Receiver(), login, EMAIL_HOST_USER="us", EMAIL_HOST_PASSWORD="wrong")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        send(message())
    settings.EMAIL_HOST_PASSWORD = "right"
    send(message())
    assert len(receiver.got) == 1
    settings.EMAIL_PORT = 1
    with pytest.raises(ConnectionRefusedError):
        send(message())


@only_once
def test_a_slow_server_gets_its_time(operate: Operate) -> None:
    operate(receiver := Receiver())
    receiver.slow = 0.2
    send(message())
    assert len(receiver.got) == 1


@only_once
@pytest.mark.parametrize("ends", ["hangs up", "421"])
def test_a_kept_connection_that_the_server_ended_costs_no_attempt(
    ends: str, operate: Operate
) -> None:
    answers: Any = {"MAIL": ["", "421 4.4.2 Idle for too long"]} if ends == "421" else {}
    operate(receiver := Receiver(**answers))
    receiver.hangs_up = ends == "hangs up"
    with closing(MailServer()) as server:
        server.send(message(1))
        time.sleep(0.1)
        server.send(message(2))
    assert len(receiver.got) == 2
    assert len(receiver.peers) == 2


@only_once
def test_who_did_not_answer_in_time_may_have_a_message_and_gets_it_no_second_time_at_once(
    operate: Operate,
) -> None:
    operate(receiver := Receiver(END=["", SILENT]))
    with closing(MailServer()) as server:
        server.send(message(1))
        with pytest.raises(smtplib.SMTPServerDisconnected):
            server.send(message(2))
    assert [got["Message-ID"] for got in receiver.got] == ["<1@openchair>"]


@only_once
def test_where_starttls_is_missing_nothing_is_sent_in_clear(operate: Operate) -> None:
    operate(receiver := Receiver(), EMAIL_USE_TLS=True)
    server = MailServer()
    for _ in range(2):  # Django once sent in clear the second time (CVE-2026-7666)
        with pytest.raises(smtplib.SMTPNotSupportedError):
            server.send(message())
    assert receiver.got == []


@only_once
@pytest.mark.parametrize("kind", ["EMAIL_USE_TLS", "EMAIL_USE_SSL"])
def test_a_certificate_has_to_be_trusted_and_of_that_host(
    kind: str, operate: Operate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = "tls_context" if kind == "EMAIL_USE_TLS" else "ssl_context"
    context, trusted = certificate(tmp_path)
    operate(receiver := Receiver(), {at: context}, **{kind: True})
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        send(message())
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    send(message())
    assert receiver.secure == [True]
    context, trusted = certificate(tmp_path, "mail.example.org")
    operate(another := Receiver(), {at: context}, **{kind: True})
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        send(message())
    assert another.got == []


@pytest.mark.parametrize(
    ("answers", "status", "outcomes"),
    [
        ({}, "successful", ["sent"]),
        ({"RCPT": "550 5.1.1 No such user"}, "failed", ["refused"]),
        ({"END": "554 5.6.0 Not this"}, "failed", ["failed"]),
        ({"RCPT": "450 4.7.1 Try later"}, "ready", []),
        ({"MAIL": "530 5.7.0 Log in"}, "ready", []),
    ],
)
def test_what_became_of_a_mail_is_kept_and_no_word_of_the_servers(
    answers: dict[str, str], status: str, outcomes: list[str], scene: Scene, operate: Operate
) -> None:
    operate(Receiver(**answers))
    visit(scene)
    one = queue.claim(Queue.MAIL)
    assert one is not None
    handler = MailHandler()
    run_task(handler, one)
    handler.rest()
    after = Task.objects.get()
    assert after.status == status
    assert after.error.isidentifier() or status == "successful"
    assert [*Delivery.objects.values_list("outcome", flat=True)] == outcomes
    if status == "ready":
        assert after.run_after - NOON < timedelta(minutes=2)
