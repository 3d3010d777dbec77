"""Webhooks in the API: made, edited, rotated, tested and replayed by the partner they are of."""

from datetime import timedelta
from typing import Any

import pytest
from time_machine import Traveller

from bookings.messages.webhooks import endpoints
from bookings.models import SUBSCRIBED, DeliveryStatus, Webhook, WebhookDelivery
from openchair import encryption
from tests import factories
from tests.conftest import Caller
from tests.factories import NOON, Scene

HOOKS = "/scheduling/webhooks"
URL = "https://partner.example/openchair"
DAY = timedelta(hours=24)


def made(api: Caller, **fields: Any) -> dict[str, Any]:
    answer = api("POST", HOOKS, {"url": URL, **fields})
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def hook(webhook: dict[str, Any], more: str = "") -> str:
    return f"/scheduling/webhook/{webhook['id']}{more}"


def told(webhook: dict[str, Any], scene: Scene, nth: int, **values: Any) -> WebhookDelivery:
    """Make a delivery as the worker does."""
    return WebhookDelivery.objects.create(
        **{
            "webhook_id": webhook["id"],
            "type": SUBSCRIBED[0],
            "practice": scene.practice,
            "sequence": nth,
            "body": '{"type":"booking.changed"}',
            "status": DeliveryStatus.DELIVERED,
            "created_at": NOON,
            **values,
        }
    )


def secrets(webhook: dict[str, Any], clock: Any = NOON) -> list[str]:
    return endpoints.secrets_of(Webhook.objects.get(pk=webhook["id"]), clock)


