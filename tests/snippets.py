"""Reads the commands that the docs show, and runs them in one bash."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.server import ROOT

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sync_program() -> str:
    """Return sync.py as the guide for partners prints it."""
    guide = (ROOT / "docs" / "partners.md").read_text()
    (program,) = [text for language, text in FENCE.findall(guide) if language == "python"]
    return str(program)


@dataclass
class Ran:
    """A snippet that was run: its exit status (-1 if it did not end), and its output."""

    commands: str
    ended: int
    out: str
    err: str

    @property
    def statuses(self) -> list[int]:
        """The HTTP statuses of its curl calls."""
        return [int(status) for status in re.findall(r"^HTTP (\d+)$", self.err, re.MULTILINE)]


def run_in_bash(snippets: Sequence[str], home: Path, environment: Mapping[str, str]) -> list[Ran]:
    """Run snippets in one bash, in the directory `home`, up to the first that fails."""
    # curl succeeds whatever the status: print it.
    (home / ".curlrc").write_text('silent\nshow-error\nwrite-out = "%{stderr}HTTP %{http_code}\\n"')
    script = ["set -eu -o pipefail"]
    for number, commands in enumerate(snippets):
        files = f">{home}/{number}.out 2>{home}/{number}.err"
        script.append(f"{{\n{commands}}} {files}; echo $? >{home}/{number}.rc")
    bash = shutil.which("bash")
    assert bash, "the docs are run with bash"
    subprocess.run(
        [bash],
        input="\n".join(script),
        cwd=home,
        env={"CURL_HOME": str(home), "HOME": str(home), **environment},
        text=True,
        check=False,
    )
    return [
        Ran(
            commands,
            int(_read(home / f"{number}.rc") or -1),
            _read(home / f"{number}.out"),
            _read(home / f"{number}.err"),
        )
        for number, commands in enumerate(snippets)
    ]


def _read(path: Path) -> str:
    """Return a snippet's output; empty where bash stopped before it."""
    return path.read_text() if path.exists() else ""


def with_server(commands: str, *, url: str, key: str) -> str:
    """Set API and KEY in the docs' commands."""
    commands = re.sub(r"(?m)^API=.*$", f"API={url}", commands)
    return re.sub(r"(?m)^KEY=.*$", f"KEY={key}", commands)
