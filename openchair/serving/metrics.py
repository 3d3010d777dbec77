"""What happened, counted, for Prometheus to fetch (docs/monitoring.md).

The workers of a server share memory that gunicorn's master makes before it forks them (anonymous:
no files, so nothing is left behind whatever dies). Each counts in a part of its own, which the next
worker goes on with, and any of them reads all: a counter never goes back while the master lives.
"""

import hmac
import logging
import mmap
import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from openchair.serving import proxies

logger = logging.getLogger(__name__)

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: the upper ends of the latency histogram's buckets."""
_SUM = len(BOUNDS) + 1
NUMBERS = 8192
NAMES = 8 * NUMBERS
_PART = 8 * NUMBERS + NAMES


class Part:
    """One process's numbers: each name has one or more, in a row; number 0 is the names' length."""

    def __init__(self, memory: memoryview) -> None:
        self._numbers = memory[: 8 * NUMBERS].cast("d")
        self._names = memory[8 * NUMBERS :]
        self._lock = threading.Lock()
        self._places: dict[str, int] = {}
        self._next = 1
        for name, numbers in self.read():  # those of whoever had this part before
            self._places[name] = self._next
            self._next += len(numbers)

    def add(self, name: str, width: int, *amounts: tuple[int, float]) -> None:
        """Add amounts to numbers of a name: (which, how much)."""
        with self._lock:
            place = self._places.get(name) or self._new(f"{width} {name}\n".encode(), name, width)
            if place:
                for which, amount in amounts:
                    self._numbers[place + which] += amount

    def _new(self, line: bytes, name: str, width: int) -> int:
        used = int(self._numbers[0])
        if used + len(line) > NAMES or self._next + width > NUMBERS:
            return 0  # full: of what comes in so many kinds, those met first are counted
        self._names[used : used + len(line)] = line
        # Last, for others read meanwhile.
        self._numbers[0] = used + len(line)
        place = self._places[name] = self._next
        self._next += width
        return place

    def read(self) -> Iterator[tuple[str, list[float]]]:
        """Give each name with its numbers."""
        place = 1
        for line in bytes(self._names[: int(self._numbers[0])]).decode().splitlines():
            width, _, name = line.partition(" ")
            yield name, list(self._numbers[place : place + int(width)])
            place += int(width)


class Shared:
    """The memory that the processes of a server share, and who has which part of it."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        memory = memoryview(mmap.mmap(-1, parts * _PART))
        self._memories = [memory[n * _PART : (n + 1) * _PART] for n in range(parts)]
        self._taken: set[int] = set()
        self.mine = Part(self._memories[0])

    def reserve(self) -> int:
        """Find a part for a worker about to begin: for gunicorn's master, whose own is part 0."""
        free = set(range(1, len(self._memories))) - self._taken
        number = min(free, default=0)
        self._taken.add(number)
        return number

    def release(self, number: int) -> None:
        """Leave a worker's part, with what it counted, to the next one."""
        self._taken.discard(number)

    def use(self, number: int) -> None:
        """Count in this part from now on: for a worker."""
        # More workers than parts: those left over count where nobody reads.
        self.mine = Part(self._memories[number] if number else memoryview(mmap.mmap(-1, _PART)))

    def totals(self) -> dict[str, list[float]]:
        """Add up what all processes have counted."""
        found: dict[str, list[float]] = {}
        for memory in self._memories:
            for name, numbers in Part(memory).read():
                sums = found.setdefault(name, [0.0] * len(numbers))
                found[name] = [one + other for one, other in zip(sums, numbers, strict=True)]
        return found


class Server:
    """The memory of this server; alone until gunicorn's master shares one."""

    shared = Shared(1)


def share(parts: int) -> None:
    """Make memory for so many processes, before they are forked; again it changes nothing."""
    if Server.shared.parts < parts:
        Server.shared = Shared(parts)


# What is counted -----------------------------------------------------------------------------


class _Now(threading.local):
    """What part of the server this thread is working for."""

    part = "other"


_now = _Now()


