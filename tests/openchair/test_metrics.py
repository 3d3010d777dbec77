"""/metrics: counts of several workers, killed ones too, and who has access."""

import os
import re
import signal
import time
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from bookings.messages.webhooks import endpoints
from bookings.models import DeliveryStatus, WebhookDelivery
from openchair import env
from openchair.serving import metrics
from tests.conftest import Caller, only_once
from tests.factories import NOON, Scene
from tests.messages import hooks, tasks
from tests.server import Server, running_server

TOKEN = "sEcret-and-long-enough-71"
HERE = [ip_network("127.0.0.1")]


@pytest.fixture(autouse=True)
def _from_nothing(settings: Any) -> None:
    for counted in (metrics.REQUESTS, metrics.REQUEST_SECONDS, metrics.CLAIMS):
        counted.clear()
    metrics.of_route.cache_clear()
    metrics.HOLDS_LAPSED.reset()
    settings.METRICS_FROM = HERE


def samples(text: str) -> dict[str, float]:
    """Parse Prometheus' text format: values by name and labels."""
    found: dict[str, float] = {}
    typed: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            _, what, name, told = line.split(" ", 3)
            if what == "TYPE":
                typed[name] = told
            continue
        name, value = line.rsplit(" ", 1)
        label = r'[a-z]+="(?:[^"\\\n]|\\["\\n])*"'
        assert re.fullmatch(rf"[a-z_]+(?:\{{{label}(?:,{label})*\}})?", name), name
        family = re.sub(r"_(bucket|sum|count)$", "", name.partition("{")[0])
        assert family in typed or name.partition("{")[0] in typed, name
        assert name not in found
        found[name] = float(value)
    return found


def sample(metric: str, **labels: object) -> str:
    """Return a sample's name and labels, in alphabetical order."""
    pairs = ",".join(f'{label}="{text}"' for label, text in sorted(labels.items()))
    return f"{metric}{{{pairs}}}"


def fetched() -> dict[str, float]:
    answer = Client().get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return samples(answer.content.decode())


ALLOWED = [
    # (METRICS_FROM, METRICS_TOKEN, who asks, with what, whether that is enough)
    ([], "", "127.0.0.1", "", False),
    (HERE, "", "127.0.0.1", "", True),
    (HERE, "", "127.0.0.2", "", False),
    ([env.UNIX_SOCKET], "", "", "", True),
    (HERE, "", "", "", False),
    ([], TOKEN, "127.0.0.2", f"Bearer {TOKEN}", True),
    ([], TOKEN, "127.0.0.2", TOKEN, False),
    ([], TOKEN, "127.0.0.2", "Bearer é", False),
    ([], TOKEN, "127.0.0.2", "", False),
    (HERE, TOKEN, "127.0.0.1", "", False),
    (HERE, TOKEN, "127.0.0.2", f"Bearer {TOKEN}", False),
    (HERE, TOKEN, "127.0.0.1", f"Bearer {TOKEN}", True),
]


@pytest.mark.parametrize(("addresses", "token", "address", "given", "enough"), ALLOWED)
def test_it_is_there_for_those_whom_the_operator_names(
    addresses: Any, token: str, address: str, given: str, db: None, settings: Any, *, enough: bool
) -> None:
    settings.METRICS_FROM, settings.METRICS_TOKEN = addresses, token
    asking = Client(REMOTE_ADDR=address)
    headers = {"Authorization": given} if given else {}
    answer = asking.get("/metrics", headers=headers)
    assert answer.status_code == (200 if enough else 404)
    assert (b"openchair" in answer.content) is enough or b"<html" in answer.content
    assert asking.post("/metrics", headers=headers).status_code == 404


def test_a_token_is_not_taken_over_plain_http(db: None, settings: Any) -> None:
    settings.METRICS_TOKEN, settings.HTTPS_ONLY = TOKEN, True
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert Client().get("/metrics", headers=headers).status_code == 404
    assert Client().get("/metrics", headers=headers, secure=True).status_code == 200


def test_requests_are_counted_by_part_route_and_status(scene: Scene, api: Caller) -> None:
    for path in ("/scheduling/practices", "/scheduling/practices", "/scheduling/nothing"):
        api("GET", path)
    Client().get("/admin/login/")
    found = fetched()
    asked = {"part": "api", "method": "GET", "route": "/scheduling/practices"}
    assert found[sample("openchair_requests_total", **asked, status=200)] == 2
    assert found[sample("openchair_request_seconds_bucket", **asked, le="+Inf")] == 2
    board = {"part": "board", "method": "GET", "route": "/admin/login/"}
    assert found[sample("openchair_requests_total", **board, status=200)] == 1
    assert sum(v for k, v in found.items() if 'status="404"' in k and 'part="api"' in k) == 1


