"""Idempotency-Key: a POST sent twice is carried out once (contract, section 4)."""

import threading
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection, transaction

from bookings.models import Booking, Event
from bookings.scheduling import feed, moves
from openchair.api.models import KeptAnswer
from tests import factories
from tests.conftest import Caller, together
from tests.factories import NOON, Scene

CREATE = "/onlinescheduling/booking"


def keyed(key: str = "4b1d", **more: str) -> dict[str, str]:
    """Return the headers of a request with an Idempotency-Key."""
    return {"Idempotency-Key": key, **more}


def body(scene: Scene, **values: Any) -> dict[str, Any]:
    """Return the body that creates a booking."""
    return scene.fields(start_datetime="2026-06-02T09:00", **values)


def test_a_retry_gets_the_first_answer_verbatim(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    first = api("POST", CREATE, body(scene), keyed())
    assert first.status_code == 201
    api("PUT", first.headers["Location"], {"length": 30})
    clock.shift(24 * 60 * 60 - 1)
    again = api("POST", CREATE, body(scene), keyed())
    assert (again.status_code, again.content) == (201, first.content)
    for name in ("Location", "ETag", "Content-Type", "Cache-Control", "Vary"):
        assert again.headers[name] == first.headers[name]
    assert Booking.objects.count() == 1


def test_every_post_takes_a_key(scene: Scene, api: Caller) -> None:
    booking = scene.booking(total_appointments=2)
    paths = {
        f"{CREATE}/{booking.pk}/appointments": {"status": "booked", "first_name": "Mia"},
        f"{CREATE}/{booking.pk}": {"length": 30},
    }
    for path, sent in paths.items():
        first, again = (api("POST", path, sent, keyed(path)) for _ in range(2))
        assert first.status_code in {200, 201}
        assert (again.status_code, again.content) == (first.status_code, first.content)
    booking.refresh_from_db()
    assert booking.places_booked == 1


def test_the_key_may_be_quoted_and_the_json_laid_out_otherwise(scene: Scene, api: Caller) -> None:
    first = api("POST", CREATE, body(scene), keyed("one"))
    turned = dict(reversed(body(scene).items()))
    again = api("POST", f"{CREATE}/", turned, keyed('"one"'))
    assert again.content == first.content
    assert Booking.objects.count() == 1


def test_a_key_that_came_with_another_request_is_a_422(scene: Scene, api: Caller) -> None:
    first = api("POST", CREATE, body(scene), keyed())
    other_body = api("POST", CREATE, body(scene, length=30), keyed())
    other_path = api("POST", first.headers["Location"], body(scene), keyed())
    for refused in (other_body, other_path):
        assert refused.status_code == 422
        assert refused.json()["type"].endswith("/key-reused")
    assert Booking.objects.get().length == 60


def test_a_key_is_the_partners_own(scene: Scene, api: Caller) -> None:
    other = Caller(factories.key(factories.partner(granted=[scene.practice]))[1])
    second_key = Caller(factories.key(scene.partner)[1])
    first = api("POST", CREATE, body(scene), keyed())
    assert other("POST", CREATE, body(scene), keyed()).json()["id"] != first.json()["id"]
    assert second_key("POST", CREATE, body(scene), keyed()).content == first.content


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "two words", "ü", '"', 'a"b'])
def test_what_is_no_key_is_a_400(scene: Scene, api: Caller, key: str) -> None:
    refused = api("POST", CREATE, body(scene), keyed(key))
    assert refused.status_code == 400
    assert "Idempotency-Key" in refused.json()["detail"]
    assert not Booking.objects.exists()


