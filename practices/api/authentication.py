"""API key authentication: the bare key in the Authorization header (contract, section 2)."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from openchair import rate_limits
from openchair.database.compiled import BoundQuery
from practices import callers
from practices.callers import Caller

WRONG_KEYS = "wrong-keys"


class ApiKeyAuthentication(BaseAuthentication):
    """Finds the caller, and limits the wrong keys from an address.

    along: the view's first query, to be run in the same round trip.
    """

    def __init__(self, along: BoundQuery[Any] | None = None) -> None:
        self.along = along

    def authenticate_header(self, request: Request) -> str:
        return 'ApiKey realm="OpenChair"'

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        """Return the caller, as user and as auth. Raises AuthenticationFailed, RateLimitExceeded.

        A partner over RATE_LIMIT is authenticated here and refused by the throttle.
        """
        key = request.META.get("HTTP_AUTHORIZATION", "").strip()
        if not key:
            return None
        try:
            caller = callers.find(key, timezone.now(), along=self.along)
        except callers.KeyRefused as refused:
            raise _wrong_key(request, str(refused)) from None
        return caller, caller


def _wrong_key(request: Request, why: str) -> Exception:
    address = request.META.get("REMOTE_ADDR", "")
    budget = rate_limits.spend(WRONG_KEYS, address, settings.WRONG_KEY_LIMIT)
    if budget.used == 1:
        rate_limits.forget_old(WRONG_KEYS, settings.WRONG_KEY_LIMIT)
    if budget.is_overdrawn:
        return rate_limits.RateLimitExceeded(
            budget, "Too many wrong keys came from this address; a right one still works."
        )
    return AuthenticationFailed(why)
