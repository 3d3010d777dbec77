"""Links to doctors' calendars: made and revoked by the person, found by their token.

A token is random and shown once; of it the database has only the SHA-256, by which it is found. It
opens one doctor's calendar, with no login, while the person may see that doctor's practice.
"""

import hashlib
import re
import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from bookings.models import CalendarLink
from openchair.staff import second_factor
from practices.models import Doctor, Membership

FORM = r"[A-Za-z0-9_-]{27}"
"""The form of a token: 20 bytes (160 bits) in base64url."""


def make(doctor: Doctor, *, user: Any, now: datetime, instead_of: str = "") -> str | None:
    """Return the token of a person's new link.

    instead_of: the digest of the link there is, which no longer works then. None, and nothing is
    changed, where there is another, or one although none was named.
    """
    with transaction.atomic():
        # Of two at once, the second finds what the first made.
        get_user_model().objects.select_for_update(no_key=True).get(pk=user.pk)
        before = CalendarLink.objects.filter(user=user, doctor=doctor).first()
        if (before.pk if before else "") != instead_of:
            return None
        if before:
            before.delete()
        token = secrets.token_urlsafe(20)
        CalendarLink.objects.create(digest=_digest(token), user=user, doctor=doctor, created_at=now)
        said = "Replaced" if before else "Created"
        second_factor.record(user, f"{said} the link to the calendar of {doctor}")
    return token


def revoke(link: CalendarLink, *, by: Any) -> None:
    """Delete a link: whoever has it gets nothing from the next look on."""
    with transaction.atomic():
        deleted, _ = CalendarLink.objects.filter(pk=link.pk).delete()
        if deleted:
            text = f"Revoked the link to the calendar of {link.doctor}"
            second_factor.record(link.user, text, by=by)


def working() -> QuerySet[CalendarLink]:
    """Return the links whose person may see the doctor's practice, which is active."""
    member = Membership.objects.filter(user=OuterRef("user"), practice=OuterRef("doctor__practice"))
    return CalendarLink.objects.filter(
        Q(user__is_superuser=True) | Exists(member),
        user__is_active=True,
        user__is_staff=True,
        doctor__practice__active=True,
    )


def find(token: str) -> CalendarLink | None:
    """Return the working link of a token, with its person, doctor and practice."""
    if re.fullmatch(FORM, token) is None:
        return None
    rows = working().select_related("user", "doctor__practice__calendar_settings")
    return rows.filter(pk=_digest(token)).first()


def note_use(link: CalendarLink, now: datetime) -> None:
    """Update last_used_at once a minute at most: more often, every look would be a write."""
    minute = now.replace(second=0, microsecond=0)
    if link.last_used_at is None or link.last_used_at < minute:
        CalendarLink.objects.filter(pk=link.pk).update(last_used_at=minute)


def address(request: HttpRequest, token: str) -> str:
    """Return the whole address of a calendar."""
    return request.build_absolute_uri(reverse("calendar_feed", args=[token]))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
