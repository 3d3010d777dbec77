"""This machine: its disks."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.core.checks import CheckMessage, Warning  # noqa: A004  # Django's names
from django.db import connection

SCARCE = 1_000_000_000
"""Bytes: less than this, or a twentieth, is too little free room on a disk."""
LOGS = Path("/var/log")


def findings() -> Iterator[CheckMessage]:
    """Look at what this machine has."""
    yield from _disks()


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