def test_a_refusal_is_repeated_too(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    path = f"{CREATE}/{booking.pk}/appointments"
    taken = api("POST", path, {"status": "booked"})
    refused = api("POST", path, {"status": "booked"}, keyed())
    assert (refused.status_code, refused.json()["reason"]) == (409, "place_taken")
    api("DELETE", taken.headers["Location"])
    again = api("POST", path, {"status": "booked"}, keyed())
    assert (again.status_code, again.content) == (409, refused.content)
    assert again.headers["Content-Type"] == "application/problem+json"
    assert api("POST", path, {"status": "booked"}, keyed("new")).status_code == 201


def test_a_wrong_request_may_be_mended_and_sent_again(scene: Scene, api: Caller) -> None:
    assert api("POST", CREATE, body(scene, length=0), keyed()).status_code == 400
    assert api("POST", CREATE, b"{", keyed()).status_code == 400
    assert api("POST", f"{CREATE}/none", {"length": 30}, keyed()).status_code == 404
    assert api("POST", CREATE, body(scene), keyed()).status_code == 201


def test_a_limit_that_was_reached_is_not_kept(scene: Scene, api: Caller, settings: Any) -> None:
    settings.HOLDS_PER_PARTNER = 1
    api("POST", CREATE, body(scene, id="first", status="pending"))
    held = body(scene, status="pending")
    assert api("POST", CREATE, held, keyed()).status_code == 429
    api("PUT", f"{CREATE}/first", {"status": "open"})
    assert api("POST", CREATE, held, keyed()).status_code == 201


def test_after_a_day_the_key_is_free_and_the_answer_gone(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    for key in ("one", "two", "three"):
        api("POST", CREATE, body(scene), keyed(key))
    clock.shift(24 * 60 * 60)
    assert api("POST", CREATE, body(scene, length=30), keyed("one")).status_code == 201
    assert list(KeptAnswer.objects.values_list("key", flat=True)) == ["one"]


def test_other_methods_leave_the_key_alone(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    for length in (30, 45):
        assert api("PUT", f"{CREATE}/{booking.pk}", {"length": length}, keyed()).status_code == 200
    assert not KeptAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_crash_before_the_end_leaves_neither_effect_nor_answer(
    scene: Scene, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = feed.write

    def crash() -> None:
        raise OperationalError("the connection is gone")

    def write_and_crash(events: Any, **changes: Any) -> None:
        write(events, **changes)()
        crash()

    with monkeypatch.context() as broken:
        broken.setattr(feed, "write", write_and_crash)
        assert api("POST", CREATE, body(scene), keyed()).status_code == 503
    assert not Booking.objects.exists()
    assert not KeptAnswer.objects.exists()
    with monkeypatch.context() as broken:
        broken.setattr("openchair.api.idempotency._sweep", crash)
        assert api("POST", CREATE, body(scene), keyed()).status_code == 503
    assert not Booking.objects.exists()
    assert not Event.objects.exists()
    assert api("POST", CREATE, body(scene), keyed()).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_of_many_duplicates_at_once_one_happens(scene: Scene) -> None:
    answers = together(10, lambda: Caller(scene.key)("POST", CREATE, body(scene), keyed()))
    assert Booking.objects.count() == 1
    made = {answer.content for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    others = [answer for answer in answers if answer.status_code != 201]
    assert {(one.status_code, one.json()["reason"]) for one in others} <= {(409, "still_running")}


@pytest.mark.django_db(transaction=True)
def test_while_the_first_is_running_a_duplicate_is_told_so(scene: Scene) -> None:
    booking = scene.booking()
    path = f"{CREATE}/{booking.pk}"
    answers: dict[str, Any] = {}

    def send(name: str) -> None:
        answers[name] = Caller(scene.key)("POST", path, {"length": 30}, keyed())
        connection.close()

    first, second = (threading.Thread(target=send, args=[name]) for name in ("first", "second"))
    with transaction.atomic():
        moves.lock(booking.pk, by=scene.actor, now=NOON)
        first.start()
        first.join(1)
        assert "first" not in answers
        second.start()
        second.join(1)
        told = dict(answers)
    for thread in (first, second):
        thread.join()
    assert answers["first"].status_code == 200
    if connection.vendor == "postgresql":
        assert told["second"].json()["reason"] == "still_running"
    else:
        # One writer at a time: the duplicate waited, and repeats the answer.
        assert answers["second"].content == answers["first"].content
    assert Event.objects.filter(booking=booking).count() == 2
