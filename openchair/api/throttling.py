"""Throttling: the partner's rate limit, under Django REST framework's name for it."""

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from openchair.rate_limits import Budget


class PartnerRateThrottle(BaseThrottle):
    """Holds a partner to RATE_LIMIT.

    The request was counted with the key (practices/callers.py), in the same statement.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        self.budget: Budget = cast("Any", request.auth).budget
        return not self.budget.is_overdrawn

    def wait(self) -> float:
        return float(self.budget.reset)
