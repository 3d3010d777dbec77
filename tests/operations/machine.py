"""Runs docs/operations.md on a throw-away machine: this one, with writes kept apart.

    python -m tests.operations.machine [--whole]

types the commands of docs/operations.md there and writes what came of them, as JSON. It needs root
and mount namespaces. `--whole` builds the Python environment from the locks as well, which needs a
network; without it the one that the tests run in is taken.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.operations.systemctl import JOURNAL
from tests.postgres import newest_binaries
from tests.server import ROOT
from tests.snippets import FENCE, run_in_bash

PAGE = ROOT / "docs" / "operations.md"
WRITTEN = ("/etc", "/opt", "/var", "/usr/local", "/run")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Stand-ins for what needs a network or systemd.
APT_GET = "#!/bin/sh\n"
SYSTEMCTL = f"#!/bin/sh\nexec {sys.executable} {ROOT}/tests/operations/systemctl.py $*\n"
SETUP = f"#!/bin/sh\nln -s {ROOT}/.venv .venv\n"


def snippets() -> list[tuple[str, str]]:
    """Parse the page: each snippet's commands, and the output that it shows."""
    found: list[tuple[str, str]] = []
    for kind, text in FENCE.findall(PAGE.read_text()):
        assert kind in {"sh", "text"}, kind
        if kind == "sh":
            found.append((text, ""))
        else:
            found[-1] = (found[-1][0], text)
    return found


def may_be_made() -> bool:
    """Whether this user may make such a machine here."""
    needed = ("unshare", "ip", "git", "adduser", "runuser", "pg_createcluster")
    if os.geteuid() != 0 or not all(shutil.which(program) for program in needed):
        return False
    trial = ["unshare", "--mount", "--net", "mount", "-t", "tmpfs", "tmpfs", "/opt"]
    return subprocess.run(trial, check=False, capture_output=True).returncode == 0


def type_the_page(home: Path, *, whole: bool) -> None:
    """Run the page's commands, inside the namespaces."""
    layers = home / "layers"
    layers.mkdir()
    _run("mount -t tmpfs tmpfs", layers)
    for place in WRITTEN:
        _keep_apart(Path(place), layers)
    # That machine's users have to reach this one's Python and tests.
    for needed in (Path(sys.executable).resolve(), ROOT):
        for parent in [*needed.parents, needed]:
            if not parent.stat().st_mode & 0o001:
                _keep_apart(parent, layers)
                parent.chmod(0o755)
    _run("ip link set lo up")
    repository = home / "repository"
    _run("git init --quiet", repository)
    tracked = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    for name in tracked.split():
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, repository / name)
    shims = {"apt-get": APT_GET, "systemctl": SYSTEMCTL}
    for name, text in shims.items():
        _script(Path("/usr/local/bin") / name, text)
    if not whole:
        _script(repository / "script" / "setup", SETUP)
    git = "git -c user.name=page -c user.email=page@openchair.example -C"
    _run(git, repository, "add --all")
    _run(git, repository, "commit --quiet -m page")
    cluster = f"{newest_binaries().parent.name} page"
    _run(f"pg_createcluster --port 5432 --start {cluster} -- --no-sync")
    _run("install -d /run/openchair-systemctl")
    try:
        ran = run_in_bash(
            [commands for commands, _ in snippets()],
            home,
            {"PATH": PATH, "REPOSITORY": str(repository)},
        )
        (home / "ran.json").write_text(json.dumps([asdict(one) for one in ran]))
    finally:
        _run("/usr/local/bin/systemctl stop-all")
        sys.stderr.write(JOURNAL.read_text() if JOURNAL.exists() else "")
        _run(f"pg_ctlcluster {cluster} stop -m immediate")


def _run(command: str, *more: object) -> None:
    subprocess.run(
        [*command.split(), *(str(one) for text in more for one in str(text).split())], check=True
    )


def _keep_apart(place: Path, layers: Path) -> None:
    """Redirect writes to a directory elsewhere from now on."""
    upper, work = (layers / kind / place.relative_to("/") for kind in ("upper", "work"))
    upper.mkdir(parents=True)
    work.mkdir(parents=True)
    options = f"lowerdir={place},upperdir={upper},workdir={work}"
    _run("mount -t overlay overlay -o", options, place)


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def main(arguments: list[str]) -> int:
    """Make the machine, run the page, and print what came of it as JSON."""
    if arguments[:1] == ["--inside"]:
        type_the_page(Path(arguments[1]), whole="--whole" in arguments)
        return 0
    with tempfile.TemporaryDirectory(prefix="openchair-machine-") as folder:
        Path(folder).chmod(0o755)
        itself = [sys.executable, "-m", "tests.operations.machine"]
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        if "--whole" not in arguments:
            namespaces.append("--net")
        subprocess.run(
            [*namespaces, *itself, "--inside", folder, *arguments],
            cwd=ROOT,
            check=True,
            stdout=sys.stderr,
        )
        sys.stdout.write((Path(folder) / "ran.json").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
