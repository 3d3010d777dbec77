"""Mail server of the operator: one connection, kept open from one message to the next."""

from smtplib import SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection


class AddressRefused(Exception):
    """The mail server refused the address for good (5xx, RFC 5321, section 4.2.1)."""


class MailServer:
    """The connection of one thread. Without EMAIL_URL each message is a file in data/mail/."""

    def __init__(self) -> None:
        self._connection: Any = None

    def send(self, message: EmailMessage) -> None:
        """Send a message to its one address. Raises AddressRefused, and whatever smtplib raises."""
        if not settings.EMAIL_URL:
            message.send()
            return
        try:
            if self._connection is None:
                self._connection = get_connection()
                self._connection.open()
            message.connection = self._connection
            message.send()
        except SMTPRecipientsRefused as refused:
            [(code, _)] = refused.recipients.values()
            if code < 500:
                raise
            raise AddressRefused from refused
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
