"""Login throttling: limits wrong passwords without locking out the account's owner.

Attempts are counted per account and address. A browser with an earlier login has a signed cookie
and a count of its own, so a stranger at the same address, who uses up the account's attempts, does
not lock out its owner.
"""

import hashlib
import unicodedata
from typing import Any

from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from openchair import rate_limits

POLICY = "login"
COOKIE = "known_browser"
COOKIE_AGE = 180 * 24 * 60 * 60
_SALT = "openchair.login"


class ThrottledLoginForm(AdminAuthenticationForm):
    """Django's login form for staff, which checks no password after too many wrong ones."""

    def clean(self) -> dict[str, Any]:
        assert self.request is not None
        subject = _subject(self.request, self.cleaned_data.get("username") or "")
        # Counted before the password is checked: two attempts at once are two attempts.
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
    """Return a hash of account and address, or of account and known browser."""
    name = _plain(username)
    known = _known_browser(request)
    where = f"browser {known[1]}" if known and known[0] == name else request.META["REMOTE_ADDR"]
    return hashlib.sha256(f"{name}\n{where}".encode()).hexdigest()


def _plain(username: str) -> str:
    return unicodedata.normalize("NFKC", username).casefold()


def _known_browser(request: HttpRequest) -> tuple[str, str] | None:
    """Return the account and the browser's id from the cookie; None without a valid one."""
    try:
        name, browser = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=COOKIE_AGE
        )
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return str(name), str(browser)


def remember_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Set the known browser's cookie, after a login."""
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
