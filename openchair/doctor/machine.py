"""This machine: its disks, its Redis."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004  # Django's names
from django.db import connection
from redis.exceptions import RedisError

from openchair.api import redis_counter
from openchair.serving import logs

SCARCE = 1_000_000_000
"""Bytes: less than this, or a twentieth, is too little free room on a disk."""
LOGS = Path("/var/log")
OLDEST_REDIS = 7


def findings() -> Iterator[CheckMessage]:
    """Look at what this machine has."""
    yield from _disks()
    if settings.CACHE_URL:
        yield from _redis()


def _disks() -> Iterator[CheckMessage]:
    places = {"the log": LOGS, "files that are being received": Path("/tmp")}  # noqa: S108
    if connection.vendor == "sqlite":
        places["the database"] = Path(str(connection.settings_dict["NAME"])).parent
    for what, place in places.items():
        if not place.is_dir():
            continue
        total, _, free = shutil.disk_usage(place)
        if free < min(SCARCE, total / 20):
            yield Warning(
                f"The disk of {what}, at {place}, has {free // 1_000_000} MB left.",
                "Make room, or give it a larger disk: where it is full, changes are refused.",
                id="openchair.W110",
            )


def _redis() -> Iterator[CheckMessage]:
    try:
        told = redis_counter.connect(settings.CACHE_URL).info("server")
    except RedisError as error:
        yield Warning(
            f"The Redis of CACHE_URL does not answer ({logs.describe(error)}); the database counts "
            "requests meanwhile.",
            "Start it, mend CACHE_URL, or leave CACHE_URL out.",
            id="openchair.W112",
        )
        return
    if int(str(told["redis_version"]).partition(".")[0]) < OLDEST_REDIS:
        yield Warning(
            f"The Redis of CACHE_URL is version {told['redis_version']}.",
            f"Use version {OLDEST_REDIS} or later.",
            id="openchair.W113",
        )
