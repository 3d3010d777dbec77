"""Clients under which a server is restarted or backed up: they create, hold, book and cancel.

Every request has one right answer; anything else, a refused connection too, is kept as a failure.
What was acknowledged is kept as well, to be looked for afterwards.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

from tests.server import Server


class Load:
    """Clients, with the outcome of what they did."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.practice = server.demo["practices"]["exact"]
        self.answered = 0
        self.failures: list[str] = []
        self.slowest = 0.0
        self.booked: dict[str, float] = {}
        """Openings that were acknowledged as booked, and when."""
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    @contextmanager
    def running(self, clients: int) -> Iterator["Load"]:
        """Run clients until the block ends; each ends what it has begun."""
        threads = [threading.Thread(target=self._work, args=[number]) for number in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()

    def until(self, answered: int) -> None:
        """Wait until so many more requests are answered. Raises TimeoutError after two minutes."""
        goal, deadline = self.answered + answered, time.monotonic() + 120
        while self.answered < goal:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.answered} answered; {self.failures[:3]}")
            time.sleep(0.02)

    def _work(self, client: int) -> None:
        count = 0
        while not self._stopped.is_set():
            count += 1
            self._one(f"{self.name}-{client}-{count}")

    def _one(self, name: str) -> None:
        """Create a booking, and take it through its statuses."""
        body = {
            "id": name,
            "location_id": self.practice["locations"][0],
            "doctor_id": self.practice["doctors"][0],
            "start_datetime": "2031-06-03T09:00",
            "total_appointments": 2,
        }
        one = f"/onlinescheduling/booking/{name}"
        self._call(201, "POST", "/onlinescheduling/booking", body)
        taken = self._call(
            201, "POST", f"{one}/appointments", {"status": "booked", "first_name": "Ada"}
        )
        if taken:
            self._call(200, "DELETE", f"/onlinescheduling/appointment/{taken['id']}")
        self._call(200, "PUT", one, {"status": "pending"})
        self._call(200, "PUT", one, {"status": "booked"})
        found = self._call(200, "GET", one)
        if found and found["status"] == "booked":
            self.booked[name] = time.monotonic()
        practice = f"/onlinescheduling/practice/{self.practice['id']}"
        self._call(200, "GET", f"{practice}/bookings?limit=50")
        self._call(200, "GET", f"{practice}/changes?limit=20")

    def _call(self, status: int, method: str, path: str, body: Any = None) -> Any:
        began = time.monotonic()
        try:
            answer = self.server.call(method, path, body)
            failure = "" if answer.status == status else f"{answer.status} {answer.body[:200]!r}"
        except (OSError, HTTPException) as error:
            failure = repr(error)
        with self._lock:
            self.answered += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            if failure:
                self.failures.append(f"{method} {path}: {failure}")
        return None if failure else answer.json()
