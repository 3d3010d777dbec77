"""Problem pages: their examples are what the server answers, their reasons what the code raises."""

import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_network
from typing import Any

import pytest
import time_machine
from django.test import Client

from openchair.api import reasons
from openchair.api.problems import CATALOGUE
from openchair.docs import problem_pages
from tests.conftest import only_once_on_sqlite
from tests.factories import Scene, key, partner
from tests.server import ROOT

pytestmark = [pytest.mark.django_db, only_once_on_sqlite]

HOST = "127.0.0.1:8000"
KEY = "oc_…"
SHOWN = ["Allow", "Content-Type", "Retry-After", "WWW-Authenticate"]
"""Headers of an answer that every example shows."""


Call = Callable[..., Any]


@pytest.fixture
def call(scene: Scene) -> Call:
    """Make the opening of the examples, and return a function that calls the API about it."""
    scene.booking(id="2f4Dr")
    client = Client(HTTP_HOST=HOST)

    def call(method: str, path: str, headers: dict[str, str], body: bytes, *, key: str) -> Any:
        sent = {name: value.replace(KEY, key) for name, value in headers.items()}
        kind = sent.pop("Content-Type", "")
        return client.generic(method, path, body, content_type=kind, headers=sent)

    return call


def sent(slug: str) -> tuple[str, str, dict[str, str], bytes]:
    """Parse an example's request."""
    head, _, body = problem_pages.example(slug).request.partition("\n\n")
    first, *lines = head.splitlines()
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    length = int(headers.pop("Content-Length", 0))
    return method, path, headers, b" " * length or body.encode()


def written(answer: Any, *, also: str = "") -> str:
    """Return an answer as the examples write it. also: one more header that it shows."""
    lines = [f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}"]
    named = [each for each in [*SHOWN, also] if each in answer.headers]
    lines += [f"{name}: {answer.headers[name]}" for name in named]
    return "\n".join([*lines, "", json.dumps(answer.json(), ensure_ascii=False, indent=2)])


BEFORE = {
    "conflict": [b'{"status": "booked"}'],
    "key-reused": [b'{"status": "pending"}'],
    "too-many-requests": [b""] * 10,
    "unavailable": [b""],
}
"""What was sent to the same address before, for the problem to be one."""
ALSO = {"too-many-requests": "RateLimit", "internal-error": "X-Request-ID"}


@pytest.mark.parametrize("slug", CATALOGUE)
def test_the_example_of_a_problem_is_what_the_server_says(
    slug: str, scene: Scene, call: Call, settings: Any, clock: time_machine.Traveller
) -> None:
    method, path, headers, body = sent(slug)
    used = scene.key
    if slug == "too-many-requests":
        settings.RATE_LIMIT = (len(BEFORE[slug]), 60)
    for body_before in BEFORE.get(slug, []):
        call(method, path, headers, body_before, key=used)
    if slug == "forbidden":
        used = key(partner(authorized=False))[1]
    if slug == "internal-error":
        del settings.HOLD_SECONDS
    if slug == "unavailable":
        settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
        headers["X-Request-Start"] = f"t={time.time():.3f}"
        clock.shift(10)
    answer = call(method, path, headers, body, key=used)
    assert problem_pages.example(slug).answer == written(answer, also=ALSO.get(slug, ""))


def test_the_reasons_of_a_409_are_those_of_the_code() -> None:
    verbs = [
        *(ROOT / "bookings" / "scheduling").glob("*.py"),
        ROOT / "bookings/scheduling/waitlist/entries.py",
        *(ROOT / "openchair/api").glob("*.py"),
        ROOT / "bookings/messages/webhooks/endpoints.py",
    ]
    raised: set[str] = set()
    # Only staff propose times, and only patients' pages answer.
    for file in (each for each in verbs if each.name != "proposals.py"):
        raised |= set(re.findall(r'(?:Refused\(|__init__\(|reason=)\s*"(\w+)"', file.read_text()))
    # Only staff give a place to a patient.
    told = {
        **reasons.OF_A_BOOKING,
        **reasons.OF_AN_APPOINTMENT,
        **reasons.OF_A_WAITING_LIST_ENTRY,
        **reasons.OF_A_WEBHOOK,
    }
    assert {*told} == raised - {"nothing_taken"}


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (
            "api",
            {
                **reasons.OF_A_BOOKING,
                **reasons.OF_A_WAITING_LIST_ENTRY,
                **reasons.OF_A_WEBHOOK,
            },
        ),
        ("partners", reasons.OF_AN_APPOINTMENT),
    ],
)
def test_a_guide_has_the_same_reasons(page: str, told: dict[str, str]) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text()
    table = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE))
    del table["reason"]  # the heading
    assert table == told
