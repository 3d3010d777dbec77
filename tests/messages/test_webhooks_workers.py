"""Several workers and one endpoint: one call at a time, short leases, workers that die."""

import sqlite3
import threading
import time
from contextlib import closing
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from bookings.messages import leases, queue
from bookings.messages.webhooks import sending
from bookings.messages.worker import Worker
from bookings.models import Queue, Task, WebhookDelivery
from practices.models import Partner
from tests.conftest import together
from tests.factories import Scene
from tests.messages import hooks
from tests.messages.tasks import expire, stored
from tests.messages.test_worker import until
from tests.receiver import Call, Does, Receiver

several = pytest.mark.django_db(transaction=True)


def partner(partner_id: str) -> Partner:
    return Partner.objects.create(id=partner_id, name=partner_id, all_practices=True)


def claimed() -> Task:
    task = queue.claim(Queue.WEBHOOK)
    assert task is not None
    return task


@several
def test_of_16_workers_one_has_an_endpoint(clock: Any) -> None:
    scene = Scene()
    for nth in range(4):
        hooks.endpoint(partner(f"p{nth}"), "https://hooks.example.com")
    scene.booking()
    got = [task.pk for task in together(16, lambda: queue.claim(Queue.WEBHOOK)) if task]
    while task := queue.claim(Queue.WEBHOOK):  # left by those who lost each time
        got.append(task.pk)
    assert sorted(got) == sorted(Task.objects.values_list("pk", flat=True))


def test_endpoints_of_one_partner_have_not_all_threads(scene: Scene, clock: Any) -> None:
    for _ in range(3):
        hooks.endpoint(scene.partner, "https://hooks.example.com")
    other = hooks.endpoint(partner("other"), "https://hooks.example.com")
    scene.booking()
    first, _, third = claimed(), claimed(), claimed()
    assert third.webhook_id == other.pk
    assert queue.claim(Queue.WEBHOOK) is None
    queue.put_off(first, first.run_after, queue_name=Queue.SLOW)  # it has threads of its own
    assert claimed().webhook_id not in {first.webhook_id, other.pk}


@several
def test_a_lease_is_renewed_while_a_receiver_hangs_and_its_end_is_short(
    trusting: None, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "SHORT_LEASE", queue.SHORT_LEASE / 8)
    monkeypatch.setattr(leases, "_EVERY", leases._EVERY / 8)
    receiver.answers = [Does(delay=1.5)]
    scene = Scene()
    hooks.endpoint(scene.partner, receiver.url)
    scene.booking()
    one = claimed()

    def run() -> None:
        sending.WebhookHandler().run(one)
        connection.close()

    slow = threading.Thread(target=run)
    slow.start()
    while slow.is_alive():
        assert not Task.objects.filter(pk=one.pk, lease_until__lt=Now()).exists()
        time.sleep(0.01)
    assert stored(one).lease_until is None
    assert len(receiver.calls) == 1


def test_a_lease_is_short_and_the_workers_of_an_endpoint_may_die_for_ever(
    scene: Scene, clock: Any
) -> None:
    hooks.endpoint(scene.partner, "https://hooks.example.com")
    scene.booking()
    for _ in range(30):
        one = claimed()
        left: Any = Task.objects.annotate(now=Now()).get(pk=one.pk)
        assert 3 < (left.lease_until - left.now).total_seconds() <= 4
        assert not queue.is_spent(one)
        expire(one)
    for _ in range(12):
        assert queue.retry(one, "ValueError")


def test_a_worker_that_lost_its_lease_calls_nobody(
    scene: Scene, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_TRUSTED", 0.0)
    hooks.endpoint(scene.partner, receiver.url)
    scene.booking()
    sending.WebhookHandler().run(claimed())
    assert receiver.calls == []


@pytest.mark.parametrize("answer", [Does(), Does(500), Does(hang_up=True)])
def test_a_worker_that_was_overtaken_changes_nothing(
    answer: Does, scene: Scene, receiver: Receiver
) -> None:
    receiver.answers = [answer]
    hook = hooks.endpoint(scene.partner, receiver.url)
    scene.booking()
    late = claimed()

    before: list[Any] = []
    once = iter([late])

    def overtaken(execute: Any, sql: str, *rest: Any) -> Any:
        if receiver.calls and (one := next(once, None)):
            expire(one)
            sending.WebhookHandler().run(claimed())
            before.extend(WebhookDelivery.objects.values())
        return execute(sql, *rest)

    with connection.execute_wrapper(overtaken):
        sending.WebhookHandler().run(late)
    assert before
    assert [*WebhookDelivery.objects.values()] == before
    hook.refresh_from_db()
    assert hook.failures == 0


@several
@pytest.mark.skipif(connection.vendor != "sqlite", reason="its one write lock")
def test_a_look_for_work_takes_no_write_lock(clock: Any) -> None:
    scene = Scene()
    hooks.endpoint(scene.partner, "https://hooks.example.com")
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert queue.claim(Queue.WEBHOOK) is None
        assert queue.claim(Queue.SLOW) is None
        assert queue.waiting_since(Queue.WEBHOOK) is None
        writer.rollback()


@several
def test_a_slow_receiver_holds_up_nobody_else(trusting: None, receiver: Receiver) -> None:
    released = threading.Event()

    def wait_if_slow(call: Call) -> Does:
        return Does(status=200 if "slow" not in call.path or released.wait(30) else 500)

    receiver.otherwise = wait_if_slow
    scene = Scene()
    slow = hooks.endpoint(scene.partner, f"{receiver.url}/slow")
    quick = hooks.endpoint(scene.partner, f"{receiver.url}/quick")
    worker = Worker({Queue.WEBHOOK: (2, sending.WebhookHandler)})
    running = threading.Thread(target=worker.run)
    running.start()
    try:
        hooks.changes(scene, 20)
        until(lambda: quick.deliveries.filter(status="delivered").count() == 20)
        assert not slow.deliveries.exclude(calls=[]).exists()
    finally:
        released.set()
        worker.stop()
        running.join()
