"""The second factor: who is asked, which codes are good, and what is recorded of it.

A code of the app is good once, a recovery code too: each is used up by one conditional statement,
so that of two workers with the same code one lets in.
"""

import base64
import hashlib
import secrets
import time
from typing import Any

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from openchair import encryption
from openchair.staff import totp
from openchair.staff.models import RecoveryCode, SecondFactor

RECOVERY_CODES = 10
_COOKIE = "remembered_"
_DAY = 24 * 60 * 60


def is_offered() -> bool:
    return bool(settings.SECOND_FACTOR != "off")


def is_demanded(user: Any) -> bool:
    """Whether the operator's setting lets nobody like this in without one."""
    demanded = settings.SECOND_FACTOR
    return bool(demanded == "everybody" or (demanded == "operators" and user.is_superuser))


def factor_of(user: Any) -> SecondFactor | None:
    return getattr(user, "second_factor", None)


def mark(user: Any) -> str:
    """Return what a session keeps of the factor it began with, so that it ends with the factor."""
    factor = factor_of(user)
    return str(factor.pk) if factor else ""


def set_up(user: User, secret: str, *, step: int) -> list[str] | None:
    """Make a person's factor; return its recovery codes, or None if there is a factor already.

    step: of the code that was typed, which is used up.
    """
    with transaction.atomic():
        factor, is_new = SecondFactor.objects.get_or_create(
            user=user,
            defaults={
                "secret": encryption.seal(secret),
                "sealed_by": encryption.key_names()[0],
                "last_step": step,
                "confirmed_at": timezone.now(),
            },
        )
        if not is_new:
            return None
        record(user, "Set up a second factor")
        return _make_codes(factor)


def renew_codes(user: Any) -> list[str] | None:
    """Make ten recovery codes in place of those that are left; return them.

    None if there is no factor: an operator may just have taken it away.
    """
    with transaction.atomic():
        # Of two at once, the second deletes what the first made.
        factor = SecondFactor.objects.select_for_update().filter(user=user).first()
        if factor is None:
            return None
        factor.recovery_codes.all().delete()
        record(factor.user, "Created new recovery codes")
        return _make_codes(factor)


def _make_codes(factor: SecondFactor) -> list[str]:
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(factor=factor, digest=_digest(code)) for code in codes
    )
    return codes


def _new_code() -> str:
    """Return 80 random bits as four groups of four letters and digits."""
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _digest(code: str) -> str:
    """Return what is kept of a recovery code. No key is needed to hide 80 random bits."""
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(f"openchair recovery code {plain}".encode()).hexdigest()


def remove(user: User, *, by: User, text: str = "Removed the second factor") -> bool:
    """Delete a person's factor and its codes; return whether there was one."""
    with transaction.atomic():
        deleted, _ = SecondFactor.objects.filter(user=user).delete()
        if deleted:
            record(user, text, by=by)
        return bool(deleted)


def accept_code(factor: SecondFactor, code: str) -> bool:
    """Use a code of the app up; return whether it was good."""
    step = totp.step_of(encryption.unseal(factor.secret), code, time.time())
    if step is None:
        return False
    later = SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step)
    return later.update(last_step=step) == 1


def accept_recovery_code(factor: SecondFactor, code: str) -> bool:
    """Use a recovery code up; return whether it was good."""
    with transaction.atomic():
        deleted, _ = factor.recovery_codes.filter(digest=_digest(code)).delete()
        if deleted:
            left = factor.recovery_codes.count()
            record(factor.user, f"Logged in with a recovery code; {left} left")
        return bool(deleted)


def record(user: User, text: str, *, by: User | None = None) -> None:
    """Write into an account's history; by: themselves, if not said."""
    LogEntry.objects.log_actions((by or user).pk, [user], CHANGE, text, single_object=True)


def seal_anew() -> int:
    """Encrypt with the first key the secrets that another one encrypted; return how many."""
    first, sealed = encryption.key_names()[0], 0
    for factor in SecondFactor.objects.exclude(sealed_by=first):
        secret = encryption.seal(encryption.unseal(factor.secret))
        row = SecondFactor.objects.filter(pk=factor.pk)
        sealed += row.update(secret=secret, sealed_by=first)
    return sealed


# The browser that is not asked again -----------------------------------------------------------


def is_asked(request: HttpRequest, user: Any) -> bool:
    """Whether this person, whose password was right, has to give a code in this browser."""
    return is_offered() and factor_of(user) is not None and not _is_remembered(request, user)


def _is_remembered(request: HttpRequest, user: Any) -> bool:
    days = settings.SECOND_FACTOR_REMEMBER_DAYS
    try:
        kept = request.COOKIES.get(f"{_COOKIE}{user.pk}", "")
        signing.loads(kept, salt=_salt(user), max_age=days * _DAY)
    except signing.BadSignature:
        return False
    return bool(days)


def remember(request: HttpRequest, response: HttpResponse, user: Any) -> None:
    """Set the cookie with which this browser is not asked for some days."""
    response.set_cookie(
        f"{_COOKIE}{user.pk}",
        signing.dumps("", salt=_salt(user)),
        max_age=settings.SECOND_FACTOR_REMEMBER_DAYS * _DAY,
        path="/admin/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _salt(user: Any) -> str:
    """Bind the cookie to account, password and factor: it ends when any of them changes."""
    return f"openchair.remembered {user.pk} {user.get_session_auth_hash()} {mark(user)}"
