"""A missing SQLite file: reported, and not replaced by an empty one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from tests.server import ROOT, start_in_vain

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="it is about SQLite")


def test_serving_a_lost_file_is_refused_and_makes_none(tmp_path: Path) -> None:
    file = tmp_path / "lost.sqlite3"
    started = start_in_vain({**os.environ, "DATABASE_URL": f"sqlite:///{file}", "PORT": "1"})
    assert started.returncode == 1
    assert f"There is no database at {file}" in started.stderr
    assert not file.exists()


def test_what_opens_a_lost_file_fails_and_makes_none(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a b%c?.sqlite3"
    lost = connection.copy()
    monkeypatch.setitem(lost.settings_dict, "NAME", file)
    with pytest.raises(OperationalError, match="unable to open"):
        lost.ensure_connection()
    assert not file.exists()
    lost.prepare_database()
    lost.ensure_connection()
    lost.close()


def test_migrate_makes_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    file = tmp_path / "data" / "openchair.sqlite3"
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "practices", "-v0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{file}"},
        check=True,
    )
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0