def test_the_histogram_adds_up(db: None) -> None:
    metrics.begin("/x")
    for seconds in (0.001, 0.005, 0.0051, 0.7, 99):
        metrics.request("GET", "/x", 200, seconds)
    found = fetched()
    asked = {"part": "other", "method": "GET", "route": "/x"}
    bounds = (0.005, 0.01, 0.5, 1.0, 10.0, "+Inf")
    buckets = [sample("openchair_request_seconds_bucket", **asked, le=bound) for bound in bounds]
    assert [found[bucket] for bucket in buckets] == [2, 3, 3, 4, 4, 5]
    assert found[sample("openchair_request_seconds_sum", **asked)] == pytest.approx(99.7111)
    assert found[sample("openchair_request_seconds_count", **asked)] == 5


@pytest.mark.django_db(transaction=True)
def test_claims_and_holds_are_counted(clock: time_machine.Traveller) -> None:
    scene = Scene()
    api = Caller(scene.key)
    scene.booking(id="one")
    path = "/onlinescheduling/booking/one"
    places = f"{path}/appointments"
    assert api("POST", places, {"status": "pending"}).status_code == 201
    assert api("POST", places, {"status": "pending"}).status_code == 409
    assert fetched()["openchair_holds_live"] == 1
    clock.shift(timedelta(seconds=901))
    assert fetched()["openchair_holds_live"] == 0
    assert api("PUT", path, {"status": "booked"}).status_code == 200
    assert api("PUT", path, {"status": "pending"}).status_code == 409
    assert api("PUT", path, {"length": 30}).status_code == 200
    found = fetched()
    assert found[sample("openchair_claims_total", part="api", outcome="won")] == 2
    assert found[sample("openchair_claims_total", part="api", outcome="lost")] == 2
    assert found["openchair_holds_lapsed_total"] == 1
    scene.booking(id="many", total_appointments=3)
    assert api("PUT", "/onlinescheduling/booking/many", {"status": "pending"}).status_code == 200
    assert fetched()["openchair_holds_live"] == 3
    clock.shift(timedelta(seconds=901))
    assert api("GET", "/onlinescheduling/booking/many").json()["status"] == "open"
    assert fetched()["openchair_holds_lapsed_total"] == 4


@only_once
def test_it_is_right_over_several_workers_that_are_killed(tmp_path: Path) -> None:
    with running_server(
        METRICS_FROM="127.0.0.1", WEB_CONCURRENCY="3", TMPDIR=str(tmp_path)
    ) as server:
        for killed in range(3):
            for _ in range(20):
                assert server.call("GET", "/scheduling/practices").status == 200
            os.kill(server.workers()[0], signal.SIGKILL)
            wait_for_workers(server)
            assert counted(server) == 20 * (killed + 1)
            assert len([*tmp_path.glob("openchair-metrics-*/counter_*.db")]) == 3
    assert [*tmp_path.glob("openchair-metrics-*")] == []


def counted(server: Server) -> float:
    found = samples(server.call("GET", "/metrics").body.decode())
    asked = {"part": "api", "method": "GET", "route": "/scheduling/practices"}
    return found[sample("openchair_requests_total", **asked, status=200)]


def wait_for_workers(server: Server) -> None:
    deadline = time.monotonic() + 60
    while len(server.workers()) < 3 or server.call("GET", "/livez").status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_tasks_are_counted_and_the_oldest_due_is_timed(scene: Scene, settings: Any) -> None:
    told = fetched()
    assert told[sample("openchair_tasks_oldest_due_seconds", queue="mail")] == 0
    tasks.task(run_after=NOON - timedelta(minutes=7))
    tasks.task(attempts=2, run_after=NOON + timedelta(hours=1))
    tasks.task(status="failed", finished_at=NOON - timedelta(hours=1))
    tasks.task(status="failed", finished_at=NOON - timedelta(days=2))
    tasks.task(status="successful", finished_at=NOON)
    told = fetched()
    assert told[sample("openchair_tasks_oldest_due_seconds", queue="mail")] == 420
    assert told[sample("openchair_tasks_oldest_due_seconds", queue="periodic")] == 0
    for status in ("ready", "retried", "failed"):
        assert told[sample("openchair_tasks", queue="mail", status=status)] == 1
    assert sample("openchair_tasks", queue="mail", status="successful") not in told


def test_what_endpoints_are_told_is_counted_and_the_oldest_that_waits_is_timed(
    scene: Scene, settings: Any, clock: time_machine.Traveller
) -> None:
    hook = hooks.endpoint(scene.partner, "https://hooks.example.com")
    assert fetched()["openchair_webhook_oldest_pending_seconds"] == 0
    _, delivered, failed = (endpoints.ping(hook) for _ in range(3))
    for one, status in ((delivered, "delivered"), (failed, "failed")):
        WebhookDelivery.objects.filter(pk=one.pk).update(status=status, next_attempt_at=None)
    clock.shift(30)
    told = fetched()
    assert told["openchair_webhook_oldest_pending_seconds"] == 30
    counted = [
        told[sample("openchair_webhook_deliveries", status=status)] for status in DeliveryStatus
    ]
    assert counted == [1, 1, 1]
    clock.shift(3600)
    told = fetched()
    assert told[sample("openchair_webhook_deliveries", status="failed")] == 0
    assert told[sample("openchair_webhook_deliveries", status="pending")] == 1
