"""DRF throttle: the partner's rate limit."""

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from openchair.rate_limits import Budget


class PartnerRateThrottle(BaseThrottle):
    """Limits a partner to RATE_LIMIT.

    Authentication counted the request, in the statement that found the key (practices/callers.py).
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        self.budget: Budget = cast("Any", request.auth).budget
        return not self.budget.is_overdrawn

    def wait(self) -> float:
        return float(self.budget.reset)
