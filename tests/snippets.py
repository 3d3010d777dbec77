"""The commands that the docs show, and a bash that runs them one after the other."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Ran:
    """What a snippet did: how it ended (its exit status; -1 if it did not), and what it wrote."""

    commands: str
    ended: int
    out: str
    err: str

    @property
    def statuses(self) -> list[int]:
        """Give the HTTP statuses of the calls that it made with curl."""
        return [int(status) for status in re.findall(r"^HTTP (\d+)$", self.err, re.MULTILINE)]


def run_in_bash(snippets: Sequence[str], home: Path, environment: Mapping[str, str]) -> list[Ran]:
    """Run snippets in one bash, in the directory `home`; what fails is the last that is run."""
    # curl by itself succeeds whatever the server says; so let it tell.
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
    """Read what a snippet left; nothing where bash stopped before it."""
    return path.read_text() if path.exists() else ""


def with_server(commands: str, *, url: str, key: str) -> str:
    """Put a server's address and key where the docs leave room for them."""
    commands = re.sub(r"(?m)^API=.*$", f"API={url}", commands)
    return re.sub(r"(?m)^KEY=.*$", f"KEY={key}", commands)
