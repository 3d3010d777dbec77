"""Runs docs/partners.md, snippet by snippet, against the product."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import only_once_on_sqlite
from tests.server import ROOT, Server, running_server
from tests.snippets import FENCE, Ran, run_in_bash, with_server

pytestmark = only_once_on_sqlite

GUIDE = (ROOT / "docs" / "partners.md").read_text()
SNIPPETS = [(language, text) for language, text in FENCE.findall(GUIDE) if language != "text"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Run a server of this module's own: on the other one, families wait that are first."""
    with running_server() as running:
        yield running


@pytest.fixture(scope="module")
def told(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[Ran]:
    home = tmp_path_factory.mktemp("guide")
    commands = []
    for language, text in SNIPPETS:
        if language == "python":
            (home / "sync.py").write_text(text)
            continue
        assert language == "sh", language
        commands.append(with_server(text, url=server.url, key=server.key))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # has standardwebhooks
    return run_in_bash(commands, home, {"PATH": path})


def test_every_call_of_the_guide_succeeds(told: list[Ran]) -> None:
    calls = 0
    for ran in told:
        assert ran.ended == 0, ran
        assert not [status for status in ran.statuses if status >= 400], ran
        assert re.sub(r"HTTP \d+\n", "", ran.err) == "", ran
        assert bool(ran.statuses) == ("curl" in ran.commands)
        calls += len(ran.statuses)
    assert calls == len(re.findall(r"\bcurl -", GUIDE)) + 2  # one of them runs three times


def output_of(told: list[Ran], words: str) -> str:
    """Return the output of the snippet with these words."""
    (out,) = [ran.out for ran in told if words in ran.commands]
    return out


def test_what_the_guide_says_of_its_answers_is_so(told: list[Ran]) -> None:
    thrice = output_of(told, "for attempt").strip()
    one = thrice[: len(thrice) // 3]
    assert thrice == one * 3
    assert '"status":"booked"' in one
    assert '"status":"offered"' in output_of(told, "2030-03-07T16:00")
    assert "HTTP 304" in next(ran.err for ran in told if "If-None-Match" in ran.commands)
    link = r'(?im)^link: <http://\S+&limit=5\S*>; rel="next"\r?$'
    assert re.search(link, output_of(told, "limit=5"))
    limit = r'(?im)^ratelimit: "partner";r=\d+;t=\d+\r?$'
    assert re.search(limit, output_of(told, 'curl -i -H "Authorization: $KEY" $API'))
    assert output_of(told, "sync.py") == "right: {'HK295': True, 'b2rGH': True}\n"
