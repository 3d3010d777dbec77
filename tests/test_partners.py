"""docs/partners.md is executed, snippet by snippet, against the running product."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.server import ROOT, Server

GUIDE = (ROOT / "docs" / "partners.md").read_text()
SNIPPETS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def told(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str]]:
    """Run the snippets in one bash; give each with what it wrote, and its HTTP statuses."""
    home = tmp_path_factory.mktemp("guide")
    tell = "%{stderr}HTTP %{http_code}\\n"
    (home / ".curlrc").write_text(f'silent\nshow-error\nwrite-out = "{tell}"')
    script = ["set -eu -o pipefail"]
    for number, (language, text) in enumerate(SNIPPETS):
        if language == "python":
            (home / "sync.py").write_text(text)
            continue
        assert language == "sh", language
        commands = re.sub(r"(?m)^API=.*$", f"API={server.url}", text)
        commands = re.sub(r"(?m)^KEY=.*$", f"KEY={server.key}", commands)
        script.append(f"{{\n{commands}}} >{number}.out 2>{number}.err")
    bash = shutil.which("bash")
    assert bash, "the guide is run with bash"
    environment = {"PATH": os.environ["PATH"], "CURL_HOME": str(home), "HOME": str(home)}
    subprocess.run(
        [bash], input="\n".join(script), cwd=home, env=environment, text=True, check=True
    )
    return [
        (text, _read(home / f"{number}.out"), _read(home / f"{number}.err"))
        for number, (language, text) in enumerate(SNIPPETS)
        if language == "sh"
    ]


def _read(path: Path) -> str:
    return path.read_text()


def test_every_call_of_the_guide_succeeds(told: list[tuple[str, str, str]]) -> None:
    calls = 0
    for text, out, err in told:
        statuses = re.findall(r"HTTP (\d+)", err)
        assert not [status for status in statuses if int(status) >= 400], (text, out, err)
        assert re.sub(r"HTTP \d+\n", "", err) == "", (text, err)
        assert bool(statuses) == ("curl" in text)
        calls += len(statuses)
    assert calls == len(re.findall(r"\bcurl -", GUIDE)) + 2  # one of them runs three times


def output_of(told: list[tuple[str, str, str]], words: str) -> str:
    """Give what the snippet with these words wrote."""
    (out,) = [out for text, out, _ in told if words in text]
    return out


def test_what_the_guide_says_of_its_answers_is_so(told: list[tuple[str, str, str]]) -> None:
    thrice = output_of(told, "for attempt").strip()
    one = thrice[: len(thrice) // 3]
    assert thrice == one * 3
    assert '"status":"booked"' in one
    assert "HTTP 304" in next(err for text, _, err in told if "If-None-Match" in text)
    link = r'(?im)^link: <http://\S+&limit=5\S*>; rel="next"\r?$'
    assert re.search(link, output_of(told, "limit=5"))
    limit = r'(?im)^ratelimit: "partner";r=\d+;t=\d+\r?$'
    assert re.search(limit, output_of(told, 'curl -i -H "Authorization: $KEY" $API'))
    assert re.fullmatch(r"\d+ bookings, up to date\n", output_of(told, "sync.py"))


def test_the_reasons_in_the_guide_are_those_of_the_code() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)) - {"reason"}
    places = (ROOT / "bookings" / "appointments.py", ROOT / "openchair" / "api" / "idempotency.py")
    raised: set[str] = set()
    for place in places:
        raised |= set(re.findall(r'Refused\(\s*"(\w+)"', place.read_text()))
    assert named == raised
