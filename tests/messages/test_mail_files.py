"""Mail without EMAIL_URL: files in data/mail/."""

import stat
from email import message_from_bytes
from pathlib import Path
from typing import Any

from django.core.mail import get_connection

from bookings.messages import queue
from bookings.messages.mail import facts
from bookings.messages.mail.sending import MailHandler
from bookings.messages.mail.server import MailServer
from bookings.models import Outcome, Queue
from tests.conftest import only_once
from tests.messages.mails import MailScene
from tests.messages.test_server import message


@only_once
def test_each_mail_is_a_file_that_its_owner_alone_can_read(settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "openchair.mail_files.EmailBackend"
    settings.EMAIL_FILE_PATH = folder = tmp_path / "mail"
    for number in range(20):
        MailServer().send(message(number))
    assert get_connection().send_messages([message(20), message(21)]) == 2
    files = sorted(folder.iterdir())
    assert len(files) == 22
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    ids = {message_from_bytes(file.read_bytes())["Message-ID"] for file in files}
    assert ids == {f"<{number}@openchair>" for number in range(22)}


def test_a_mail_that_is_only_a_file_is_not_called_sent(
    db: None, clock: Any, settings: Any, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND = "openchair.mail_files.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    visit, task = MailScene().take(), queue.claim(Queue.MAIL)
    assert task is not None
    MailHandler().run(task)
    assert visit.deliveries.get().outcome == Outcome.WRITTEN
    # Still the next one says what was before.
    assert facts.last_told(visit) is not None
