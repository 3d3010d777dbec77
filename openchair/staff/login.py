"""Logging in: wrong passwords are slowed down without locking the real person out.

Attempts are counted per account and address. A browser in which a person has logged in before
carries a signed cookie and has a count of its own, so a stranger at the same address, who wears
out the account's attempts, does not shut out the person whose account it is.
"""

import hashlib
import unicodedata
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from openchair import rate_limits
from openchair.staff.look import AuthenticationForm

POLICY = "login"
COOKIE = "known_browser"
COOKIE_AGE = 180 * 24 * 60 * 60
_SALT = "openchair.login"


class ThrottledLoginForm(AuthenticationForm):
    """Django's form for staff, which stops looking at passwords after too many wrong ones."""

    def clean(self) -> dict[str, Any]:
        """Check name and password, unless too many were tried."""
        subject = _subject(self.request, self.cleaned_data.get("username") or "")
        # Counted before the password is looked at: two attempts at once are two attempts.
        budget = rate_limits.spend(POLICY, subject, settings.LOGIN_LIMIT)
        if budget.used == 1:
            rate_limits.forget_old(POLICY, settings.LOGIN_LIMIT)
        if budget.is_overdrawn:
            minutes = -(-budget.reset // 60)
            raise ValidationError(
                f"Too many tries for this account from here. Wait {minutes} "
                f"minute{'s' if minutes > 1 else ''}, or ask an operator for a new password.",
                code="too_many",
            )
        cleaned: dict[str, Any] = super().clean()
        rate_limits.forget(POLICY, subject)
        return cleaned


def _subject(request: HttpRequest, username: str) -> str:
    """Name who tries: account and address, or account and known browser; not readable later."""
    name = _plain(username)
    known = _known_browser(request)
    where = f"browser {known[1]}" if known and known[0] == name else request.META["REMOTE_ADDR"]
    return hashlib.sha256(f"{name}\n{where}".encode()).hexdigest()


def _plain(username: str) -> str:
    return unicodedata.normalize("NFKC", username).casefold()


def _known_browser(request: HttpRequest) -> tuple[str, str] | None:
    """Read the cookie: whose browser it is, and which."""
    try:
        name, browser = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=COOKIE_AGE
        )
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return str(name), str(browser)


def remember_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Give the browser of a person who has just logged in its cookie."""
    name = _plain(request.user.get_username())
    browser = hashlib.sha256(str(request.session.session_key).encode()).hexdigest()[:16]
    response.set_cookie(
        COOKIE,
        signing.dumps([name, browser], salt=_SALT),
        max_age=COOKIE_AGE,
        path="/admin/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
