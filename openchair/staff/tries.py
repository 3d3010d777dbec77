"""Limits of wrong passwords and codes, which do not lock out the account's owner.

A browser with an earlier login has a signed cookie, and a count of its own: a stranger who uses up
the account's tries does not lock out its owner there.
"""

import hashlib
import unicodedata

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from openchair import rate_limits
from openchair.staff import second_factor

LOGIN = "login"
CODE = "code"
RECOVERY_CODE = "recovery_code"
PASSWORD_AGAIN = "password_again"  # noqa: S105  # a limit's name
COOKIE = "known_browser"
COOKIE_AGE = 180 * 24 * 60 * 60
_SALT = "openchair.login"
_HOUR = 60


def count(policy: str, subject: str, rate: tuple[int, int], *, advice: str) -> int:
    """Count a try and return which it is.

    To be called before what was typed is checked: two at once are two tries. Raises
    ValidationError beyond the rate, with the advice.
    """
    budget = rate_limits.spend_of_any(policy, subject, rate)
    if budget.is_overdrawn:
        raise ValidationError(advice.format(wait=_wait(budget.reset)), code="too_many")
    return budget.used


def _wait(seconds: int) -> str:
    minutes = -(-seconds // 60)
    if minutes > _HOUR:
        return f"{-(-minutes // _HOUR)} hours"
    return f"{minutes} minute{'s' if minutes > 1 else ''}"


def of_password(request: HttpRequest, username: str) -> str:
    """Return a hash of account and address, or of account and known browser."""
    name = _plain(username)
    browser = _known_browser(request, name)
    return _hash(name, f"browser {browser[0]}" if browser else request.META["REMOTE_ADDR"])


def of_code(request: HttpRequest, user: User) -> str:
    """Return a hash of the account, or of account and browser that has given a code of this factor.

    Not of the address: whoever tries codes has the password, and may have many addresses. Nor of a
    browser that was known before there was the factor: a password alone gets many of those.
    """
    name = _plain(user.get_username())
    browser, mark = _known_browser(request, name) or ("", None)
    is_known = mark == second_factor.mark(user)
    return _hash(name, f"browser {browser}" if is_known else "elsewhere")


def _hash(name: str, where: str) -> str:
    return hashlib.sha256(f"{name}\n{where}".encode()).hexdigest()


def _plain(username: str) -> str:
    return unicodedata.normalize("NFKC", username).casefold()


def _known_browser(request: HttpRequest, name: str) -> tuple[str, str] | None:
    """Return the browser's id and its factor's mark, if the cookie is of this account."""
    try:
        whose, browser, mark = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=COOKIE_AGE
        )
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return (str(browser), str(mark)) if whose == name else None


def remember_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Set the known browser's cookie, after a login or a change of the factor."""
    name = _plain(request.user.get_username())
    browser = hashlib.sha256(str(request.session.session_key).encode()).hexdigest()[:16]
    mark = second_factor.mark(request.user) if second_factor.is_offered() else "not asked"
    response.set_cookie(
        COOKIE,
        signing.dumps([name, browser, mark], salt=_SALT),
        max_age=COOKIE_AGE,
        path="/admin/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
