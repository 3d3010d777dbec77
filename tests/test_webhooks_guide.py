"""Runs docs/webhooks.md against script/run, with the receiver in Python and in Node."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import only_once_on_sqlite
from tests.messages.test_signing import OF_NPM
from tests.server import ROOT, free_port, installed
from tests.snippets import FENCE, run_in_bash, with_server
from tests.test_run import Running

pytestmark = [only_once_on_sqlite, pytest.mark.nightly]

SNIPPETS = FENCE.findall((ROOT / "docs" / "webhooks.md").read_text())
COMMANDS = [text for language, text in SNIPPETS if language == "sh"]
FILES = {"python": "receiver.py", "js": "receiver.mjs"}
UNTIL = "for _ in $(seq 300); do {} 2>/dev/null && break; sleep 0.1; done"
# Instead of what is long enough on a machine that does nothing else.
WAITS = {
    "sleep 1\n": UNTIL.format("(exec 3<>/dev/tcp/localhost/8443)") + "\n",
    "sleep 2\n": UNTIL.format('[ "$(wc -l <calls.txt)" -ge 2 ]') + "\n",
}
PATHS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "standardwebhooks").symlink_to(OF_NPM)
    certificate = next(text for text in COMMANDS if "openssl" in text)
    (made,) = run_in_bash([certificate], tmp_path, {"PATH": PATHS})
    assert made.ended == 0, made
    return tmp_path


@pytest.fixture
def key_and_url(home: Path) -> Iterator[tuple[str, str]]:
    trusted = str(home / "cert.pem")
    with installed(ROOT, SSL_CERT_FILE=trusted, WEBHOOK_PRIVATE_HOSTS="localhost") as made:
        environment, demo = made
        running = Running(environment)
        try:
            yield demo["keys"]["full"], f"http://127.0.0.1:{environment['PORT']}"
        finally:
            running.process.terminate()
            running.process.wait(timeout=40)


@pytest.mark.parametrize("start", ["python3 receiver.py", "node receiver.mjs"])
def test_the_guide_leads_to_a_verified_call(
    home: Path, key_and_url: tuple[str, str], start: str
) -> None:
    if shutil.which(start.split()[0]) is None:
        pytest.skip("there is no Node on this machine")
    key, url = key_and_url
    instead = {**WAITS, "python3 receiver.py": start, "8443": str(free_port())}

    def here(text: str) -> str:
        for word, other in instead.items():
            text = text.replace(word, other)
        return with_server(text, url=url, key=key)

    for language, text in SNIPPETS:
        if language in FILES:
            (home / FILES[language]).write_text(here(text))
    commands = [here(text) for text in COMMANDS if "openssl" not in text]
    told = run_in_bash([*commands, "kill $!\n"], home, {"PATH": PATHS})
    for ran in told:
        assert ran.ended == 0, ran
        assert not [status for status in ran.statuses if status >= 400], ran
    calls = next(ran.out for ran in told if "cat calls.txt" in ran.commands)
    assert re.findall(r"\w+\.\w+(?= {)", calls) == ["webhook.ping", "booking.changed"]
    log = next(ran.out for ran in told if "deliveries?limit" in ran.commands)
    assert log.count('"status":"delivered"') == 2
