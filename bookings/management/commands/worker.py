"""manage.py worker: send mail, call webhooks and do periodic work, until it is stopped."""

import signal
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from bookings.messages.mail.sending import MailHandler
from bookings.messages.periodic import PeriodicHandler
from bookings.messages.webhooks.sending import WebhookHandler
from bookings.messages.worker import Handler, Worker
from bookings.models import Queue
from openchair.operations import startup

HANDLERS: dict[Queue, tuple[int, Callable[[], Handler]]] = {
    # Each on its own: whoever is moved, or types a code, waits behind no ten thousand reminders.
    Queue.CODE: (1, MailHandler),
    Queue.REMINDER: (1, MailHandler),
    # While two wait for the mail server, the third makes the next mail.
    Queue.MAIL: (3, MailHandler),
    Queue.WEBHOOK: (6, WebhookHandler),
    Queue.SLOW: (4, WebhookHandler),
    Queue.PERIODIC: (1, PeriodicHandler),
}


class Command(BaseCommand):
    """Run a worker in the foreground."""

    help = (
        "Sends mail, calls webhooks and does periodic work until it gets SIGTERM or SIGINT; then "
        "it finishes what it is at. Any number may run, on any machines, with the server's "
        "settings."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            startup.refuse_if_keys_are_missing()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        worker = Worker(HANDLERS)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, worker.stop)
        worker.run()
