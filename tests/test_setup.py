"""script/setup: hash-pinned installs from the lock files."""

import base64
import hashlib
import os
import shutil
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import only_once
from tests.server import ROOT


def wheel(directory: Path, name: str, version: str, *metadata: str) -> str:
    """Make a package with nothing but requirements; return its line in a lock."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{info}/METADATA": "\n".join(
            ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata, ""]
        ),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},sha256={_digest(text)},{len(text)}\n" for file, text in files.items())
    path = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(file, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def set_up(home: Path, published: Path, lock: str) -> "subprocess.CompletedProcess[str]":
    """Run `script/setup` in a directory of its own; `published` is the package index."""
    (home / "script").mkdir(parents=True)
    shutil.copy(ROOT / "script/setup", home / "script/setup")
    (home / "requirements.txt").write_text(lock)
    (home / "requirements-dev.txt").write_text(lock)
    index = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(published)}
    return subprocess.run(
        [home / "script/setup"],
        env={**os.environ, **index},
        capture_output=True,
        text=True,
        check=False,
    )


def installed(home: Path) -> set[str]:
    return {path.name for path in home.glob(".venv/lib/python*/site-packages/*.dist-info")}


@only_once
def test_a_release_of_today_changes_nothing(tmp_path: Path) -> None:
    # pip before 23.3 refused this lock from the day on which the newer lib appeared.
    app = wheel(tmp_path, "app", "1.0", "Requires-Dist: lib[more]>=1")
    lib = wheel(tmp_path, "lib", "1.0", "Provides-Extra: more")
    wheel(tmp_path, "lib", "1.1", "Provides-Extra: more")

    ran = set_up(tmp_path / "home", tmp_path, app + lib)

    assert ran.returncode == 0, ran.stderr
    assert installed(tmp_path / "home") == {"app-1.0.dist-info", "lib-1.0.dist-info"}


@only_once
def test_a_lock_that_lacks_something_is_refused(tmp_path: Path) -> None:
    app = wheel(tmp_path, "app", "1.0", "Requires-Dist: lib>=1")

    ran = set_up(tmp_path / "home", tmp_path, app)

    assert ran.returncode == 1
    assert "requirements.txt lacks something that it needs itself" in ran.stderr
    assert not (tmp_path / "home/.venv/openchair-stamp").exists()


@only_once
def test_another_file_than_the_one_locked_is_refused(tmp_path: Path) -> None:
    lock = wheel(tmp_path, "lib", "1.0")
    wheel(tmp_path, "lib", "1.0", "Summary: not what it was")

    ran = set_up(tmp_path / "home", tmp_path, lock)

    assert ran.returncode == 1
    assert "packages of requirements.txt could not be installed" in ran.stderr
    assert installed(tmp_path / "home") == set()


def needed(*asked: str) -> Iterator[Requirement]:
    """Return what these packages require, directly and indirectly, here and now."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(Requirement(each), frozenset({""})) for each in asked]
    while waiting:
        requirement, extras = waiting.pop()
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras):
            continue
        yield requirement
        name, wants = canonicalize_name(requirement.name), frozenset({"", *requirement.extras})
        if (name, wants) not in seen:
            seen.add((name, wants))
            waiting += [(Requirement(each), wants) for each in distribution(name).requires or ()]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_names_all_that_is_needed(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = project["dependencies"]
    if lock == "requirements-dev.txt":
        asked = asked + project["optional-dependencies"]["dev"]
    lines = (ROOT / lock).read_text().replace("\\\n", "").splitlines()
    pins = [Requirement(line.split(" --hash")[0]) for line in lines if line[:1].isalnum()]
    locked = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}

    wanted = list(needed(*asked))

    assert len(wanted) > len(asked)
    for requirement in wanted:
        version = locked.get(canonicalize_name(requirement.name))
        assert version, f"{requirement} is not locked"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement}"
