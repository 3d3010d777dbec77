"""Of every visit its last state is told, however often workers are killed meanwhile.

Two real workers, killed at random, and a mail server that is slow, or refuses for now, while
families book, move and cancel. It has been seen to fail without the check for what is overtaken
(`_is_overtaken` in mail/sending.py), and now and then with another task of the visit claimed
meanwhile (`queue._free`).
"""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from itertools import groupby
from random import Random
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection
from django.db.models.functions import Now
from icalendar import Calendar

from bookings import walltime
from bookings.models import Appointment, AppointmentStatus, Delivery, Queue, Task, TaskStatus
from bookings.scheduling import appointments, moving
from bookings.scheduling.actors import Actor
from tests.desk.world import person
from tests.factories import Scene
from tests.messages.smtp import Receiver, receiving
from tests.server import ROOT

DAY = datetime(2198, 1, 1, 15, tzinfo=UTC)
NIGHTLY = pytest.mark.nightly
THREADS = 8
"""Of those who change visits."""


class BusyReceiver(Receiver):
    """A mail server that is slow, before or after it has a mail, and now and then refuses one."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    async def handle_DATA(self, *args: Any) -> str:  # noqa: N802  # aiosmtpd's name
        before, after, mood = (self._random.random() for _ in range(3))
        if mood < 0.1:
            return "451 4.3.0 Not now"
        await asyncio.sleep(before**2 / 2)
        said = await super().handle_DATA(*args)
        await asyncio.sleep(after**2 / 4)
        return said


class Workers:
    """Two processes of `manage.py worker`."""

    def __init__(self, mail_port: int) -> None:
        self._environment = {
            **os.environ,
            "DATABASE_URL": _url(),
            "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
            "EMAIL_FROM": "visits@acme.example",
        }
        self._running = [self._start() for _ in "ab"]
        self.kills = 0

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "manage.py", "worker"]
        return subprocess.Popen(command, cwd=ROOT, env=self._environment)

    def kill(self, *which: int) -> None:
        for nth in which:
            self._running[nth].kill()
            self._running[nth].wait()
            self.kills += 1

    def kill_and_start(self, *which: int) -> None:
        """Kill one or both; where both are dead the time passes in which their leases end."""
        self.kill(*which)
        if len(which) == len(self._running):
            Task.objects.filter(lease_until__gt=Now()).update(lease_until=Now())
        for nth in which:
            self._running[nth] = self._start()


@contextmanager
def _working(mail_port: int) -> Iterator[Workers]:
    workers = Workers(mail_port)
    try:
        yield workers
    finally:
        workers.kill(0, 1)


def _url() -> str:
    """Return the URL of the database of this test, for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


