"""Pagination benchmark: every row that stays comes exactly once, while rows change.

    python -m tests.bench.pages ROWS WRITES

makes ROWS bookings, then walks them in pages of 100 again and again for half a minute, while WRITES
times a second a booking elsewhere in the list is created, moved to another time, or deleted.
"""

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from tests.server import Server, running_server

BOOKING = "/onlinescheduling/booking"
FIRST = datetime(2031, 1, 1, 8)  # noqa: DTZ001  # wall time
CLIENTS = 8


@dataclass
class Figures:
    """What was read, what was written meanwhile, and what was wrong."""

    rows: int
    walks: int = 0
    writes: int = 0
    seconds: float = 0.0
    missed: int = 0
    repeated: int = 0

    def __str__(self) -> str:
        return (
            f"{self.walks} walks through {self.rows} rows that stay, "
            f"{self.writes / self.seconds:.0f} writes a second meanwhile: "
            f"{self.missed} missed, {self.repeated} repeated"
        )


def walk(server: Server, path: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a list, page after page, by its Link fields."""
    following: str | None = path
    while following:
        page = server.call("GET", following)
        assert page.status == 200, page.body
        yield from page.json()
        target = urlsplit(page.headers.get("Link", "").partition(">")[0].lstrip("<"))
        following = f"{target.path}?{target.query}" if target.path else None


class Writer:
    """Creates bookings, and changes those that need not stay."""

    def __init__(self, server: Server, rows: int) -> None:
        self.server = server
        self.practice = server.demo["practices"]["exact"]
        self.rows = rows
        self.passing: list[str] = []

    def create(self, nth: int) -> str:
        """Create a booking at the nth quarter of an hour."""
        body = {
            "location_id": self.practice["locations"][nth % 2],
            "doctor_id": self.practice["doctors"][0],
            "start_datetime": (FIRST + timedelta(minutes=15 * nth)).isoformat(),
        }
        made = self.server.call("POST", BOOKING, body)
        assert made.status == 201, made.body
        booking_id: str = made.json()["id"]
        return booking_id

    def write(self) -> None:
        """Create, move or delete a booking that need not stay."""
        act = random.choice(["create", "move", "delete"])
        if act == "create" or not self.passing:
            self.passing.append(self.create(random.randrange(self.rows)))
            return
        path = f"{BOOKING}/{random.choice(self.passing)}"
        if act == "delete":
            self.passing.remove(path.rpartition("/")[2])
            self.server.call("DELETE", path)
            return
        start = FIRST + timedelta(minutes=15 * random.randrange(self.rows))
        self.server.call("PUT", path, {"start_datetime": start.isoformat()})


@contextmanager
def writing(writer: Writer, per_second: float, figures: Figures) -> Iterator[None]:
    """Write so many times a second in the background, as far as the machine keeps up."""
    stop = threading.Event()

    def go_on() -> None:
        began = time.monotonic()
        while not stop.wait(max(0.0, began + figures.writes / per_second - time.monotonic())):
            writer.write()
            figures.writes += 1

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def run(rows: int, per_second: int, *, seconds: float = 30.0) -> Figures:
    """Run it on a server of its own, and return the figures."""
    figures = Figures(rows)
    with running_server() as server:
        writer = Writer(server, rows)
        with ThreadPoolExecutor(CLIENTS) as pool:
            stay = set(pool.map(writer.create, range(rows)))
        path = f"/onlinescheduling/practice/{writer.practice['id']}/bookings?limit=100"
        began = time.monotonic()
        with writing(writer, per_second, figures):
            while figures.walks < 2 or time.monotonic() - began < seconds:
                seen = Counter(row["id"] for row in walk(server, path))
                figures.walks += 1
                figures.missed += len(stay - set(seen))
                figures.repeated += sum(seen[booking_id] > 1 for booking_id in stay)
        figures.seconds = time.monotonic() - began
    return figures


def main(arguments: list[str]) -> int:
    """Run it from the command line; exits 1 where a row was missed or repeated."""
    if len(arguments) != 2 or not all(text.isdigit() and int(text) for text in arguments):
        sys.stderr.write(__doc__ or "")
        return 2
    figures = run(int(arguments[0]), int(arguments[1]))
    sys.stdout.write(f"{figures}\n")
    return 1 if figures.missed or figures.repeated else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
