"""Webhooks: which endpoint is told what, in which order, and what a receiver's answer leads to."""

import re
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
    WebhookDelivery,
    WebhookPosition,
)
from bookings.scheduling import families, feed
from bookings.scheduling.actors import PATIENT, Actor
from practices.models import OwnSystem, Partner
from tests import factories
from tests.conftest import Caller
from tests.factories import NOON, Scene
from tests.messages import hooks
from tests.receiver import Does, Receiver

DOWN = Does(hang_up=True)


@pytest.fixture(autouse=True)
def _no_other_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew no lease: a test's transaction keeps SQLite's write lock."""
    monkeypatch.setattr(queue, "renew", lambda held: {*held})


@pytest.fixture
def hook(scene: Scene, receiver: Receiver) -> Webhook:
    return hooks.endpoint(scene.partner, receiver.url)


def told(receiver: Receiver) -> list[int]:
    return hooks.sequences(receiver.calls)


# What is told -----------------------------------------------------------------------------------


def test_a_change_is_told_with_what_the_feed_says_of_it_and_nothing_else(
    scene: Scene, receiver: Receiver, hook: Webhook, api: Caller
) -> None:
    booking = scene.booking(start_datetime=None)
    hooks.work()
    (call,) = receiver.calls
    message = hooks.body(call)
    cursor = message["data"].pop("cursor")
    assert message == {
        "type": "booking.changed",
        "timestamp": "2026-06-01T12:00:00.000-04:00",
        "data": {
            "practice_id": scene.practice.pk,
            "booking_id": booking.pk,
            "appointment_id": None,
            "from_status": None,
            "to_status": booking.status,
            "sequence": 1,
        },
    }
    path = f"/onlinescheduling/practice/{scene.practice.pk}/changes?after={cursor}"
    assert api("GET", path).json()["changes"][0]["booking_id"] == booking.pk
    assert call.headers["content-type"] == "application/json"
    (delivery,) = hooks.deliveries(hook)
    assert call.headers["webhook-id"] == f"msg_{delivery.pk}"
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)
    (logged,) = delivery.calls
    assert re.fullmatch(r"\d+", str(logged.pop("duration_ms")))
    assert logged == {
        "at": "2026-06-01T16:00:00.000+00:00",
        "status": 200,
        "answer": "thanks",
        "error": "",
    }


def visit(scene: Scene, by: Partner | None = None, source: str | None = None) -> None:
    """Book a place: an event of the appointment, and one of the booking."""
    fields: Any = {"booking_id": scene.booking().pk, "status": "booked", "first_name": "Canary"}
    actor = PATIENT if by is None else Actor.of_key(factories.key(by)[0])
    families.take(wanted=[fields], by=actor, now=NOON, source=source)


def of_appointments(receiver: Receiver, partner: Partner, scene: Scene, **made: Any) -> int:
    """Return of how many of its events a partner's endpoint is told, when a visit is booked."""
    hooks.endpoint(partner, receiver.url, types=["appointment.changed"])
    visit(scene, **made)
    hooks.work()
    for call in receiver.calls:
        assert hooks.body(call)["type"] == "appointment.changed"
        assert hooks.body(call)["data"]["appointment_id"]
        assert b"Canary" not in call.body
    return len(receiver.calls)


def test_a_visit_is_told_to_the_partner_that_took_it(scene: Scene, receiver: Receiver) -> None:
    assert of_appointments(receiver, scene.partner, scene, by=scene.partner) == 1


def test_a_visit_of_another_partner_is_not_told(scene: Scene, receiver: Receiver) -> None:
    other = factories.partner(granted=[scene.practice])
    assert of_appointments(receiver, other, scene, by=scene.partner) == 0


def test_a_visit_is_told_to_its_source(scene: Scene, receiver: Receiver) -> None:
    other = factories.partner(granted=[scene.practice])
    assert of_appointments(receiver, other, scene, source=other.pk) == 1


def test_every_visit_is_told_to_the_practices_own_system(scene: Scene, receiver: Receiver) -> None:
    other = factories.partner(granted=[scene.practice])
    OwnSystem.objects.create(practice=scene.practice, partner=other)
    assert of_appointments(receiver, other, scene, by=scene.partner) == 1


def test_an_endpoint_is_told_of_its_types_and_practices_alone(
    scene: Scene, receiver: Receiver
) -> None:
    second = Scene()
    partner = factories.partner(granted=[scene.practice, second.practice])
    hooks.endpoint(
        partner,
        receiver.url,
        types=["booking.changed"],
        practice_ids=[second.practice.pk],
    )
    visit(scene)
    visit(second)
    hooks.work()
    events = [hooks.body(call) for call in receiver.calls]
    assert {each["type"] for each in events} == {"booking.changed"}
    assert [each["data"]["practice_id"] for each in events] == [second.practice.pk] * 2
    assert not queue.claim(Queue.WEBHOOK)  # what it is not told of is behind it, too