class Families:
    """Book visits, each for an address of its own, and move and cancel them in quick succession."""

    def __init__(self, visits: int, seconds: float, random: Random) -> None:
        scene = Scene()
        self._by = Actor.of_staff(person("desk", scene.practice))
        self._openings = [
            scene.booking(total_appointments=100, start_datetime=DAY + nth * timedelta(hours=1)).pk
            for nth in range(visits // 4 + 4)
        ]
        self._begun, self._wait = time.monotonic(), seconds / visits
        self._pool = ThreadPoolExecutor(THREADS)
        seeds = [random.random() for _ in range(visits)]
        self._booked = [self._pool.submit(self._book, *each) for each in enumerate(seeds)]

    def _book(self, nth: int, seed: float) -> None:
        time.sleep(max(0, self._begun + nth * self._wait - time.monotonic()))
        try:
            self._book_and_change_mind(f"family{nth}@example.com", Random(seed))
        finally:
            connection.close()

    def _book_and_change_mind(self, address: str, random: Random) -> None:
        fields: appointments.Fields = {
            "status": AppointmentStatus.BOOKED,
            "first_name": "Ada",
            "email": address,
            "language": random.choice(["en", "es"]),
        }
        at: Any = {"booking_id": random.choice(self._openings), "by": self._by}
        visit = appointments.take(fields=fields, now=walltime.now(), **at).pk
        for _ in range(random.randrange(6)):
            time.sleep(random.random() ** 3)
            to = {visit: moving.Destination(booking_id=random.choice(self._openings))}
            moving.move(to=to, by=self._by, now=walltime.now())
        if random.random() < 0.3:
            time.sleep(random.random() ** 3)
            appointments.cancel(appointment_id=visit, by=self._by, now=walltime.now())

    def are_done(self) -> bool:
        return all(each.done() for each in self._booked)

    def check(self) -> None:
        """Raise what one of them has raised."""
        for each in self._booked:
            each.result()


def _turn_the_clock() -> None:
    """End the waits after failed attempts."""
    waiting = Task.objects.filter(queue_name=Queue.MAIL, status=TaskStatus.READY, lease_until=None)
    waiting.filter(run_after__gt=(now := walltime.now())).update(run_after=now)


@contextmanager
def _again_and_again(act: Callable[[], None], seconds: float) -> Iterator[None]:
    """Do something in a thread of its own, until the block ends."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(seconds):
            act()
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(go_on)
        try:
            yield
        finally:
            over.set()
        done.result()


def _until(is_so: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)


def _has_come(receiver: Receiver, mails: float, families: Families) -> bool:
    return len(receiver.got) >= mails or families.are_done()


def _all_is_told() -> bool:
    return not Task.objects.filter(queue_name=Queue.MAIL, status=TaskStatus.READY).exists()


def _says(mail: EmailMessage) -> tuple[int, str, datetime]:
    """Return what a mail's calendar part says: its number, its method, and when the visit is."""
    [part] = [each for each in mail.walk() if each.get_content_disposition() == "attachment"]
    calendar = Calendar.from_ical(part.get_content())
    [event] = calendar.walk("VEVENT")
    return event.decoded("SEQUENCE"), str(calendar["METHOD"]), event.decoded("DTSTART")


def _what_is(visit: Appointment) -> tuple[str, datetime | None]:
    is_cancelled = visit.status == AppointmentStatus.CANCELLED
    return "CANCEL" if is_cancelled else "REQUEST", visit.booking.start_datetime


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("visits", "seconds", "mails_between_kills"),
    [
        # SQLite has one writer at a time, and no rows that workers lock: by night will do.
        pytest.param(16, 3, 8, marks=[] if connection.vendor == "postgresql" else NIGHTLY),
        pytest.param(2000, 600, 25, marks=NIGHTLY),
    ],
)
def test_of_every_visit_the_last_state_is_told_once_whatever_is_killed(
    visits: int, seconds: int, mails_between_kills: int, capfd: Any
) -> None:
    random, begun = Random(visits), time.monotonic()
    receiver = BusyReceiver(random)
    with receiving(receiver) as port, _working(port) as workers:
        _until(Task.objects.exists, seconds=30)  # periodic work, which a worker finds first
        with _again_and_again(_turn_the_clock, 0.5):
            families = Families(visits, seconds, random)
            while not families.are_done():
                there = len(receiver.got) + random.expovariate(1 / mails_between_kills)
                _until(partial(_has_come, receiver, there, families), seconds=20)
                workers.kill_and_start(*random.choice([(0,), (1,), (0, 1)]))
            families.check()
            workers.kill_and_start(0, 1)
            _until(_all_is_told, seconds=60 + seconds)
    assert _all_is_told()

    of_address: dict[str, list[EmailMessage]] = {}
    for mail in receiver.got:
        of_address.setdefault(mail["To"], []).append(mail)
    for visit in Appointment.objects.select_related("booking"):
        mails = of_address.pop(visit.unread_person.email)
        # What comes twice comes with its own id, and before anything newer.
        once = [next(same) for _, same in groupby(mails, lambda mail: mail["Message-ID"])]
        said = [_says(mail) for mail in once]
        numbers = [number for number, *_ in said]
        assert numbers == sorted({*numbers}), said
        assert said[-1][1:] == _what_is(visit)
    assert of_address == {}
    assert Task.objects.exclude(queue_name=Queue.PERIODIC).count() == Delivery.objects.count()
    ids = {mail["Message-ID"] for mail in receiver.got}
    again = len(receiver.got) - len(ids)
    assert again <= 2 * workers.kills
    with capfd.disabled():
        sys.stdout.write(
            f"\n{connection.vendor}: {visits} visits, {Delivery.objects.count()} tasks, "
            f"{len(ids)} mails, {again} again, {workers.kills} kills, "
            f"{time.monotonic() - begun:.0f} s\n"
        )
