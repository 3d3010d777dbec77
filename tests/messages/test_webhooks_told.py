"""Webhooks: which endpoint is told what, and in which order."""

import re
from typing import Any

import pytest

from bookings.messages import queue
from bookings.messages.webhooks import deliveries
from bookings.models import (
    DeliveryStatus,
    Queue,
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
from tests.receiver import Receiver

pytestmark = pytest.mark.usefixtures("no_lease_renewed")


def told(receiver: Receiver) -> list[int]:
    return hooks.sequences(receiver.calls)


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


def test_of_many_events_none_is_left_out(
    scene: Scene, receiver: Receiver, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_EVENTS", 3)
    monkeypatch.setattr(deliveries, "AT_ONCE", 2)
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
