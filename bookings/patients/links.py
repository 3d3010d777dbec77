"""Manage links: secret tokens under which patients see and change what is theirs (contract, 6).

A visit has one, and so has an entry of the waiting list. A token is derived from the row's id with
PATIENT_KEYS, so that the page and each mail have the same one, and the database has only its
digest: whoever reads the database has no link. Once its key is gone it cannot be made again, and
the visit gets another one; both are good, for the first is in the family's calendar.
"""

import base64
import hashlib
import re

from bookings.models import Appointment, ManageLink, WaitlistEntry, WaitlistLink
from openchair import encryption

FORM = r"[A-Za-z0-9_-]{27}"
"""The form of a token: 20 bytes (160 bits) in base64url."""


def give(to: Appointment | WaitlistEntry) -> str:
    """Return the token of a row's link, which is made if there is none yet.

    One whose key is gone stays valid, but nobody can make its token again: there is another then.
    """
    is_visit = isinstance(to, Appointment)
    secrets = encryption.derive("manage link" if is_visit else "waiting list link", to.pk)
    tokens = [_encode(each) for each in secrets]
    known = set(to.manage_links.values_list("digest", flat=True))
    for token in tokens:
        if _digest(token) in known:
            return token
    digest = _digest(tokens[0])
    if isinstance(to, Appointment):
        ManageLink.objects.get_or_create(digest=digest, defaults={"appointment": to})
    else:
        WaitlistLink.objects.get_or_create(digest=digest, defaults={"entry": to})
    return tokens[0]


def find(token: str) -> Appointment | None:
    """Return the appointment of a link, with its booking's location, doctor and practice."""
    if re.fullmatch(FORM, token) is None:
        return None
    rows = Appointment.objects.select_related("booking__location", "booking__doctor")
    return (
        rows.select_related("booking__practice").filter(manage_links__digest=_digest(token)).first()
    )


def find_entry(token: str) -> WaitlistEntry | None:
    """Return the waiting-list entry of a link, with its practice."""
    if re.fullmatch(FORM, token) is None:
        return None
    rows = WaitlistEntry.objects.select_related("practice")
    return rows.filter(manage_links__digest=_digest(token)).first()


def _encode(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret[:20]).rstrip(b"=").decode()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
