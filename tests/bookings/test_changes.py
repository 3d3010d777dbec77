"""The change feed: order of commits, cursors, concurrent writers (contract, section 4)."""

import hashlib
import random
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction

from bookings import walltime
from bookings.models import Booking, Event
from bookings.scheduling import appointments, bookings
from openchair.errors import LimitReached, Refused
from tests import factories
from tests.conftest import Caller
from tests.factories import NOON, Scene


class Follower:
    """Keeps a copy of a practice's bookings: the list once, then the feed."""

    def __init__(self, api: Caller, practice_id: str) -> None:
        self.api = api
        self.path = f"/onlinescheduling/practice/{practice_id}"
        self.cursor: str | None = self.read(f"{self.path}/changes?after=latest")["cursor"]
        self.copy = {row["id"]: row for row in self.read(f"{self.path}/bookings?status=all")}
        self.seen: list[tuple[str, str | None, str]] = []

    def read(self, path: str) -> Any:
        answer = self.api("GET", path)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def poll(self, limit: int = 10) -> None:
        """Read the feed from the cursor, and apply its bookings to the copy."""
        while True:
            after = "" if self.cursor is None else f"&after={self.cursor}"
            page = self.read(f"{self.path}/changes?limit={limit}{after}")
            assert len(page["changes"]) <= limit
            for change in page["changes"]:
                self.seen.append((change["booking_id"], change["from_status"], change["to_status"]))
            self.copy |= {row["id"]: row for row in page["bookings"]}
            self.cursor = page["cursor"]
            if not page["has_more"]:
                return

    def open_rows(self) -> dict[str, Any]:
        """Return the copy without closed bookings, as a list shows them."""
        return {name: row for name, row in self.copy.items() if row["status"] != "closed"}

    def digest(self, location_id: str) -> dict[str, Any]:
        """Return what the server has to say of a location, at this cursor."""
        rows = [row for row in self.open_rows().values() if row["location_id"] == location_id]
        rows.sort(key=lambda row: row["id"].encode())
        names = ("id", "updated_at", "status", "available_appointments")
        lines = [",".join(str(row[name]) for name in names) + "\n" for row in rows]
        told = hashlib.sha256("".join(lines).encode()).hexdigest()
        return {"cursor": self.cursor, "count": len(rows), "sha256": told}


def changes(api: Caller, scene: Scene, query: str = "") -> Any:
    """Return a page of the feed."""
    return api("GET", f"/onlinescheduling/practice/{scene.practice.pk}/changes{query}").json()


