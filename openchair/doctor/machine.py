"""This machine: its disks, its time zones, its Redis."""

import shutil
import zoneinfo
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning  # noqa: A004  # Django's names
from django.db import connection
from redis.exceptions import RedisError

from openchair import logs
from openchair.api import redis_counter

SCARCE = 1_000_000_000
"""Bytes: less than this, or a twentieth, is too little free room on a disk."""
LOGS = Path("/var/log")
OLDEST_REDIS = 7


def findings() -> Iterator[CheckMessage]:
    """Look at what this machine has."""
    yield from _disks()
    yield from _time_zones()
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


def _time_zones() -> Iterator[CheckMessage]:
    package = version("tzdata")  # 2026.2 is the IANA's 2026b
    year, _, number = package.partition(".")
    newest = f"{year}{chr(ord('a') + int(number.split('.')[0]) - 1)}"
    for folder in zoneinfo.TZPATH:
        names = Path(folder) / "tzdata.zi"
        if not names.is_file():
            continue
        with names.open() as told:
            found = told.readline().removeprefix("# version ").strip()
        if found < newest:
            yield Info(
                f"The time zones of this machine, in {folder}, are of version {found}; those that "
                f"came with OpenChair are {newest}. Python takes the machine's.",
                "Update the machine's package tzdata, or start OpenChair with PYTHONTZPATH set to "
                "nothing, to use its own.",
                id="openchair.I111",
            )
        return
    if not zoneinfo.available_timezones():
        yield Error("Python has no time zones.", "Run script/setup again.", id="openchair.E111")


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