def begin(path: str) -> None:
    """Note for which part of the server a request is: the API, the board (the admin), other."""
    if path.startswith(("/onlinescheduling", "/scheduling")):
        _now.part = "api"
    else:
        _now.part = "board" if path.startswith("/admin/") else "other"


def request(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request that was answered; route goes between quotation marks as it is."""
    mine = Server.shared.mine
    labels = f'part="{_now.part}",method="{method}",route="{route}"'
    mine.add(f'openchair_requests_total{{{labels},status="{status}"}}', 1, (0, 1))
    bucket = bisect_left(BOUNDS, seconds)
    mine.add(f"openchair_request_seconds{{{labels}}}", _SUM + 1, (bucket, 1), (_SUM, seconds))


def claim(*, won: bool) -> None:
    """Count a request that claimed a place, and whether it got one."""
    labels = f'part="{_now.part}",outcome="{"won" if won else "lost"}"'
    Server.shared.mine.add(f"openchair_claims_total{{{labels}}}", 1, (0, 1))


def holds_lapsed(count: int) -> None:
    """Count holds that ended by the clock."""
    Server.shared.mine.add("openchair_holds_lapsed_total{}", 1, (0, count))


# /metrics ------------------------------------------------------------------------------------

HELP = {
    "openchair_requests_total": ("counter", "Requests answered."),
    "openchair_request_seconds": ("histogram", "How long requests took."),
    "openchair_claims_total": ("counter", "Claims of a place, and whether they got one."),
    "openchair_holds_lapsed_total": ("counter", "Holds that ended by the clock."),
    "openchair_holds_live": ("gauge", "Holds that have not ended."),
}


def answer(asked: HttpRequest) -> HttpResponse | None:
    """Answer /metrics to those whom the operator names; to others it is an unknown path."""
    if asked.path_info != "/metrics" or asked.method not in {"GET", "HEAD"} or not _may(asked):
        return None
    return HttpResponse(
        "".join(f"{line}\n" for line in lines()),
        content_type="text/plain; version=0.0.4; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )


def _may(asked: HttpRequest) -> bool:
    """Say whether who asks is at one of METRICS_FROM and has METRICS_TOKEN, as far as set."""
    if not settings.METRICS_FROM and not settings.METRICS_TOKEN:
        return False
    address = asked.META.get("REMOTE_ADDR", "")
    if settings.METRICS_FROM and not proxies.is_among(address, settings.METRICS_FROM):
        return False
    if not settings.METRICS_TOKEN:
        return True
    if settings.HTTPS_ONLY and not asked.is_secure():
        return False  # a secret must not travel in clear twice
    given = asked.META.get("HTTP_AUTHORIZATION", "")
    return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())


def lines() -> Iterator[str]:
    """Write everything in Prometheus' text format."""
    totals = Server.shared.totals()
    with suppress(DatabaseError, InterfaceError):  # a database that is away is /readyz' to tell
        totals["openchair_holds_live{}"] = [float(_live_holds())]
    for name, (kind, about) in HELP.items():
        yield f"# HELP {name} {about}"
        yield f"# TYPE {name} {kind}"
        for full, numbers in sorted(totals.items()):
            if full.partition("{")[0] != name:
                continue
            if kind == "histogram":
                yield from _histogram(name, full[len(name) + 1 : -1], numbers)
            else:
                yield f"{full.removesuffix('{}')} {numbers[0]:.0f}"


def _histogram(name: str, labels: str, numbers: list[float]) -> Iterator[str]:
    *counts, seconds = numbers
    so_far = 0.0
    for bound, count in zip([*BOUNDS, "+Inf"], counts, strict=True):
        so_far += count
        yield f'{name}_bucket{{{labels},le="{bound}"}} {so_far:.0f}'
    yield f"{name}_sum{{{labels}}} {seconds:.6f}"
    yield f"{name}_count{{{labels}}} {so_far:.0f}"


def _live_holds() -> int:
    from bookings.models import Appointment, Booking  # models are there only now

    now = timezone.now()
    whole = Booking.objects.filter(whole_pending_until__gt=now).aggregate(held=Sum("whole_pending"))
    return Appointment.objects.filter(pending_until__gt=now).count() + (whole["held"] or 0)
