"""An SQLite file that is lost is missed, and no empty one takes its place."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from openchair.database.sqlite import files
from tests.server import running_server, start_in_vain

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="it is about SQLite")
LOCATION = "/scheduling/location/b2rGH"


def test_a_file_that_is_removed_is_a_503_until_it_is_back() -> None:
    with running_server() as server:
        file = Path(server.environment["DATABASE_URL"].removeprefix("sqlite:///"))
        assert file.stat().st_mode & 0o077 == 0
        assert server.call("GET", LOCATION).status == 200
        elsewhere = file.rename(file.with_suffix(".lost"))
        for method, path in (("GET", LOCATION), ("POST", "/onlinescheduling/booking")):
            answer = server.call(method, path, {} if method == "POST" else None)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
            assert "is not there" in answer.json()["detail"]
        assert not file.exists()
        started = start_in_vain({**server.environment, "PORT": "1"})
        assert started.returncode == 1
        assert f"There is no database at {file}" in started.stderr
        assert not file.exists()
        elsewhere.rename(file)
        assert server.call("GET", LOCATION).status == 200


def test_a_file_that_is_replaced_is_not_read_on() -> None:
    opening = {"id": "later", "location_id": "b2rGH", "doctor_id": "DD3456"}
    path = "/onlinescheduling/booking/later"
    with running_server() as server:
        file = Path(server.environment["DATABASE_URL"].removeprefix("sqlite:///"))
        assert server.call("GET", path).status == 404
        earlier = file.with_suffix(".earlier")
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(earlier)) as target:
            source.backup(target)
        assert server.call("POST", path.rpartition("/")[0], opening).status == 201
        for part in file.parent.glob(f"{file.name}*"):
            part.rename(f"{part}.lost")
        earlier.rename(file)
        assert [server.call("GET", path).status for _ in range(8)] == [404] * 8


def test_only_a_migration_makes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "data" / "a b%c?.sqlite3"
    monkeypatch.setitem(connection.settings_dict, "NAME", file)
    with pytest.raises(CommandError, match="no database at"):
        call_command("migrate", check_unapplied=True)
    assert not file.parent.exists()
    assert files.make(file)
    assert not files.make(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0
    assert connection.get_connection_params()["database"].endswith("/a%20b%25c%3F.sqlite3?mode=rw")
