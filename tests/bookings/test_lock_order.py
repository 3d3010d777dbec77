"""Lock order: concurrent changes of several bookings do not deadlock."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Model

from bookings.models import Appointment, Booking
from bookings.patients import rotation
from bookings.scheduling import appointments, bookings
from openchair.errors import Refused
from tests.bookings.test_patients import new_key
from tests.factories import NOON, Scene

pytestmark = [
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer: nothing meets"
    ),
    pytest.mark.django_db(transaction=True),
]
_WAITING = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"


class Queue:
    """Starts changes in threads, each once the one before waits for a lock or is done."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self.started: list[Future[Any]] = []

    def start(self, act: Callable[[], Any]) -> "Future[Any]":
        """Run something in another thread, and return when it waits for a lock or is done."""

        def run() -> Any:
            try:
                return act()
            finally:
                connection.close()

        self.started.append(self.pool.submit(run))
        latest = time.monotonic() + 20
        while self.waiting() < sum(not each.done() for each in self.started):
            assert time.monotonic() < latest, "it neither waits nor ends"
        return self.started[-1]

    def waiting(self) -> int:
        """Count the connections that wait for a lock."""
        with connection.cursor() as cursor:
            cursor.execute(_WAITING)
            return int(cursor.fetchone()[0])


@contextmanager
def locked(row: Model) -> Iterator[Queue]:
    """Hold a row's lock while changes queue for it; on leaving, they all go on."""
    with ThreadPoolExecutor(2) as pool, transaction.atomic():
        type(row)._default_manager.select_for_update().get(pk=row.pk)
        yield Queue(pool)


def test_closing_many_and_ending_their_series_never_wait_for_each_other(clock: Any) -> None:
    scene = Scene()
    first = scene.booking(recurring=True, id="zz")
    assert first.series is not None
    every = sorted(first.series.occurrences.values_list("pk", flat=True))
    assert every[-1] == first.pk
    at: Any = {"by": scene.actor, "now": NOON}
    with locked(Booking.objects.get(pk=every[1])) as queue:
        closing = queue.start(lambda: bookings.close_free(booking_ids=every, **at))
        ending = queue.start(
            lambda: bookings.edit(booking_id=first.pk, fields={"recurring": False}, **at)
        )
    assert closing.result() == set(every)
    with pytest.raises(Refused, match="is closed"):
        ending.result()


def test_closing_many_and_editing_one_of_them_never_wait_for_each_other(clock: Any) -> None:
    scene = Scene()
    one, other = scene.booking(id="one"), scene.booking(id="other")
    at: Any = {"by": scene.actor, "now": NOON}
    with locked(other) as queue:
        editing = queue.start(
            lambda: bookings.edit(booking_id=other.pk, fields={"length": 30}, **at)
        )
        closing = queue.start(lambda: bookings.close_free(booking_ids=[one.pk, other.pk], **at))
    assert editing.result().length == 30
    assert closing.result() == {one.pk, other.pk}


def patient(scene: Scene, booking: Booking, status: str) -> Appointment:
    fields: appointments.Fields = {"status": status, "first_name": "Ada"}
    return appointments.take(booking_id=booking.pk, fields=fields, by=scene.actor, now=NOON)


def test_encrypting_anew_and_moving_two_patients_never_wait_for_each_other(
    clock: Any, settings: Any
) -> None:
    scene = Scene()
    booked = held = between = None
    # Ids are random: until the one that is changed first is the one that is encrypted last.
    while held is None or booked is None or held.pk < booked.pk:
        both = scene.booking(total_appointments=2)
        held, booked = patient(scene, both, "pending"), patient(scene, both, "booked")
    while between is None or not booked.pk < between.pk < held.pk:
        between = patient(scene, scene.booking(), "booked")
    settings.PATIENT_KEYS = [new_key(), *settings.PATIENT_KEYS]
    fields: bookings.Fields = {"start_datetime": NOON + timedelta(days=3)}
    at: Any = {"by": scene.actor, "now": NOON}
    with locked(between) as queue:
        sealing = queue.start(lambda: list(rotation.seal_anew()))
        moving = queue.start(lambda: bookings.edit(booking_id=both.pk, fields=fields, **at))
    assert sealing.result()
    assert moving.result().start_datetime == fields["start_datetime"]
