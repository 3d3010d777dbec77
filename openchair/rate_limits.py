"""Rate limits, counted exactly, in the database for all workers; and DRF's throttle of a partner.

DRF's throttles and Django's database cache read and then write, so that two workers can both admit
the last request.
"""

import math
import time
from dataclasses import dataclass
from typing import Any, cast

from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from openchair.database.compiled import fetch_all

_DAY = 24 * 60 * 60


def count_sql(row: str) -> str:
    """Return the SQL that counts `row`: a SELECT or VALUES of a name, the time in ms and 1.

    Its other parameters follow those of `row`: the window's length in milliseconds, twice. It
    returns the count and the start of the window. A window starts with the first request after the
    end of the one before, so a burst meets the limit whenever it comes. One statement, so that no
    two workers can both read before either writes. ABS, because a clock that was wrong once must
    not lock a caller out.
    """
    return f"""
        INSERT INTO api_counter (name, "window", used) {row}
        ON CONFLICT (name) DO UPDATE SET
            used = CASE WHEN ABS(excluded."window" - api_counter."window") < %s
                        THEN api_counter.used + 1 ELSE 1 END,
            "window" = CASE WHEN ABS(excluded."window" - api_counter."window") < %s
                            THEN api_counter."window" ELSE excluded."window" END
        RETURNING used, "window"
    """  # all of it ours


_SPEND = count_sql("VALUES (%s, %s, 1)")


@dataclass(frozen=True)
class Budget:
    """A limit per `seconds`, of which `used` are used; the window ends in `reset` seconds."""

    policy: str
    limit: int
    seconds: int
    used: int
    reset: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def is_overdrawn(self) -> bool:
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        """The RateLimit header fields (IETF draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={self.seconds}',
            "RateLimit": f'"{self.policy}";r={self.left};t={self.reset}',
        }


class RateLimitExceeded(Exception):
    """A limit is used up (429); the text names it."""

    def __init__(self, budget: Budget, text: str) -> None:
        super().__init__(text)
        self.budget = budget
        self.text = text


class PartnerRateThrottle(BaseThrottle):
    """Limits a partner to RATE_LIMIT.

    The statement that finds the key counts the request (practices/api/authentication.py).
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        self.budget: Budget = cast("Any", request.auth).budget
        return not self.budget.is_overdrawn

    def wait(self) -> float:
        return float(self.budget.reset)


def spend(policy: str, subject: str, rate: tuple[int, int]) -> Budget:
    """Count one more against a rate (so many, per so many seconds) and return the budget."""
    now, period, again = window_params(rate)
    [(used, window)] = fetch_all(_SPEND, [_name(policy, subject), now, period, again])
    return counted(policy, rate, used, window)


def window_params(rate: tuple[int, int]) -> list[int]:
    """Return the time and twice the window's length, in milliseconds, for `count_sql`."""
    return [int(time.time() * 1000), rate[1] * 1000, rate[1] * 1000]


def counted(policy: str, rate: tuple[int, int], used: int, window: int) -> Budget:
    """Return the budget, from the count and the window's start that `count_sql` returned."""
    limit, seconds = rate
    left = window / 1000 + seconds - time.time()
    return Budget(policy, limit, seconds, used, min(seconds, max(1, math.ceil(left))))


def forget(policy: str, subject: str) -> None:
    """Delete a counter, so that the count begins again."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM api_counter WHERE name = %s", [_name(policy, subject)])


def give_back(policy: str, subject: str) -> None:
    """Take back one use of those counted; the window stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE api_counter SET used = used - 1 WHERE name = %s AND used > 0",
            [_name(policy, subject)],
        )


def spend_of_any(policy: str, subject: str, rate: tuple[int, int]) -> Budget:
    """Count as `spend` does, for subjects that anybody can make, such as addresses.

    The first use of each window also deletes the policy's old counters.
    """
    budget = spend(policy, subject, rate)
    if budget.used == 1:
        _forget_old(policy, rate)
    return budget


def _forget_old(policy: str, rate: tuple[int, int]) -> None:
    """Delete a policy's counters whose window ended more than a day ago."""
    old = int((time.time() - _DAY - rate[1]) * 1000)
    with connection.cursor() as cursor:
        cursor.execute(
            'DELETE FROM api_counter WHERE name LIKE %s AND "window" < %s', [f"{policy}:%", old]
        )


def _name(policy: str, subject: str) -> str:
    return f"{policy}:{subject}"[:100]
