"""Who calls: the key, bare, in the Authorization header (contract, section 2)."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from openchair.api import limits
from openchair.prepared import Prepared
from practices import keys
from practices.models import ApiKey, Partner

WRONG_KEYS = "wrong-keys"

_BY_DIGEST = Prepared(
    lambda digest: ApiKey.objects.select_related("partner").filter(digest=digest).order_by(),
    digest=str,
)


class ApiKeyAuthentication(BaseAuthentication):
    """Finds the partner of a key, and slows down who tries keys."""

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme of a 401's WWW-Authenticate."""
        return 'ApiKey realm="OpenChair"'

    def authenticate(self, request: Request) -> tuple[Partner, ApiKey] | None:
        """Give the partner and its key. Raises AuthenticationFailed or limits.Overdrawn."""
        text = request.META.get("HTTP_AUTHORIZATION", "").strip()
        if not text:
            return None
        now = timezone.now()
        key = find(text)
        if key is None or not key.works_at(now):
            raise _wrong_key(request, text, key, now)
        _note_use(key, now)
        return key.partner, key


def find(text: str) -> ApiKey | None:
    """Find a key by its SHA-256; guesses fail at the checksum, before any look-up."""
    if not text.isascii() or not keys.is_well_formed(text):
        return None
    return _BY_DIGEST.first(digest=keys.digest(text))


def _wrong_key(request: Request, text: str, key: ApiKey | None, now: datetime) -> Exception:
    address = request.META.get("REMOTE_ADDR", "")
    budget = limits.spend(WRONG_KEYS, address, settings.WRONG_KEY_LIMIT)
    if budget.used == 1:
        limits.forget_addresses(WRONG_KEYS, settings.WRONG_KEY_LIMIT)
    if budget.is_overdrawn:
        return limits.Overdrawn(
            budget, "Too many wrong keys came from this address; a right one still works."
        )
    if key is None:
        return AuthenticationFailed(
            "Send the key bare, without a word such as Bearer before it."
            if " " in text
            else "No such key: an operator of this installation issues keys."
        )
    if key.revoked_at is not None and key.revoked_at <= now:
        return AuthenticationFailed("This key was revoked: ask the operator for a new one.")
    if key.expires_at is not None and key.expires_at <= now:
        return AuthenticationFailed("This key has expired: ask the operator for a new one.")
    return AuthenticationFailed("This key's partner is switched off: ask the operator.")


def _note_use(key: ApiKey, now: datetime) -> None:
    """Keep last_used_at to the minute; more often would make every read a write."""
    minute_ago = now - timedelta(minutes=1)
    if key.last_used_at is None or key.last_used_at <= minute_ago:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=minute_ago)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
