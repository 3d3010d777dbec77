"""How much in how long: one counter that all workers share, in the database."""

import math
import time
from dataclasses import dataclass

from openchair.api.models import Counter
from openchair.database.statements import ask


def counting(what: str) -> str:
    """Write the statement that counts `what`: SQL for a row of name, the present and 1.

    A window begins with the first request after the one before it ended, so that a burst is held to
    the limit whenever it comes. One statement, so that two workers can never both read before
    either writes; both engines know it. ABS, for a clock that was wrong once must not lock anybody
    out.
    """
    return f"""
        INSERT INTO api_counter (name, "window", used) {what}
        ON CONFLICT (name) DO UPDATE SET
            used = CASE WHEN ABS(excluded."window" - api_counter."window") < %(period)s
                        THEN api_counter.used + 1 ELSE 1 END,
            "window" = CASE WHEN ABS(excluded."window" - api_counter."window") < %(period)s
                            THEN api_counter."window" ELSE excluded."window" END
        RETURNING used, "window"
    """


_SPEND = counting("VALUES (%(name)s, %(now_ms)s, 1)")
_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Budget:
    """What is left of a limit per `seconds`; `reset` seconds from now all of it is."""

    policy: str
    limit: int
    seconds: int
    used: int
    reset: int

    @property
    def left(self) -> int:
        """Count what may still be spent in this window."""
        return max(0, self.limit - self.used)

    @property
    def is_overdrawn(self) -> bool:
        """Say whether the last spending was one too many."""
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        """Write the RateLimit fields (IETF draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={self.seconds}',
            "RateLimit": f'"{self.policy}";r={self.left};t={self.reset}',
        }


class Overdrawn(Exception):
    """A limit is used up (429); the text says which."""

    def __init__(self, budget: Budget, text: str) -> None:
        super().__init__(text)
        self.budget = budget
        self.text = text


def spend(policy: str, subject: str, rate: tuple[int, int]) -> Budget:
    """Count one more of something against a rate (so many, per so many seconds)."""
    name = f"{policy}:{subject}"[:100]
    [(used, window)] = ask(_SPEND, {"name": name} | when(rate[1]))
    return counted(policy, rate, used, window)


def counted(policy: str, rate: tuple[int, int], used: int, window: int) -> Budget:
    """Say what is left after `counting` returned this."""
    limit, seconds = rate
    left = window / 1000 + seconds - time.time()
    return Budget(policy, limit, seconds, used, min(seconds, max(1, math.ceil(left))))


def forget(policy: str, subject: str) -> None:
    """Begin a count anew."""
    Counter.objects.filter(name=f"{policy}:{subject}"[:100]).delete()


def when(seconds: int) -> dict[str, object]:
    """Give what `counting` in windows of so many seconds has to be told, beside the name."""
    return {"now_ms": int(time.time() * 1000), "period": seconds * 1000}


def forget_addresses(policy: str, rate: tuple[int, int]) -> None:
    """Delete the counters of addresses that were last seen more than a day ago."""
    old = int((time.time() - _DAY - rate[1]) * 1000)
    Counter.objects.filter(name__startswith=f"{policy}:", window__lt=old).delete()
