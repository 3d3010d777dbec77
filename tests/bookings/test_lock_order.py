"""Lock order: concurrent changes of several bookings do not deadlock."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Model

from bookings.booking_page import holding
from bookings.messages.webhooks import deliveries, endpoints
from bookings.models import Appointment, Booking, EntryStatus, Feed, Waitlist, WebhookDelivery
from bookings.patients import rotation
from bookings.scheduling import appointments, bookings, families, moving
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import answers, entries
from openchair.errors import LimitReached, Refused
from tests.booking_page.test_holding import TYPED, again, held, openings, page_of
from tests.bookings.test_patients import new_key
from tests.factories import NOON, Scene
from tests.messages import hooks
from tests.test_races import inconsistencies
from tests.waitlist import families as waiting

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


def test_two_families_that_change_places_both_ways_never_wait_for_each_other(clock: Any) -> None:
    scene = Scene()
    one, other = (scene.booking(id=pk, total_appointments=2) for pk in ("one", "other"))
    adas, bens = ([patient(scene, of, "booked") for _ in range(2)] for of in (one, other))
    at: Any = {"by": scene.actor, "now": NOON}

    def swap(*visits: Appointment) -> list[Appointment]:
        to: Any = {each.pk: {"booking_id": (other if each in adas else one).pk} for each in visits}
        return moving.move(to=to, **at)

    with locked(other) as queue:
        forth = queue.start(lambda: swap(*adas, *bens))
        again = queue.start(lambda: swap(*bens, *adas))
    assert {each.booking_id for each in forth.result()[:2]} == {other.pk}
    # The second found them there already: it looked again after it had waited.
    assert [each.booking_id for each in again.result()] == [one.pk] * 2 + [other.pk] * 2
    assert inconsistencies() == []


@pytest.mark.parametrize("verb", ["edit", "cancel"])
def test_a_visit_is_changed_where_it_was_moved_meanwhile(clock: Any, verb: str) -> None:
    scene = Scene()
    here, there = scene.booking(), scene.booking()
    visit = patient(scene, here, "booked")
    at: Any = {"by": scene.actor, "now": NOON}
    to: Any = {visit.pk: {"booking_id": there.pk}}
    said: Any = {"fields": {"last_name": "Byron"}} if verb == "edit" else {"reason": "ill"}
    with locked(here) as queue:
        queue.start(lambda: moving.move(to=to, **at))
        changing = queue.start(
            lambda: getattr(appointments, verb)(appointment_id=visit.pk, **said, **at)
        )
    assert changing.result().booking_id == there.pk
    assert inconsistencies() == []


def test_keeping_what_a_family_typed_locks_no_opening_after_the_feed(
    clock: Any, settings: Any
) -> None:
    scene = Scene()
    first, second = sorted(openings(scene), key=lambda each: each.pk)
    page = page_of(scene, "Ada", "Ben")
    held(page, first, second)
    clock.shift(301)
    settings.PATIENT_HOLDS_PER_CONTACT = (0, 3600)
    with locked(second) as queue:
        keeping = queue.start(lambda: holding.keep(again(page), TYPED))
        fields: Any = {"length": 20}
        bookings.edit(booking_id=second.pk, fields=fields, by=scene.actor, now=NOON)
    with pytest.raises(LimitReached):
        keeping.result()
    assert {each.unread_person.phone for each in holding.visits(page)} == {TYPED["phone"]}


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


def test_a_family_that_holds_and_books_and_one_that_holds_never_wait_for_each_other(
    clock: Any,
) -> None:
    scene = Scene()
    booked, held, third = (scene.booking(id=pk) for pk in ("booked", "held", "third"))
    at: Any = {"by": scene.actor, "now": NOON}

    def take(*wanted: tuple[Booking, str]) -> list[Appointment]:
        each: Any = [{"booking_id": booking.pk, "status": status} for booking, status in wanted]
        return families.take(wanted=each, **at)

    # One would have the feed, and wait for the partner, whom the other has, who waits for the feed.
    with locked(Feed.objects.get(pk=scene.practice.pk)) as queue:
        first = queue.start(lambda: take((booked, "booked"), (held, "pending")))
        second = queue.start(lambda: take((third, "pending")))
    assert [len(each.result()) for each in (first, second)] == [2, 1]
    assert inconsistencies() == []


def test_who_accepts_an_offer_and_who_leaves_the_list_never_wait_for_each_other(clock: Any) -> None:
    scene = Scene()
    scene.booking()
    entry = waiting.join(scene.practice)
    waiting.look(scene.practice)
    offer = waiting.offer(entry)
    assert offer is not None
    at: Any = {"by": PATIENT, "now": NOON}
    left = partial(entries.end, entry_id=entry.pk, status=EntryStatus.LEFT, **at)
    with locked(Waitlist.objects.get(pk=scene.practice.pk)) as queue:
        accepting = queue.start(lambda: answers.accept(offer_id=offer.pk, **at))
        leaving = queue.start(left)
    assert [each.status for each in accepting.result()] == ["booked"]
    assert leaving.result().status == "booked"
    assert inconsistencies() == []


@pytest.mark.parametrize(
    "change", [endpoints.delete, partial(endpoints.edit, active=False)], ids=["delete", "off"]
)
def test_what_is_made_for_an_endpoint_and_its_end_never_wait_for_each_other(
    change: Callable[[str], Any], clock: Any
) -> None:
    scene = Scene()
    hook = hooks.endpoint(scene.partner, "https://hooks.example.com")
    scene.booking()
    with locked(hook.positions.get()) as queue:
        making = queue.start(lambda: deliveries.make(hook))
        ending = queue.start(lambda: change(hook.pk))
    making.result()
    ending.result()
    assert not WebhookDelivery.objects.pending().exists()
