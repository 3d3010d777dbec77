"""Partners of the torture benchmark: each writes, and records what was acknowledged."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from itertools import count
from json import dumps, loads
from typing import Any

from tests.server import Server

BOOKING = "/onlinescheduling/booking"
APPOINTMENT = "/onlinescheduling/appointment"
FIRST = datetime(2100, 1, 1, tzinfo=UTC)
MARK = "torture-"
COME_AGAIN = {429, 502, 503}
PLACES = 5


@dataclass
class World:
    """What all partners share: the server, bookings to compete for, and when to stop."""

    server: Server
    openings: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)
    is_over: threading.Event = field(default_factory=threading.Event)
    patience: float = 120.0
    """Seconds for which a partner goes on asking once it is over."""


@dataclass
class Creation:
    """A POST that was meant to happen once: a booking or an appointment, known by its mark.

    made: its id where it was acknowledged, None where it was refused; unknown if not `is_known`.
    """

    mark: str
    made: str | None = None
    is_known: bool = False


class Partner:
    """A client with one connection, which sends one request after another."""

    def __init__(self, world: World, practice: dict[str, Any], seed: int) -> None:
        self.world, self.practice = world, practice
        self.random = random.Random(seed)
        self.connection: HTTPConnection | None = None
        self.made_openings: list[Creation] = []
        self.made_places: list[Creation] = []
        self.openings: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.acknowledged = 0

    def work(self) -> None:
        """Work until time is over, and finish what was begun."""
        while not self.world.is_over.is_set():
            self.act()
        if self.connection is not None:
            self.connection.close()

    def act(self) -> None:
        """Do one thing or another."""
        self.random.choices(
            [self.create, self.take, self.settle, self.cancel, self.claim, self.close],
            [20, 40, 12, 15, 10, 3],
        )[0]()

    # What it does ------------------------------------------------------------------------------

    def create(self) -> None:
        """Create a booking: for itself, or for all to compete for."""
        number = next(self.world.numbers)
        is_shared = self.random.random() < 0.5
        start = FIRST + timedelta(seconds=number)
        creation = Creation(start.isoformat())
        self.made_openings.append(creation)
        body = {
            "location_id": self.practice["locations"][number % 2],
            "doctor_id": self.practice["doctors"][0],
            "start_datetime": start.isoformat(),
            "total_appointments": PLACES if is_shared else self.random.randint(1, 3),
        }
        if self._post(BOOKING, body, creation) and creation.made is not None:
            if is_shared:
                self.world.openings.append(creation.made)
            else:
                self.openings[creation.made] = "open"

    def take(self) -> None:
        """Make an appointment where others want one too."""
        if not self.world.openings:
            return
        # The latest openings have places left, and so everybody meets there.
        booking_id = self.random.choice(self.world.openings[-12:])
        status = self.random.choice(["booked", "pending"])
        creation = Creation(f"{MARK}{next(self.world.numbers)}")
        self.made_places.append(creation)
        body = {"status": status, "last_name": creation.mark, "phone": "555 0100"}
        if self._post(f"{BOOKING}/{booking_id}/appointments", body, creation) and creation.made:
            self.places[creation.made] = status

    def settle(self) -> None:
        """Book an appointment that is held."""
        if held := [place for place, status in self.places.items() if status == "pending"]:
            self._until_done(self.places, self.random.choice(held), "booked", APPOINTMENT)

    def cancel(self) -> None:
        """Cancel an appointment."""
        if taken := [place for place, status in self.places.items() if status != "cancelled"]:
            self._until_done(self.places, self.random.choice(taken), "cancelled", APPOINTMENT)

    def claim(self) -> None:
        """Hold, book or give back a whole booking of its own."""
        if mine := [opening for opening, status in self.openings.items() if status != "closed"]:
            opening = self.random.choice(mine)
            wanted = {"open": "pending", "pending": "booked", "booked": "open"}
            self._until_done(self.openings, opening, wanted[self.openings[opening]], BOOKING)

    def close(self) -> None:
        """Delete a booking of its own."""
        if mine := [opening for opening, status in self.openings.items() if status != "closed"]:
            self._until_done(self.openings, self.random.choice(mine), "closed", BOOKING)

    # How it is sent ----------------------------------------------------------------------------

    def _post(self, path: str, body: dict[str, Any], creation: Creation) -> bool:
        """Send a POST: with a key until it is answered, without one once; return if it is known."""
        is_keyed = self.random.random() < 0.7
        headers = {"Idempotency-Key": creation.mark} if is_keyed else {}

        def attempt() -> bool:
            status, answer = self._send("POST", path, body, headers)
            if status == 201:
                creation.made, creation.is_known = answer["id"], True
                self.acknowledged += 1
            elif status == 409 and answer.get("reason") == "place_taken":
                creation.is_known = True
            elif status == 409 and answer.get("reason") == "still_running":
                return False
            elif status and status not in COME_AGAIN:
                self._note_unexpected("POST", path, status, answer)
                return True
            return creation.is_known

        if is_keyed:
            self._repeat(attempt, f"POST {path}")
        else:
            attempt()
        return creation.is_known

    def _until_done(self, known: dict[str, str], subject: str, wanted: str, kind: str) -> None:
        """Change a status, sending it until it is acknowledged."""
        method = "DELETE" if wanted in {"cancelled", "closed"} else "PUT"
        body = {"status": wanted} if method == "PUT" else None

        def attempt() -> bool:
            status, answer = self._send(method, f"{kind}/{subject}", body, {})
            if status == 200 and answer["status"] == wanted:
                known[subject] = wanted
                self.acknowledged += 1
                return True
            if status and status not in COME_AGAIN:
                self._note_unexpected(method, f"{kind}/{subject}", status, answer)
                return True
            return False

        self._repeat(attempt, f"{method} {kind}/{subject}")

    def _repeat(self, attempt: Callable[[], bool], what: str) -> None:
        until = None
        while not attempt():
            if self.world.is_over.is_set():
                until = until or time.monotonic() + self.world.patience
                if time.monotonic() > until:
                    self.world.unexpected.append(f"{what}: no answer in {self.world.patience} s")
                    return
            time.sleep(self.random.uniform(0.05, 0.4))

    def _note_unexpected(self, method: str, path: str, status: int, answer: Any) -> None:
        self.world.unexpected.append(f"{method} {path}: {status} {answer.get('detail', '')}")

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> tuple[int, Any]:
        """Send a request over the connection; status 0 without an answer."""
        sent = {"Authorization": self.world.server.key, **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        if self.connection is None:
            server = self.world.server
            self.connection = HTTPConnection(server.host, server.port, timeout=30)
        try:
            self.connection.request(method, path, None if body is None else dumps(body), sent)
            response = self.connection.getresponse()
            status, answer = response.status, loads(response.read())
        except (OSError, HTTPException):
            self.connection.close()
            self.connection = None
            self.world.answers["broken"] += 1
            return 0, {}
        self.world.answers[str(status)] += 1
        return status, answer