def test_the_feed_tells_every_change_from_the_beginning(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(id="one")
    clock.shift(60)
    api("PUT", "/onlinescheduling/booking/one", {"status": "pending"})
    clock.shift(900)
    told = changes(api, scene)
    assert [(c["booking_id"], c["from_status"], c["to_status"]) for c in told["changes"]] == [
        ("one", None, "open"),
        ("one", "open", "pending"),
        ("one", "pending", "open"),
    ]
    assert told["changes"][2]["at"] == "2026-06-01T12:16:00.000-04:00"
    assert told["bookings"] == [api("GET", "/onlinescheduling/booking/one").json()]
    assert told["has_more"] is False
    after = changes(api, scene, f"?after={told['cursor']}")
    assert (after["changes"], after["bookings"]) == ([], [])


def test_weeks_that_come_into_the_horizon_are_in_the_feed(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(recurring=True)
    cursor = changes(api, scene, "?after=latest")["cursor"]
    clock.shift(timedelta(weeks=3))
    told = changes(api, scene, f"?after={cursor}")
    assert len(told["changes"]) == 2
    listed = api("GET", f"/onlinescheduling/practice/{scene.practice.pk}/bookings").json()
    assert [row["id"] for row in listed[-2:]] == [c["booking_id"] for c in told["changes"]]


def test_pages_are_bounded_and_any_cursor_can_be_replayed(scene: Scene, api: Caller) -> None:
    for name in "abcdefg":
        scene.booking(id=name)
    path: Any = f"/onlinescheduling/practice/{scene.practice.pk}/changes?limit=3"
    pages = []
    while path:
        answer = api("GET", path)
        pages.append(answer.json())
        path = answer.headers.get("Link", "").partition(">")[0].partition("testserver")[2]
    told = [[change["booking_id"] for change in page["changes"]] for page in pages]
    assert told == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    assert [page["has_more"] for page in pages] == [True, True, False]
    again = changes(api, scene, f"?limit=3&after={pages[0]['cursor']}")
    assert again == pages[1]


def test_a_cursor_that_is_not_of_this_feed_is_a_400(scene: Scene, api: Caller) -> None:
    scene.booking()
    cursor = changes(api, scene)["cursor"]
    other = factories.practice(name="Other")
    for path in (
        f"/onlinescheduling/practice/{other.pk}/changes?after={cursor}",
        f"/onlinescheduling/practice/{scene.practice.pk}/changes?after={cursor}x",
        f"/onlinescheduling/practice/{scene.practice.pk}/changes?after=7",
        f"/onlinescheduling/practice/{scene.practice.pk}/changes?after=",
        f"/onlinescheduling/practice/{scene.practice.pk}/changes?since=latest",
        f"/onlinescheduling/practice/{scene.practice.pk}/changes?limit=5000",
        f"/onlinescheduling/practice/{scene.practice.pk}/changes?after={cursor}&after=latest",
        f"/onlinescheduling/practice/{scene.practice.pk}/changes?limit=5&limit=6",
    ):
        assert api("GET", path).status_code == 400
    scene.practice.feed.delete()
    set_back = api("GET", f"/onlinescheduling/practice/{scene.practice.pk}/changes?after={cursor}")
    assert "after=latest" in set_back.json()["detail"]


def test_an_appointments_changes_are_told_to_its_partner_alone(scene: Scene, api: Caller) -> None:
    booking = scene.booking(total_appointments=2)
    taken = api("POST", f"/onlinescheduling/booking/{booking.pk}/appointments", {"first_name": "M"})
    other = Caller(factories.key(factories.partner(granted=[scene.practice]))[1])
    ours, theirs = (changes(caller, scene) for caller in (api, other))
    named = [change["appointment_id"] for change in ours["changes"]]
    assert named == [None, taken.json()["id"], None]
    assert [change["appointment_id"] for change in theirs["changes"]] == [None, None]
    assert theirs["cursor"] == ours["cursor"]
    # Without the grant the feed still has the appointments' statuses, but no patients' data.
    scene.partner.practices.clear()
    assert changes(api, scene) == ours


def test_what_changed_of_a_patient_alone_is_no_change_of_the_opening(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    booking = scene.booking(total_appointments=2)
    path = f"/onlinescheduling/booking/{booking.pk}"
    taken = api("POST", f"{path}/appointments", {"status": "booked", "first_name": "M"})
    other = Caller(factories.key(factories.partner(granted=[scene.practice]))[1])
    before, cursor = other("GET", path), changes(other, scene, "?after=latest")["cursor"]
    clock.shift(60)
    api("PUT", taken["Location"], {"first_name": "Mia"})
    assert other("GET", path).content == before.content
    assert other("GET", path)["ETag"] == before["ETag"]
    assert changes(other, scene, f"?after={cursor}")["changes"] == []


def test_numbers_have_no_gap_where_a_change_was_rolled_back(scene: Scene, api: Caller) -> None:
    scene.booking(id="one")
    with transaction.atomic():
        scene.booking(id="two")
        transaction.set_rollback(True)
    scene.booking(id="three")
    assert list(Event.objects.order_by("number").values_list("number", "booking_id")) == [
        (1, "one"),
        (2, "three"),
    ]


@pytest.mark.django_db(transaction=True)
def test_a_change_that_commits_late_is_not_overtaken(scene: Scene, api: Caller) -> None:
    """Two changes overlap: the one that wrote its events first must not commit last."""
    scene.booking(id="one")
    cursor = changes(api, scene, "?after=latest")["cursor"]
    wrote = threading.Event()

    def later() -> None:
        wrote.wait()
        scene.booking(id="three")
        connection.close()

    thread = threading.Thread(target=later)
    thread.start()
    with transaction.atomic():
        scene.booking(id="two")
        wrote.set()
        # Were the feed not locked, "three" would be committed now, under the higher number.
        thread.join(1)
        assert thread.is_alive()
    thread.join()
    told = changes(api, scene, f"?after={cursor}")
    assert [change["booking_id"] for change in told["changes"]] == ["two", "three"]


class Load:
    """Threads that change a practice in every way for some seconds."""

    def __init__(self, scene: Scene, seconds: float, threads: int) -> None:
        self.scene = scene
        self.ends = time.monotonic() + seconds
        self.done = 0
        self.refused = 0
        self.broken: list[BaseException] = []
        self.threads = [threading.Thread(target=self.run, args=[n]) for n in range(threads)]

    def run(self, seed: int) -> None:
        chance = random.Random(seed)
        try:
            while time.monotonic() < self.ends:
                self.step(chance)
                time.sleep(0.01)  # or SQLite's one writer would starve the others
        except BaseException as error:
            self.broken.append(error)
        finally:
            connection.close()

    def step(self, chance: random.Random) -> None:
        """Do one random change, which may be refused."""
        scene, now = self.scene, walltime.now()
        ids = list(Booking.objects.values_list("pk", flat=True)[:200])
        booking_id = chance.choice(ids)
        wanted: Any = {"status": chance.choice(["open", "pending", "booked"])}
        acts: list[Callable[[], Any]] = [
            lambda: scene.booking(now=now, total_appointments=chance.randint(1, 3)),
            lambda: scene.booking(now=now, recurring=True),
            lambda: bookings.edit(booking_id=booking_id, fields=wanted, by=scene.actor, now=now),
            lambda: bookings.edit(
                booking_id=booking_id, fields={"recurring": False}, by=scene.actor, now=now
            ),
            lambda: bookings.close(booking_id=booking_id, by=scene.actor, now=now),
            lambda: appointments.take(
                booking_id=booking_id, fields={"status": "pending"}, by=scene.actor, now=now
            ),
        ]
        act = chance.choices(acts, weights=[3, 1, 8, 1, 2, 6])[0]
        try:
            act()
            self.done += 1
        except (Refused, LimitReached):
            self.refused += 1


@pytest.mark.django_db(transaction=True)
def test_a_follower_ends_up_with_exactly_our_state(
    scene: Scene, api: Caller, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.HOLD_SECONDS = 1  # so that holds lapse meanwhile
    for _ in range(20):
        scene.booking(total_appointments=2)
    with time_machine.travel(NOON, tick=True):
        load = Load(scene, seconds=3, threads=4)
        for thread in load.threads:
            thread.start()
        time.sleep(0.3)
        follower = Follower(api, scene.practice.pk)
        digest = f"/onlinescheduling/location/{scene.location.pk}/digest"
        polls = met = 0
        while any(thread.is_alive() for thread in load.threads):
            follower.poll()
            polls += 1
            told = follower.read(digest)
            if told["cursor"] == follower.cursor:  # nobody was in between
                assert told == follower.digest(scene.location.pk)
                met += 1
        for thread in load.threads:
            thread.join()
        assert load.broken == []
        time.sleep(1.1)  # until the last holds have lapsed
        follower.poll()
        ours = follower.read(f"{follower.path}/bookings?status=all")
        replayed = Follower(api, scene.practice.pk)
        replayed.cursor, replayed.copy = None, {}
        replayed.poll(limit=1000)
    everything = {row["id"]: row for row in ours}
    assert follower.open_rows() == everything
    assert replayed.open_rows() == everything
    numbers = list(Event.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert load.done > 50
    assert met > 0
    with capsys.disabled():
        sys.stdout.write(
            f"\n{connection.vendor}: {load.done} changes ({load.refused} refused), "
            f"{len(numbers)} events; the follower polled {polls} times, saw {len(follower.seen)}, "
            f"and was at the digest's cursor {met} times\n"
        )
