"""How much in how long: one counter that all workers share, in the database or in Redis."""

import math
import time
from dataclasses import dataclass

from django.conf import settings

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
    found = _count_in_redis(name, rate[1]) if settings.CACHE_URL else None
    return _budget(policy, rate, *(found or _count_in_database(name, rate[1])))


def counted(policy: str, rate: tuple[int, int], used: int, window: int) -> Budget:
    """Say what is left after `counting` returned this."""
    return _budget(policy, rate, used, _left(window, rate[1]))


def _budget(policy: str, rate: tuple[int, int], used: int, left: float) -> Budget:
    limit, seconds = rate
    return Budget(policy, limit, seconds, used, min(seconds, max(1, math.ceil(left))))


def forget(policy: str, subject: str) -> None:
    """Begin a count anew, wherever it is kept."""
    name = f"{policy}:{subject}"[:100]
    Counter.objects.filter(name=name).delete()
    if settings.CACHE_URL:
        from openchair.api import redis_counter

        redis_counter.forget(settings.CACHE_URL, name)


def _count_in_database(name: str, seconds: int) -> tuple[int, float]:
    """Count one more; give how many there are, and the seconds until the window ends."""
    [(used, window)] = ask(_SPEND, {"name": name} | when(seconds))
    return used, _left(window, seconds)


def when(seconds: int) -> dict[str, object]:
    """Give what `counting` in windows of so many seconds has to be told, beside the name."""
    return {"now_ms": int(time.time() * 1000), "period": seconds * 1000}


def _left(window: int, seconds: int) -> float:
    """Give the seconds until a window ends that began at this millisecond."""
    return window / 1000 + seconds - time.time()


def _count_in_redis(name: str, seconds: int) -> tuple[int, float] | None:
    """Do the same in Redis; None where it does not answer."""
    # Only here, for its client takes memory and time that most installations have no use for.
    from openchair.api import redis_counter

    return redis_counter.count(settings.CACHE_URL, name, seconds)


def forget_addresses(policy: str, rate: tuple[int, int]) -> None:
    """Delete the counters of addresses that were last seen more than a day ago."""
    old = int((time.time() - _DAY - rate[1]) * 1000)
    Counter.objects.filter(name__startswith=f"{policy}:", window__lt=old).delete()
