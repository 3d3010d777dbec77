"""Webhooks: what a receiver's answer leads to, and what happens while it gives none."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from bookings import walltime
from bookings.messages import queue
from bookings.messages.webhooks import deliveries, endpoints, sending, watch
from bookings.models import (
    DeliveryStatus,
    OffReason,
    Queue,
    Task,
    TaskKind,
    Webhook,
)
from tests.factories import NOON, Scene
from tests.messages import hooks
from tests.receiver import Does, Receiver

pytestmark = pytest.mark.usefixtures("no_lease_renewed")
DOWN = Does(refuse=True)


def told(receiver: Receiver) -> list[int]:
    return hooks.sequences(receiver.calls)


# What an answer leads to ------------------------------------------------------------------------


def test_a_delivery_is_tried_nine_times_with_the_waits_of_the_contract(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    receiver.otherwise = Does(500)
    scene.booking()
    waits = [5, 300, 1800, *(hours * 3600 for hours in (2, 5, 10, 14, 16))]
    for wait in waits:
        before = walltime.now()
        assert hooks.work() == 1
        seconds = (hooks.due_at(hook) - before).total_seconds()
        assert wait <= seconds <= 1.1 * wait + 0.001
        clock.move_to(hooks.due_at(hook) - timedelta(seconds=1))
        assert hooks.work() == 0
        clock.shift(1.001)
    assert hooks.work() == 1
    (delivery,) = hooks.deliveries(hook)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.FAILED, 9)
    assert delivery.next_attempt_at is None
    assert {call.headers["webhook-id"] for call in receiver.calls} == {f"msg_{delivery.pk}"}
    stamps = [call.headers["webhook-timestamp"] for call in receiver.calls]
    assert len({*stamps}) == 9
    hook.refresh_from_db()
    assert (hook.failures, hook.failing_since) == (9, NOON)


@pytest.mark.parametrize("status", [301, 400, 404, 500, 503])
def test_a_failing_call_stops_no_later_one(
    status: int, scene: Scene, receiver: Receiver, hook: Webhook
) -> None:
    receiver.answers = [Does(status, {"Location": receiver.url})]
    hooks.changes(scene, 3)
    hooks.work()
    assert told(receiver) == [1, 2, 3]
    statuses = [each.status for each in hooks.deliveries(hook)]
    assert statuses == ["pending", "delivered", "delivered"]
    hook.refresh_from_db()
    assert (hook.failures, hook.failing_since) == (0, None)


@pytest.mark.parametrize(("status", "seconds"), [(429, 30), (502, 30), (503, 30), (504, 999_999)])
def test_a_receiver_that_asks_for_time_is_not_called_before(
    status: int,
    seconds: int,
    scene: Scene,
    receiver: Receiver,
    hook: Webhook,
    clock: time_machine.Traveller,
) -> None:
    receiver.answers = [Does(status, {"Retry-After": str(seconds)})]
    hooks.changes(scene, 2)
    assert hooks.work() == 1
    clock.shift(min(seconds, 3600) - 1)
    assert hooks.work() == 0
    assert queue.waiting_since(Queue.WEBHOOK) is None
    clock.shift(1)
    hooks.work()
    assert told(receiver) == [1, 1, 2]


def test_a_receiver_that_is_gone_is_switched_off_at_once(
    scene: Scene, receiver: Receiver, hook: Webhook
) -> None:
    receiver.answers = [Does(410)]
    hooks.changes(scene, 2)
    hooks.work()
    hook.refresh_from_db()
    assert (hook.active, hook.off_reason) == (False, OffReason.GONE)
    assert told(receiver) == [1]
    assert [each.status for each in hooks.deliveries(hook)] == ["failed", "failed"]
    assert Task.objects.get(queue_name=Queue.MAIL).kind == TaskKind.WEBHOOK_OFF
    scene.booking(id="later")
    assert hooks.work() == 0


def test_the_log_keeps_the_last_twenty_calls(
    scene: Scene, receiver: Receiver, hook: Webhook
) -> None:
    scene.booking()
    receiver.otherwise = lambda _: Does(body=str(len(receiver.calls)).encode())
    for _ in range(22):
        hooks.work()
        endpoints.replay(hook.deliveries.get())
    (delivery,) = hooks.deliveries(hook)
    assert [each["answer"] for each in delivery.calls] == [str(n) for n in range(3, 23)]


# Order, while nobody answers ---------------------------------------------------------------------


def test_one_call_that_nobody_answers_stands_for_all_that_are_due(
    scene: Scene, receiver: Receiver, hook: Webhook
) -> None:
    receiver.otherwise = DOWN
    hooks.changes(scene, 30)
    assert hooks.work() == 1
    assert (receiver.refused, told(receiver)) == (1, [])
    assert {each.attempts for each in hooks.deliveries(hook)} == {1}
    assert [len(each.calls) for each in hooks.deliveries(hook)] == [1] + [0] * 29
    hook.refresh_from_db()
    assert hook.failures == 1


def test_what_has_not_arrived_goes_before_what_came_later_due_or_not(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    receiver.answers = [DOWN, DOWN]
    hooks.changes(scene, 2)
    hooks.work()
    clock.shift(6)
    hooks.work()  # from now on in five minutes
    hooks.changes(scene, 1, first=2)
    clock.shift(20)
    hooks.work()
    assert told(receiver) == [1, 2, 3]
    assert [each.attempts for each in hooks.deliveries(hook)] == [3, 1, 1]


def test_a_receiver_that_comes_and_goes_is_told_everything_in_order(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    # Twice, as what a kept connection does not answer is sent again on a new one.
    receiver.answers = [DOWN, *[Does(), DOWN, DOWN] * 15]
    hooks.changes(scene, 15)
    for _ in range(17):
        hooks.work()
        clock.shift(61)
    assert [*dict.fromkeys(told(receiver))] == [*range(1, 16)]
    assert {each.status for each in hooks.deliveries(hook)} == {DeliveryStatus.DELIVERED}


def test_a_worker_that_dies_as_a_receiver_is_there_again_leaves_no_event_behind(
    scene: Scene,
    receiver: Receiver,
    hook: Webhook,
    clock: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver.answers = [DOWN]
    hooks.changes(scene, 3)
    hooks.work()
    clock.shift(6)
    with monkeypatch.context() as dying:
        dying.setattr(deliveries, "begin_anew", killed)
        with pytest.raises(SystemExit):
            hooks.work()
    Task.objects.update(lease_until=None)  # it ends by the database's clock
    hooks.changes(scene, 1, first=3)
    hooks.work()
    assert told(receiver) == [1, 1, 2, 3, 4]


def killed(*args: Any, **values: Any) -> None:
    raise SystemExit


def test_a_call_before_its_time_that_nobody_answers_takes_no_attempt(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    receiver.otherwise = DOWN
    for nth in range(12):
        hooks.changes(scene, 1, first=nth)
        clock.shift(70 if nth else 0)
        assert hooks.work() == 1
    assert (receiver.refused, told(receiver)) == (12, [])
    oldest, *_, newest = hooks.deliveries(hook)
    assert (oldest.attempts, newest.attempts) == (3, 1)


def test_an_event_that_is_never_answered_stops_none_behind_it(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    receiver.otherwise = lambda call: Does(hang_up=hooks.sequences([call]) == [1])
    hooks.changes(scene, 3)
    hooks.work()
    clock.shift(5)
    hooks.work()
    assert [*dict.fromkeys(told(receiver))] == [1, 2, 3]
    first, *others = hooks.deliveries(hook)
    assert (first.status, first.has_arrived) == (DeliveryStatus.PENDING, True)
    assert {each.status for each in others} == {DeliveryStatus.DELIVERED}


def test_a_receiver_that_is_not_reached_is_called_once_a_minute_at_most(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    receiver.otherwise = DOWN
    for nth in range(60):
        hooks.changes(scene, 1, first=nth)
        hooks.work()
        clock.shift(10)
    assert 10 < receiver.refused < 20


def test_a_receiver_that_sleeps_for_two_days_is_told_in_order_and_misses_nothing(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    receiver.otherwise = DOWN
    for nth in range(12):
        hooks.changes(scene, 2, first=2 * nth)
        hooks.work()
        watch.watch(walltime.now())
        clock.shift(4 * 3600 - 60)
    receiver.calls.clear()
    receiver.otherwise = Does()
    hooks.changes(scene, 1, first=24)
    hooks.work()
    assert told(receiver) == [*range(1, 26)]
    hook.refresh_from_db()
    assert (hook.failures, hook.failing_since, hook.warned_at) == (0, None, None)


# Queues ------------------------------------------------------------------------------------------


def test_whoever_is_slow_goes_to_the_slow_queue_and_back_when_quick(
    scene: Scene,
    receiver: Receiver,
    hook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "SLOW", 0.05)
    receiver.answers = [Does(delay=0.1), Does(delay=0.1)]
    hooks.changes(scene, 3)
    queues = []
    while task := queue.claim(Queue.WEBHOOK) or queue.claim(Queue.SLOW):
        queues.append(task.queue_name)
        sending.WebhookHandler().run(task)
    assert queues == ["webhook", "slow", "slow"]
    assert told(receiver) == [1, 2, 3]
    assert hooks.task_of(hook).queue_name == Queue.WEBHOOK


def test_an_endpoint_waits_since_its_event_and_not_since_its_last_turn(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    clock.shift(3600)
    assert queue.waiting_since(Queue.WEBHOOK) is None
    scene.booking(now=walltime.now())
    clock.shift(60)
    assert queue.waiting_since(Queue.WEBHOOK) == NOON + timedelta(hours=1)
    receiver.answers = [Does(500)]
    hooks.work()
    clock.shift(7)
    since = queue.waiting_since(Queue.WEBHOOK)
    assert since is not None
    assert NOON + timedelta(hours=1, seconds=65) <= since
    endpoints.switch_off(hook, OffReason.PARTNER)
    assert queue.waiting_since(Queue.WEBHOOK) is None


def test_a_turn_ends_after_a_while_and_the_next_endpoint_has_its_own(
    scene: Scene, receiver: Receiver, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SLICE", 0.0)
    for name in "ab":
        hooks.endpoint(scene.partner, f"{receiver.url}/{name}")
    hooks.changes(scene, 2)
    while task := queue.claim(Queue.WEBHOOK):
        clock.shift(0.001)
        sending.WebhookHandler().run(task)
        if len(receiver.calls) == 4:
            break
    assert [call.path[-1] for call in receiver.calls] == ["a", "b", "a", "b"]


# Replays and tests ------------------------------------------------------------------------------


def test_a_replay_is_one_call_more_with_the_same_id_and_the_new_secret(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    scene.booking()
    hooks.work()
    clock.shift(60)
    endpoints.rotate(hook.pk)
    endpoints.replay(hook.deliveries.get())
    receiver.answers = [Does(500)]
    hooks.work()
    assert hooks.work() == 0
    first, again = receiver.calls
    assert (again.body, again.headers["webhook-id"]) == (first.body, first.headers["webhook-id"])
    seconds = [int(each.headers["webhook-timestamp"]) for each in (first, again)]
    assert seconds[1] - seconds[0] == 60
    assert len(again.headers["webhook-signature"].split()) == 2
    (delivery,) = hooks.deliveries(hook)
    assert (delivery.status, delivery.attempts, len(delivery.calls)) == ("delivered", 1, 2)
    hook.refresh_from_db()
    assert hook.failures == 0


def test_what_had_failed_is_delivered_by_a_replay_also_where_the_endpoint_is_off(
    scene: Scene, receiver: Receiver, hook: Webhook
) -> None:
    receiver.answers = [Does(500)]
    scene.booking()
    hooks.work()
    endpoints.switch_off(hook, OffReason.PARTNER)
    endpoints.replay(hook.deliveries.get())
    hooks.work()
    (delivery,) = hooks.deliveries(hook)
    assert (delivery.status, delivery.next_attempt_at) == ("delivered", None)


@pytest.mark.parametrize("answer", [Does(500), DOWN])
def test_what_waits_goes_on_in_its_schedule_after_a_replay_that_failed(
    answer: Does, scene: Scene, receiver: Receiver, hook: Webhook, clock: Any
) -> None:
    receiver.otherwise = answer
    scene.booking()
    for _ in range(2):
        hooks.work()
        clock.shift(6)
    endpoints.replay(hook.deliveries.get())
    clock.shift(5)
    hooks.work()
    (delivery,) = hooks.deliveries(hook)
    assert (delivery.attempts, delivery.is_replay) == (2, False)
    assert len(receiver.calls) + receiver.refused == 3
    assert 300 <= (hooks.due_at(hook) - walltime.now()).total_seconds() <= 330


@pytest.mark.parametrize(("answer", "status"), [(Does(), "delivered"), (DOWN, "failed")])
def test_a_test_is_sent_once_also_to_an_endpoint_that_is_off(
    answer: Does, status: str, receiver: Receiver, hook: Webhook
) -> None:
    endpoints.switch_off(hook, OffReason.PARTNER)
    receiver.otherwise = answer
    sent = endpoints.ping(hook)
    hooks.work()
    assert len(receiver.calls) + receiver.refused == 1
    assert all(hooks.body(call)["type"] == "webhook.ping" for call in receiver.calls)
    sent.refresh_from_db()
    assert (sent.status, sent.next_attempt_at, len(sent.calls)) == (status, None, 1)
    hook.refresh_from_db()
    assert hook.failures == 0
