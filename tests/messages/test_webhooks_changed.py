"""Endpoints that change while they are told: another receiver, a grant that ends, off and on."""

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.db import connection

from bookings.messages import leases, queue
from bookings.messages.webhooks import deliveries, endpoints, positions, sending, watch
from bookings.models import DeliveryStatus, OffReason, Queue, Webhook
from practices.models import Partner
from tests.factories import NOON, Scene
from tests.messages import hooks
from tests.receiver import Does, Receiver

pytestmark = pytest.mark.usefixtures("no_lease_renewed")


def fails(hook: Webhook, since: Any = NOON - timedelta(hours=50)) -> None:
    Webhook.objects.filter(pk=hook.pk).update(failures=20, failing_since=since, warned_at=since)


def test_another_receiver_does_not_wait_for_as_long_as_the_one_before_has_asked(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: Any
) -> None:
    receiver.answers = [Does(503, {"Retry-After": "3600"})]
    hooks.changes(scene, 2)
    hooks.work()
    endpoints.edit(hook.pk, types=hook.types)
    assert hooks.work() == 0
    endpoints.edit(hook.pk, url=f"{receiver.url}/mended")
    hooks.work()
    assert [call.path for call in receiver.calls] == ["/hook", "/hook/mended"]


def test_failures_of_the_receiver_before_are_not_counted(hook: Webhook, clock: Any) -> None:
    fails(hook)
    endpoints.edit(hook.pk, url="https://hooks.example.com/mended")
    watch.watch(NOON)
    hook.refresh_from_db()
    assert (hook.active, hook.failures, hook.failing_since, hook.warned_at) == (True, 0, None, None)


def test_what_the_receiver_before_answers_to_a_call_under_way_switches_nothing_off(
    hook: Webhook,
) -> None:
    seen = Webhook.objects.get(pk=hook.pk)
    endpoints.edit(hook.pk, url="https://hooks.example.com/mended")
    watch.switch_off(seen, OffReason.GONE)
    hook.refresh_from_db()
    assert hook.active


def test_a_success_as_it_is_switched_off_for_its_failures_keeps_it_on(hook: Webhook) -> None:
    fails(hook)
    seen = Webhook.objects.get(pk=hook.pk)
    Webhook.objects.update(failures=0, failing_since=None, warned_at=None)
    watch.switch_off(seen, OffReason.FAILING)
    hook.refresh_from_db()
    assert hook.active


@pytest.mark.parametrize("look", [positions.begin, deliveries.make], ids=["watch", "worker"])
def test_a_grant_that_ends_also_ends_the_calls_that_failed_and_wait(
    look: Any, scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    receiver.answers = [Does(500)]
    scene.booking()
    hooks.work()
    scene.booking(id="later")
    scene.partner.practices.clear()
    look(Webhook.objects.get(pk=hook.pk))
    clock.shift(3600)
    hooks.work()
    assert len(receiver.calls) == 1
    delivery = hooks.deliveries(hook)[0]
    assert (delivery.status, delivery.next_attempt_at) == (DeliveryStatus.FAILED, None)


def test_a_grant_noticed_while_it_is_switched_off_does_not_count_when_it_is_on_again(
    scene: Scene, receiver: Receiver, hook: Webhook
) -> None:
    endpoints.edit(hook.pk, active=False)
    positions.begin(hook)  # of a watch that read it before
    scene.booking()
    endpoints.edit(hook.pk, active=True)
    hooks.work()
    assert receiver.calls == []


def test_a_lease_is_trusted_from_the_claim_on_however_long_reading_takes(
    scene: Scene, receiver: Receiver, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.booking()
    task = queue.claim(Queue.WEBHOOK)
    assert task is not None
    seconds = 0

    def read_slowly(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal seconds
        seconds = seconds or 3  # the first statement takes so long
        return execute(sql, *rest)

    clock = SimpleNamespace(monotonic=lambda: seconds, sleep=time.sleep)
    monkeypatch.setattr(leases, "time", clock)
    with connection.execute_wrapper(read_slowly):
        sending.WebhookHandler().run(task)
    assert receiver.calls == []


def test_a_partner_that_is_switched_off_is_not_called_again(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    receiver.answers = [Does(500)]
    scene.booking()
    hooks.work()
    Partner.objects.update(active=False)
    watch.watch(NOON)
    clock.shift(3600)
    hooks.work()
    assert len(receiver.calls) == 1
