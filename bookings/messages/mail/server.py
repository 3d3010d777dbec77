"""Mail server of the operator: one connection, kept open from one message to the next."""

from smtplib import (
    SMTPDataError,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from typing import Any

from django.core.mail import EmailMessage, get_connection

from openchair import mail_files

_CLOSING = 421
_AUTHENTICATION_REQUIRED = 530


class AddressRefused(Exception):
    """The mail server refused the address for good (5xx, RFC 5321, section 4.2.1)."""


class MessageRefused(Exception):
    """The mail server took the address, and refused the message for good (5xx)."""


class MailServer:
    """The connection of one thread. Without EMAIL_URL each message is a file in data/mail/."""

    def __init__(self) -> None:
        self._connection: Any = None

    @property
    def is_files(self) -> bool:
        """Whether what was sent last is only a file, which reaches nobody."""
        return isinstance(self._connection, mail_files.EmailBackend)

    def send(self, message: EmailMessage) -> None:
        """Send a message to its one address.

        Raises AddressRefused and MessageRefused, which are final, and for all that may pass or is
        the operator's to mend whatever smtplib raises.
        """
        was_open = self._connection is not None
        try:
            self._send(message)
        except (SMTPServerDisconnected, SMTPSenderRefused) as error:
            # A server may end a connection that has been idle, or has had enough messages.
            code = error.smtp_code if isinstance(error, SMTPSenderRefused) else _CLOSING
            # One that was too slow to say so may have taken the message: not twice within a minute.
            is_slow = isinstance(error.__context__, TimeoutError)
            if not was_open or code != _CLOSING or is_slow:
                raise
            self._send(message)

    def _send(self, message: EmailMessage) -> None:
        try:
            if self._connection is None:
                self._connection = get_connection()
                self._connection.open()
            message.connection = self._connection
            message.send()
        except SMTPRecipientsRefused as refused:
            [(code, text)] = refused.recipients.values()
            if code < 500 or _is_about_us(code, text):
                raise
            raise AddressRefused from refused
        except SMTPDataError as refused:
            self.close()
            if refused.smtp_code < 500:
                raise
            raise MessageRefused from refused
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _is_about_us(code: int, text: bytes) -> bool:
    """Whether a refusal is of whoever sends, not of the address: "relay access denied", say.

    Then the operator's settings are wrong (RFC 3463, section 3.8: 5.7 is security and policy).
    """
    return code == _AUTHENTICATION_REQUIRED or text.startswith(b"5.7.")
