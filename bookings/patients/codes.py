"""Codes by mail: six digits, by which whoever books shows that they read the address's mail.

A code is derived with PATIENT_KEYS from the practice, the hold and its e-mail address, so that
nothing has it but the mail: neither the database nor a page. It is another one for another address,
and no more of use once the visit is booked.
"""

import hmac

from django.conf import settings

from bookings.models import Appointment, Outcome, TaskKind, TaskStatus
from openchair import encryption
from practices.models import MailSettings, Practice

LENGTH = 6


def are_asked(practice: Practice) -> bool:
    """Whether patients of the practice type one before they book: it wants so, and mail is sent."""
    return bool(settings.EMAIL_URL) and MailSettings.of(practice).code


def of(visit: Appointment) -> str:
    """Return the code of a visit's hold, the same for all of a family."""
    return _codes(visit)[0]


def is_right(visit: Appointment, typed: str) -> bool:
    """Whether it is the code, also one that was made with an older key."""
    found = [hmac.compare_digest(each.encode(), typed.encode()) for each in _codes(visit)]
    return any(found)


def task_keys(visit: Appointment, address: str) -> list[str]:
    """Return the key of the task that first sends this address its code, for each of PATIENT_KEYS.

    The keys of those that send it again begin like it.
    """
    return [f"code:{each}" for each in encryption.digests("code by mail", _said(visit, address))]


def _codes(visit: Appointment) -> list[str]:
    secrets = encryption.derive("code", _said(visit, visit.unread_person.email))
    return [f"{int.from_bytes(each[:8], 'big') % 10**LENGTH:0{LENGTH}}" for each in secrets]


def _said(visit: Appointment, address: str) -> str:
    return f"{visit.booking.practice_id}\0{visit.group_id}\0{address.strip().casefold()}"


def is_refused(held: Appointment) -> bool:
    """Whether there is no such address as the newest code was for, and no other one waits."""
    waiting = held.tasks.filter(kind=TaskKind.CODE, status=TaskStatus.READY)
    last = held.deliveries.filter(kind=TaskKind.CODE).order_by("pk").last()
    return last is not None and last.outcome == Outcome.REFUSED and not waiting.exists()
