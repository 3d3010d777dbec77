"""A backup made while clients write is whole, and what is restored from it is the same."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from openchair.backups import SET_BACK
from tests.bench.load import Load
from tests.operations.cluster import Database, database_with_roles
from tests.postgres import newest_binaries
from tests.server import ROOT, Server, free_port, running_server, serving

URL = os.environ.get("DATABASE_URL", "")
ON_POSTGRESQL = URL.startswith("postgres")


class Place:
    """Where an installation keeps its data: by role, the environment that names it."""

    def __init__(self, folder: Path, database: Database | None) -> None:
        self.folder = folder
        self.database = database

    def environment(self, role: str) -> dict[str, str]:
        """Give what a management command needs as a role; SQLite knows but one."""
        url = f"sqlite:///{self.folder}/openchair.sqlite3"
        binaries = ""
        if self.database:
            url, binaries = self.database.url(role), f"{newest_binaries()}:"
        return {**os.environ, "DATABASE_URL": url, "PATH": binaries + os.environ["PATH"]}

    def manage(self, role: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a management command as a role."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(role),
            check=False,
            capture_output=True,
            text=True,
        )


@contextmanager
def empty_place(folder: Path) -> Iterator[Place]:
    """Make a place without data, as docs/operations.md does."""
    folder.mkdir()
    if not ON_POSTGRESQL:
        yield Place(folder, None)
        return
    with database_with_roles(URL) as database:
        yield Place(folder, database)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Make an installation without data."""
    with empty_place(tmp_path_factory.mktemp("backup") / "installation") as made:
        made.manage("owner", "migrate", "-v0")
        yield made


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[Server]:
    """Run it, with demo data."""
    with running_server(DATABASE_URL=place.environment("app")["DATABASE_URL"]) as running:
        yield running


@pytest.fixture(scope="module")
def backup(place: Place, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a backup while clients write; beside it, what was booked before it."""
    folder = tmp_path_factory.mktemp("backups")
    with Load(server, "drill").running(clients=4) as load:
        load.until(80)
        began = time.monotonic()
        made = place.manage("backup", "backup", str(folder))
        assert made.returncode == 0, made.stderr
        load.until(40)
    assert load.failures == []
    (copy,) = [path for path in folder.iterdir() if path.suffix != ".json"]
    (folder / "drill").write_text(
        json.dumps([name for name, at in load.booked.items() if at < began])
    )
    return copy


def test_a_restored_installation_has_all_that_was_acknowledged(
    server: Server, backup: Path, tmp_path: Path
) -> None:
    acknowledged = json.loads((backup.parent / "drill").read_text())
    assert len(acknowledged) > 3
    with empty_place(tmp_path / "restored") as place:
        restored = place.manage("owner", "restore", str(backup))
        assert restored.returncode == 0, restored.stderr
        assert "Every table is as it was" in restored.stdout
        assert place.manage("owner", "migrate", "-v0").returncode == 0
        # Or a client would take a list for the one that had this number before the restore.
        numbers = "from bookings.models import Feed; print(*Feed.objects.values_list('newest'))"
        for number in place.manage("owner", "shell", "-v0", "-c", numbers).stdout.split(") ("):
            assert int(number.strip("(),\n")) > SET_BACK
        environment = {**server.environment, **place.environment("app"), "PORT": str(free_port())}
        with serving(environment) as process:
            again = Server(int(environment["PORT"]), server.demo, environment, process)
            for name in acknowledged:
                known = again.call("GET", f"/onlinescheduling/booking/{name}")
                assert known.json()["status"] == "booked", known.body
            with Load(again, "after").running(clients=2) as load:
                load.until(20)
            assert load.failures == []


def test_a_place_with_data_in_it_is_left_alone(place: Place, server: Server, backup: Path) -> None:
    refused = place.manage("owner", "restore", str(backup))
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr
    assert server.call("GET", "/scheduling/practices").status == 200


def test_a_copy_that_is_not_what_was_copied_is_told(backup: Path, tmp_path: Path) -> None:
    copy = tmp_path / backup.name
    copy.write_bytes(backup.read_bytes())
    listed = json.loads(backup.with_suffix(".json").read_text())
    listed["tables"]["bookings_event"]["digest"] = "1-2"
    copy.with_suffix(".json").write_text(json.dumps(listed))
    with empty_place(tmp_path / "restored") as place:
        refused = place.manage("owner", "restore", str(copy))
    assert refused.returncode == 1
    assert "Not as it was when it was copied: bookings_event." in refused.stderr


def test_a_backup_that_fails_leaves_nothing_that_looks_like_one(
    place: Place, tmp_path: Path
) -> None:
    folder = tmp_path / "full"
    made = place.manage("backup", "backup", str(folder))
    assert made.returncode == 1
    assert "No backup was made." in made.stderr
    folder.mkdir()
    if ON_POSTGRESQL:
        made = place.manage("report", "backup", str(folder))
        assert made.returncode == 1
        assert "permission denied" in made.stderr
        assert list(folder.iterdir()) == []


def test_nobody_else_on_the_machine_reads_a_backup(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600
    assert backup.with_suffix(".json").stat().st_mode & 0o777 == 0o600