def test_practices_take_turns_and_each_keeps_its_order(
    scene: Scene, receiver: Receiver, clock: Any
) -> None:
    second = Scene()
    scene.partner.practices.add(second.practice)
    hooks.endpoint(scene.partner, receiver.url)
    hooks.changes(scene, 3)
    hooks.changes(second, 3, first=3)
    hooks.work()
    assert told(receiver) == [1, 1, 2, 2, 3, 3]


def test_a_practice_that_is_no_longer_granted_is_not_told_of(
    scene: Scene, receiver: Receiver, hook: Webhook
) -> None:
    scene.booking()
    scene.partner.practices.clear()
    hooks.work()
    assert receiver.calls == []
    assert not WebhookPosition.objects.exists()


@pytest.mark.parametrize(
    "ended", [lambda of: of.practices.clear(), lambda of: Partner.objects.update(active=False)]
)
def test_what_waits_is_given_up_with_the_grant_and_with_the_partner(
    ended: Any, scene: Scene, receiver: Receiver, hook: Webhook, clock: Any
) -> None:
    receiver.otherwise = Does(500)
    scene.booking()
    hooks.work()
    endpoints.ping(hook)
    ended(scene.partner)
    clock.shift(timedelta(seconds=6))
    hooks.work()
    is_on = Partner.objects.get(pk=scene.partner.pk).active
    types = [hooks.body(call)["type"] for call in receiver.calls]
    assert types == ["booking.changed", *(["webhook.ping"] if is_on else [])]
    event = hook.deliveries.get(practice=scene.practice)
    assert (event.status, event.attempts, event.next_attempt_at) == ("failed", 1, None)
    assert hooks.work() == 0


def test_of_many_events_none_is_left_out(
    scene: Scene, receiver: Receiver, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_EVENTS", 3)
    monkeypatch.setattr(deliveries, "_AT_ONCE", 2)
    hooks.changes(scene, 10)
    hooks.work()
    assert told(receiver) == [*range(1, 11)]


def test_a_position_that_was_moved_meanwhile_makes_no_delivery(
    scene: Scene, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.booking()

    def moved_first(*args: Any, **between: Any) -> Any:
        WebhookPosition.objects.update(number=1)
        return shown_to(*args, **between)

    shown_to = feed.shown_to
    monkeypatch.setattr(feed, "shown_to", moved_first)
    deliveries.make(hook)
    assert not WebhookDelivery.objects.exists()


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
    assert told(receiver) == [1]
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
    assert told(receiver) == [1, 1, 1, 2, 3]
    assert [each.attempts for each in hooks.deliveries(hook)] == [3, 3, 1]


def test_a_call_before_its_time_that_nobody_answers_takes_no_attempt(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    receiver.otherwise = DOWN
    for nth in range(12):
        hooks.changes(scene, 1, first=nth)
        clock.shift(70 if nth else 0)
        assert hooks.work() == 1
    assert told(receiver) == [1] * 12
    oldest, *_, newest = hooks.deliveries(hook)
    assert (oldest.attempts, newest.attempts) == (3, 1)


def test_a_receiver_that_is_not_reached_is_called_once_a_minute_at_most(
    scene: Scene, receiver: Receiver, hook: Webhook, clock: time_machine.Traveller
) -> None:
    receiver.otherwise = DOWN
    for nth in range(60):
        hooks.changes(scene, 1, first=nth)
        hooks.work()
        clock.shift(10)
    assert 10 < len(receiver.calls) < 20


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


# Lanes ------------------------------------------------------------------------------------------


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


def test_a_turn_ends_after_a_while_and_the_next_endpoint_has_its_own(
    scene: Scene, receiver: Receiver, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SLICE", 0.0)
    first, second = (hooks.endpoint(scene.partner, f"{receiver.url}/{name}") for name in "ab")
    hooks.changes(scene, 2)
    while task := queue.claim(Queue.WEBHOOK):
        clock.shift(0.001)
        sending.WebhookHandler().run(task)
        if len(receiver.calls) == 4:
            break
    assert [call.path[-1] for call in receiver.calls] == ["a", "b", "a", "b"]
    del first, second


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
    endpoints.switch_off(hook.pk, OffReason.PARTNER)
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
    assert (delivery.attempts, delivery.is_replay, len(receiver.calls)) == (2, False, 3)
    assert 300 <= (hooks.due_at(hook) - walltime.now()).total_seconds() <= 330


@pytest.mark.parametrize(("answer", "status"), [(Does(), "delivered"), (DOWN, "failed")])
def test_a_test_is_sent_once_also_to_an_endpoint_that_is_off(
    answer: Does, status: str, receiver: Receiver, hook: Webhook
) -> None:
    endpoints.switch_off(hook.pk, OffReason.PARTNER)
    receiver.otherwise = answer
    sent = endpoints.ping(hook)
    hooks.work()
    (call,) = receiver.calls
    assert hooks.body(call)["type"] == "webhook.ping"
    sent.refresh_from_db()
    assert (sent.status, sent.next_attempt_at, len(sent.calls)) == (status, None, 1)
    hook.refresh_from_db()
    assert hook.failures == 0
