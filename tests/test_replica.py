"""Lists from a real streaming replica, and whose writes are in them whatever the replica lags."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.postgres import ROLE, SETTINGS, Cluster, cluster
from tests.server import Server, running_server

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL")
BOOKING = "/onlinescheduling/booking"


class Standby(Cluster):
    """A standby of another cluster, which logs what it is asked."""

    def follow(self, primary: Cluster) -> None:
        """Copy the primary, and go on from there."""
        os.chown(self.home, self.user.get("user", -1), self.user.get("group", -1))
        source = ["-h", f"{primary.home}", "-U", ROLE, "-c", "fast", "--no-sync"]
        self._run("pg_basebackup", *source, "-R", "-D", self.data)
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(f"unix_socket_directories = '{self.home}'\nlog_statement = all\n")
        self.start()

    def ask(self, query: str) -> Any:
        """Ask it for one value."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
            return row and row[0]


@dataclass
class Pair:
    """The product, its primary, and a replica of that."""

    server: Server
    primary: Cluster
    standby: Standby

    def __post_init__(self) -> None:
        self.practice = self.server.demo["practices"]["exact"]
        self.lists = f"/onlinescheduling/practice/{self.practice['id']}"

    def ids(self, path: str) -> tuple[set[str], bool]:
        """Read a list: its ids, and whether the replica was asked for rows of it."""
        log = self.standby.home / "log"
        before = log.stat().st_size
        answer = self.server.call("GET", f"{self.lists}{path}")
        assert answer.status == 200, answer.body
        said = log.read_bytes()[before:]
        return {row["id"] for row in answer.json()}, b'"bookings_booking"."start_datetime"' in said

    def create(self, **fields: object) -> str:
        """Make an opening."""
        body = {
            "location_id": self.practice["locations"][0],
            "doctor_id": self.practice["doctors"][0],
            "start_datetime": "2097-06-02T09:00",
            **fields,
        }
        made = self.server.call("POST", BOOKING, body)
        assert made.status == 201, made.body
        return str(made.json()["id"])

    def catch_up(self) -> None:
        """Let the replica replay, until it has all that the primary has."""
        # Whoever reads first writes down what the clock has done, of which the replica is to know.
        self.ids("/bookings")
        self.standby.ask("SELECT pg_wal_replay_resume()")
        with psycopg.connect(self.primary.url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_current_wal_lsn()").fetchone()
        assert row is not None
        until(lambda: self.standby.ask(f"SELECT pg_last_wal_replay_lsn() >= '{row[0]}'::pg_lsn"))

    def pause(self) -> None:
        """Stop replaying, in a state that has all there is now."""
        self.catch_up()
        self.standby.ask("SELECT pg_wal_replay_pause()")
        until(lambda: self.standby.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")


def until(is_so: Callable[[], bool]) -> None:
    """Wait; a replica that was slow to connect to is left alone for half a minute."""
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    # What is acknowledged has been written, and so sent: catch_up() waits for it.
    with cluster(SETTINGS.replace("synchronous_commit = off", "")) as primary:
        standby = Standby(SETTINGS)
        try:
            standby.follow(primary)
            with running_server(
                through=lambda _: primary.url, DATABASE_REPLICA_URL=standby.url
            ) as server:
                yield Pair(server, primary, standby)
        finally:
            standby.remove()


@pytest.mark.parametrize("query", ["", "?limit=1000"], ids=["whole", "pages"])
def test_a_list_comes_from_the_replica_once_it_has_everything(pair: Pair, query: str) -> None:
    made = pair.create()
    pair.catch_up()
    assert made in pair.ids(f"/bookings{query}")[0]
    until(lambda: pair.ids(f"/bookings{query}")[1])


@pytest.mark.parametrize("query", ["", "?limit=1000"], ids=["whole", "pages"])
def test_a_partner_reads_its_own_writes_while_the_replica_lags(pair: Pair, query: str) -> None:
    pair.pause()
    until(lambda: pair.ids(f"/bookings{query}")[1])
    made = pair.create()
    ids, at_replica = pair.ids(f"/bookings{query}")
    assert made in ids
    assert not at_replica
    assert pair.server.call("DELETE", f"{BOOKING}/{made}").status == 200
    assert made not in pair.ids(f"/bookings{query}")[0]
    pair.catch_up()
    until(lambda: pair.ids(f"/bookings{query}")[1])


def test_so_it_does_with_appointments(pair: Pair) -> None:
    opening = pair.create(total_appointments=2)
    pair.pause()
    taken = pair.server.call("POST", f"{BOOKING}/{opening}/appointments", {"status": "booked"})
    assert taken.json()["id"] in pair.ids("/appointments")[0]
    pair.catch_up()
    ids, _ = pair.ids("/appointments")
    assert taken.json()["id"] in ids


def test_a_hold_that_ended_is_settled_though_the_replica_shows_it_held(pair: Pair) -> None:
    opening = pair.create()
    path = f"{BOOKING}/{opening}"
    assert pair.server.call("PUT", path, {"status": "pending"}).status == 200
    pair.pause()
    with psycopg.connect(pair.primary.url) as connection:
        back = "pending_until = pending_until - interval '2 hours'"
        held = (
            f"UPDATE bookings_appointment SET {back}, held_since = held_since - interval '2 hours'"
        )
        connection.execute(f"{held} WHERE booking_id = %s".encode(), [opening])
        connection.execute(f"UPDATE bookings_booking SET {back} WHERE id = %s".encode(), [opening])
    assert opening in pair.ids("/bookings?status=open")[0]
    query = f"SELECT status FROM bookings_booking WHERE id = '{opening}'"
    assert pair.standby.ask(query) == "pending"
    pair.catch_up()


def test_an_office_that_moved_its_clock_is_not_shown_at_the_old_one(pair: Pair) -> None:
    made = pair.create()
    pair.pause()
    zone = "UPDATE practices_location SET timezone = %s WHERE id = %s"
    office = pair.practice["locations"][0]
    with psycopg.connect(pair.primary.url, autocommit=True) as connection:
        connection.execute(zone, ["America/Denver", office])
        ids, at_replica = pair.ids("/bookings")
        connection.execute(zone, ["America/New_York", office])
    assert made in ids
    assert not at_replica
    pair.catch_up()


def test_without_its_replica_a_list_comes_from_the_primary(pair: Pair) -> None:
    pair.standby.stop()
    made = pair.create()
    for _ in range(20):  # whichever worker and thread answers
        answer = pair.server.call("GET", f"{pair.lists}/bookings")
        assert answer.status == 200
        assert made in {row["id"] for row in answer.json()}
