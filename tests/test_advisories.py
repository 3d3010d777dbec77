"""A pin with a known vulnerability fails; a source that cannot be asked is told, and does not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import advisories
from tests.server import ROOT, free_port

KNOWN = {("django", "3.2.0"): ["PYSEC-1"], ("django", "5.2.1"): ["PYSEC-2", "PYSEC-3"]}
TOLD = {
    "PYSEC-1": {"summary": "Old."},
    "PYSEC-2": {"details": "SQL injection by alias.\nMore."},
    "PYSEC-3": {"summary": "A mistake.", "withdrawn": "2026-01-01T00:00:00Z"},
}


class Source(BaseHTTPRequestHandler):
    """Speaks as OSV.dev documents its API."""

    knows = KNOWN

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        results = []
        for query in asked:
            assert query["package"]["ecosystem"] == "PyPI"
            ids = self.knows.get((query["package"]["name"], query["version"]), [])
            results.append({"vulns": [{"id": each} for each in ids]} if ids else {})
        self.answer({"results": results} if self.path == "/v1/querybatch" else {})

    def do_GET(self) -> None:
        self.answer(TOLD[self.path.removeprefix("/v1/vulns/")])

    def answer(self, document: Any) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def source() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Source) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(tmp_path: Path, lock: str, source: str) -> int:
    (tmp_path / "lock.txt").write_text(lock)
    return advisories.main([str(tmp_path / "lock.txt"), "--source", source])


def test_a_pin_with_an_advisory_fails_and_says_which(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(tmp_path, "asgiref==3.13.0 \\\n    --hash=sha256:0\nDjango==5.2.1 ; x\n", source) == 1
    )
    told = capsys.readouterr().out
    assert "django==5.2.1 PYSEC-2: SQL injection by alias.\n" in told
    assert "PYSEC-3" not in told
    assert f"2 pins checked against {source}" in told


def test_pins_without_advisories_pass(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "django==5.2.19 \\\n", source) == 0
    assert "1 pins checked" in capsys.readouterr().out


def test_a_source_that_cannot_be_asked_is_told_and_does_not_fail_the_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "django==5.2.1\n", f"http://127.0.0.1:{free_port()}") == 75
    assert capsys.readouterr().out.startswith("NOT CHECKED at 20")


def test_a_source_that_knows_nothing_is_not_believed(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Source, "knows", {})
    assert run(tmp_path, "django==5.2.1\n", source) == 75
    assert "does not know what is wrong with django==3.2.0" in capsys.readouterr().out


def test_every_line_of_the_locks_is_a_pin_with_hashes() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        lines = [line for line in text.splitlines() if line and line[0] not in " #"]
        assert len(lines) == len(advisories.pins(text)) > 20
        assert all(line.endswith("\\") for line in lines), "hashes follow"
        assert text.count("--hash=sha256:") > len(lines)
