"""Load shedding: requests that waited too long for a worker (X-Request-Start)."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import RequestFactory

from openchair.serving.middleware import QueueTimeMiddleware, TrustedProxyMiddleware

NOW = 1_795_391_119.0


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


class Worker:
    """The middleware of a worker behind a trusted proxy."""

    def __init__(self) -> None:
        answered = QueueTimeMiddleware(lambda _: HttpResponse("answered"))
        self.answer = TrustedProxyMiddleware(answered)

    def __call__(self, start: str | None = None, path: str = "/", address: str = "10.0.0.1") -> Any:
        headers = {} if start is None else {"X-Request-Start": start}
        return self.answer(RequestFactory().get(path, headers=headers, REMOTE_ADDR=address))


@pytest.fixture
def worker(clock: time_machine.Traveller, settings: Any) -> Worker:
    """Return a worker whose first request was a minute ago."""
    settings.PATIENCE = 2
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.1")]
    made = Worker()
    made()
    clock.shift(60)
    return made


def ago(seconds: float) -> str:
    """Return X-Request-Start as nginx writes it, so many seconds ago."""
    return f"t={NOW + 60 - seconds:.3f}"


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (2, 200), (2.001, 503), (50, 503)])
def test_what_has_waited_longer_than_patience_is_refused(
    worker: Worker, seconds: float, status: int
) -> None:
    answer = worker(ago(seconds), "/scheduling/practices")
    assert answer.status_code == status
    if status == 503:
        assert answer.headers["Retry-After"] == "2"
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert b"nothing was done" in answer.content


@pytest.mark.parametrize(
    ("path", "words"),
    [("/admin/", "nothing was"), ("/book/x", "Wait a minute"), ("/es/book/x", "Espere un minuto")],
)
def test_whoever_waits_for_a_page_gets_a_page(worker: Worker, path: str, words: str) -> None:
    answer = worker(ago(50), path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert words.lower() in answer.content.decode().lower()


@pytest.mark.parametrize("start", [None, "", "t=", "yesterday", "t=-1", "1", f"t={NOW + 999}"])
def test_without_a_time_that_has_passed_nothing_is_refused(
    worker: Worker, start: str | None
) -> None:
    assert worker(start).status_code == 200


def test_only_a_trusted_proxy_says_since_when_a_request_waits(
    worker: Worker, settings: Any
) -> None:
    assert worker(ago(50), address="10.0.0.2").status_code == 200
    settings.TRUSTED_PROXIES = []
    assert worker(ago(50)).status_code == 200


def test_what_waited_for_a_worker_to_start_is_answered(
    worker: Worker, clock: time_machine.Traveller
) -> None:
    new = Worker()
    assert new(ago(30)).status_code == 200
    clock.shift(2)
    assert new(ago(30)).status_code == 200
    clock.shift(0.001)
    assert new(ago(30)).status_code == 503


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_a_monitor_is_answered_however_long_it_waited(worker: Worker, path: str) -> None:
    assert worker(ago(50), path).status_code == 200
