"""The shared counter in Redis, for installations whose database has enough to do (CACHE_URL)."""

import logging
import time
from functools import cache
from threading import Lock

from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

REST = 30
"""Seconds for which a Redis that did not answer is not asked again."""


_connecting = Lock()


class Outage:
    """Until when (monotonic clock, seconds) Redis is left alone."""

    until = 0.0


def count(url: str, name: str, seconds: int) -> tuple[int, float] | None:
    """Count one more; give how many there are, and the seconds until the window ends.

    None where Redis does not answer: better a limit counted in two places for a while than nobody
    let in. One transaction, so that a counter without an end cannot be left behind.
    """
    if time.monotonic() < Outage.until:
        return None
    key = f"openchair:{name}"
    try:
        with connect(url).pipeline(transaction=True) as pipe:
            pipe.incr(key)
            pipe.pexpire(key, seconds * 1000, nx=True)  # only the first one has no end yet
            pipe.pttl(key)
            used, _, left = pipe.execute()
    except RedisError as error:
        Outage.until = time.monotonic() + REST
        logger.error("Redis does not answer, the database counts: %s", type(error).__name__)
        return None
    return used, left / 1000


def forget(url: str, name: str) -> None:
    """Begin a count anew; where Redis does not answer, it ends by itself."""
    if time.monotonic() < Outage.until:
        return
    try:
        connect(url).delete(f"openchair:{name}")
    except RedisError as error:
        Outage.until = time.monotonic() + REST
        logger.error("Redis does not answer: %s", type(error).__name__)


def connect(url: str) -> Redis:
    """Give the client, one a process.

    Under a lock: of two made at once, the one thrown away would close the connections it lent.
    """
    with _connecting:
        return _client(url)


@cache
def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