def test_one_that_is_made_has_these_fields_and_its_secret_in_this_answer_alone(
    scene: Scene, api: Caller
) -> None:
    answer = api("POST", HOOKS, {"url": URL})
    body = answer.json()
    assert list(body) == ["id", "url", "types", "practice_ids", "active", "created_at", "secret"]
    secret = body.pop("secret")
    assert secret.startswith("whsec_")
    assert body == {
        "id": body["id"],
        "url": URL,
        "types": ["appointment.changed", "booking.changed"],
        "practice_ids": [],
        "active": True,
        "created_at": "2026-06-01T16:00:00.000+00:00",
    }
    read = api("GET", answer.headers["Location"])
    assert (read.json(), read.headers["ETag"]) == (body, answer.headers["ETag"])
    assert api("GET", HOOKS).json() == [body]
    row = Webhook.objects.get()
    assert secret not in str(vars(row))
    assert encryption.unseal(row.secret) == secret


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("url", "http://partner.example/", "https://"),
        ("url", "https://10.0.0.1/", "host"),
        ("url", 7, "quotation marks"),
        ("types", [], "at least one"),
        ("types", "booking.changed", "square brackets"),
        ("types", ["webhook.ping"], "booking.changed"),
        ("practice_ids", "rtGB2", "square brackets"),
        ("practice_ids", [7], "quotation marks"),
        ("secret", "whsec_mine", "no such field"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_changes_nothing(
    field: str, value: Any, says: str, api: Caller
) -> None:
    webhook = made(api)
    for method, path in (("POST", HOOKS), ("PUT", hook(webhook))):
        answer = api(method, path, {"url": URL, field: value})
        assert answer.status_code == 400, answer.content
        (error,) = answer.json()["errors"]
        assert error["field"].split(".")[0] == field
        assert says in error["message"]
    webhook.pop("secret")
    assert api("GET", HOOKS).json() == [webhook]


def test_only_granted_practices_are_named(scene: Scene, api: Caller) -> None:
    other, off = factories.practice(), factories.practice(active=False)
    scene.partner.practices.add(off)
    webhook = made(api, practice_ids=[scene.practice.pk])
    assert webhook["practice_ids"] == [scene.practice.pk]
    for method, path in (("POST", HOOKS), ("PUT", hook(webhook))):
        for practice_id in (other.pk, "nowhere"):
            sent = {"url": URL, "practice_ids": [scene.practice.pk, practice_id]}
            refused = api(method, path, sent)
            assert refused.status_code == 403
            assert f"not granted practice {practice_id}" in refused.json()["detail"]
        sent = {"url": URL, "practice_ids": [scene.practice.pk, off.pk]}
        (error,) = api(method, path, sent).json()["errors"]
        assert error == {"field": "practice_ids.1", "message": f"There is no practice {off.pk}."}
    assert Webhook.objects.count() == 1


def test_an_edit_changes_only_what_is_sent(scene: Scene, api: Caller) -> None:
    webhook = made(api, practice_ids=[scene.practice.pk])
    webhook.pop("secret")
    edited = api("PUT", hook(webhook), {"types": ["booking.changed"] * 2})
    assert edited.json() == {**webhook, "types": ["booking.changed"]}
    sent_back = {**edited.json(), "practice_ids": [], "url": f"{URL}/2"}
    assert api("PUT", hook(webhook), sent_back).json() == sent_back


def test_what_changed_meanwhile_is_not_written_over(api: Caller) -> None:
    webhook = made(api)
    seen = {"If-Match": api("GET", hook(webhook)).headers["ETag"]}
    new = api("PUT", hook(webhook), {"url": f"{URL}/2"}, seen).headers["ETag"]
    for method, body in (("PUT", {"url": f"{URL}/3"}), ("DELETE", None)):
        assert api(method, hook(webhook), body, seen).status_code == 412
    same = api("GET", hook(webhook), headers={"If-None-Match": new})
    assert same.status_code == 304
    assert api("GET", hook(webhook)).json()["url"] == f"{URL}/2"


def test_switched_off_and_on_it_begins_with_what_comes(scene: Scene, api: Caller) -> None:
    webhook = made(api)
    row = Webhook.objects.get()
    waiting = told(webhook, scene, 1, status="pending", next_attempt_at=NOON)
    assert not api("PUT", hook(webhook), {"active": False}).json()["active"]
    waiting.refresh_from_db()
    assert (waiting.status, waiting.next_attempt_at) == ("failed", None)
    assert not row.positions.exists()
    scene.booking()
    assert api("PUT", hook(webhook), {"active": True}).json()["active"]
    assert row.positions.get().number == scene.practice.feed.newest == 1


def test_a_deleted_one_is_gone_with_its_log(scene: Scene, api: Caller) -> None:
    webhook = made(api)
    told(webhook, scene, 1)
    answer = api("DELETE", hook(webhook))
    assert answer.json() == {"id": webhook["id"], "status": "deleted"}
    assert api("DELETE", hook(webhook)).status_code == 404
    assert not WebhookDelivery.objects.exists()


def test_anothers_is_told_from_none_by_no_call(scene: Scene, api: Caller) -> None:
    other = factories.partner(granted=[scene.practice])
    theirs = made(Caller(factories.key(other)[1]))
    delivery, own = told(theirs, scene, 1), made(api)
    calls = [
        ("GET", ""),
        ("PUT", ""),
        ("POST", "/rotate"),
        ("DELETE", "/rotate"),
        ("POST", "/ping"),
        ("GET", "/deliveries"),
        ("POST", f"/deliveries/{delivery.pk}/replay"),
        ("POST", "/replay?since=2026-01-01T00:00Z"),
        ("DELETE", ""),
    ]
    for method, more in calls:
        body = {"active": False} if method == "PUT" else None
        answers = [api(method, hook({"id": pk}, more), body) for pk in (theirs["id"], "x" * 10)]
        assert {each.status_code for each in answers} == {404}
        said = [each.content.decode() for each in answers]
        assert said[0].replace(theirs["id"], "x" * 10) == said[1]
    assert api("POST", hook(own, f"/deliveries/{delivery.pk}/replay")).status_code == 404
    assert [each["id"] for each in api("GET", HOOKS).json()] == [own["id"]]
    assert Webhook.objects.get(pk=theirs["id"]).active


def test_a_partner_has_at_most_20(scene: Scene, api: Caller) -> None:
    for _ in range(20):
        made(api)
    refused = api("POST", HOOKS, {"url": URL})
    assert (refused.status_code, refused.json()["reason"]) == (409, "too_many_webhooks")
    assert Webhook.objects.count() == 20


def test_both_secrets_sign_for_24_hours_and_it_is_not_rotated_again_meanwhile(
    api: Caller, clock: Traveller
) -> None:
    webhook = made(api)
    first = webhook.pop("secret")
    answer = api("POST", hook(webhook, "/rotate")).json()
    second = answer.pop("secret")
    assert answer == webhook
    assert secrets(webhook) == [second, first]
    clock.shift(DAY - timedelta(seconds=1))
    refused = api("POST", hook(webhook, "/rotate"), {})
    assert (refused.status_code, refused.json()["reason"]) == (409, "still_rotating")
    clock.shift(timedelta(seconds=1))
    assert secrets(webhook, NOON + DAY) == [second]
    third = api("POST", hook(webhook, "/rotate")).json()["secret"]
    forced = api("POST", hook(webhook, "/rotate"), {"force": True}).json()["secret"]
    assert secrets(webhook, NOON + DAY) == [forced, third]
    assert api("DELETE", hook(webhook, "/rotate")).json() == webhook
    assert secrets(webhook, NOON + DAY) == [forced]


@pytest.mark.parametrize("body", [{"force": 1}, {"force": None}, {"now": True}])
def test_an_odd_body_rotates_nothing(body: dict[str, Any], api: Caller) -> None:
    webhook = made(api)
    assert api("POST", hook(webhook, "/rotate"), body).status_code == 400
    assert secrets(webhook) == [webhook["secret"]]


def test_what_is_sent_twice_happens_once(scene: Scene, api: Caller) -> None:
    webhook = made(api)
    delivery = told(webhook, scene, 1)
    calls = {
        HOOKS: {"url": URL},
        hook(webhook, "/rotate"): None,
        hook(webhook, "/ping"): None,
        hook(webhook, f"/deliveries/{delivery.pk}/replay"): None,
        hook(webhook, "/replay?since=2026-06-01T00:00Z"): None,
    }
    for path, body in calls.items():
        once = {"Idempotency-Key": path}
        first, again = (api("POST", path, body, once) for _ in range(2))
        assert first.status_code in {200, 201, 202}, first.content
        assert (again.status_code, again.content) == (first.status_code, first.content)
    assert Webhook.objects.count() == 2
    assert secrets(webhook)[1] == webhook["secret"]
    assert WebhookDelivery.objects.count() == 2
    other = hook(webhook, "/replay?since=2026-07-01T00:00Z")
    assert api("POST", other, None, once).status_code == 422


def test_a_test_is_sent_also_to_one_that_is_off(api: Caller) -> None:
    webhook = made(api)
    api("PUT", hook(webhook), {"active": False})
    answer = api("POST", hook(webhook, "/ping"))
    assert answer.status_code == 202
    body = answer.json()
    assert body == {
        "id": body["id"],
        "type": "webhook.ping",
        "practice_id": None,
        "sequence": None,
        "status": "pending",
        "attempts": 0,
        "next_attempt_at": "2026-06-01T16:00:00.000+00:00",
        "created_at": "2026-06-01T16:00:00.000+00:00",
        "calls": [],
        "body": '{"type":"webhook.ping","timestamp":"2026-06-01T16:00:00.000+00:00",'
        f'"data":{{"webhook_id":"{webhook["id"]}"}}}}',
    }
    assert api("GET", hook(webhook, "/deliveries")).json() == [body]


def test_deliveries_come_newest_first_in_pages_that_miss_and_repeat_none(
    scene: Scene, api: Caller
) -> None:
    webhook = made(api)
    for nth in range(7):  # of three moments, so that some have the same
        told(webhook, scene, nth, created_at=NOON + timedelta(seconds=nth // 3))
    path, seen = hook(webhook, "/deliveries?limit=2"), []
    while path:
        answer = api("GET", path)
        seen += answer.json()
        told(webhook, scene, 100 + len(seen), created_at=NOON + timedelta(minutes=1))
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert [each["sequence"] // 3 for each in seen] == [2, 1, 1, 1, 0, 0, 0]
    assert len({each["id"] for each in seen}) == 7
    assert len(api("GET", hook(webhook, "/deliveries")).json()) == 11


def test_deliveries_are_asked_for_by_status(scene: Scene, api: Caller) -> None:
    webhook = made(api)
    call = {"at": "x", "status": 500, "duration_ms": 3, "answer": "<b>no</b>", "error": ""}
    told(webhook, scene, 1)
    failed = told(webhook, scene, 2, status="failed", attempts=9, calls=[call])
    (only,) = api("GET", hook(webhook, "/deliveries?status=failed")).json()
    assert (only["id"], only["attempts"], only["calls"]) == (failed.pk, 9, [call])
    for odd in ("status=lost", "status=failed&status=failed", "limit=0", "cursor=x", "since=x"):
        assert api("GET", hook(webhook, f"/deliveries?{odd}")).status_code == 400


def test_one_is_replayed_and_all_since(scene: Scene, api: Caller) -> None:
    webhook = made(api)
    old, other, recent = (
        told(webhook, scene, nth, status="failed", created_at=NOON + timedelta(hours=nth))
        for nth in (0, 1, 2)
    )
    api("POST", hook(webhook, "/ping"))
    one = api("POST", hook(webhook, f"/deliveries/{old.pk}/replay"))
    assert (one.status_code, one.json()["next_attempt_at"]) == (
        202,
        "2026-06-01T16:00:00.000+00:00",
    )
    all_since = api("POST", hook(webhook, "/replay?since=2026-06-01T13:00:00-04:00"))
    assert (all_since.status_code, all_since.json()) == (202, {"deliveries": 2})
    for each in (old, other, recent):
        each.refresh_from_db()
        assert (each.status, each.is_replay, each.next_attempt_at) == ("failed", True, NOON)


def test_nothing_is_replayed_of_a_practice_that_is_no_longer_granted(
    scene: Scene, api: Caller
) -> None:
    webhook = made(api)
    delivery = told(webhook, scene, 1)
    scene.partner.practices.clear()
    assert api("POST", hook(webhook, f"/deliveries/{delivery.pk}/replay")).status_code == 403
    since = hook(webhook, "/replay?since=2026-06-01T00:00Z")
    assert api("POST", since).json() == {"deliveries": 0}
    delivery.refresh_from_db()
    assert delivery.next_attempt_at is None


@pytest.mark.parametrize("query", ["", "?since=", "?since=x", "?since=2026-06-01", "?until=x"])
def test_a_replay_without_an_instant_is_refused(query: str, scene: Scene, api: Caller) -> None:
    webhook = made(api)
    told(webhook, scene, 1)
    answer = api("POST", hook(webhook, f"/replay{query}"))
    assert answer.status_code == 400
    assert not WebhookDelivery.objects.filter(is_replay=True).exists()
