"""The commands of docs/operations.md, and the units of deploy/systemd."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bookings.messages.worker import GRACE
from tests.gunicorn_settings import gunicorn_setting
from tests.operations import machine
from tests.operations.systemctl import read
from tests.server import ROOT
from tests.snippets import Ran

UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())


@pytest.mark.nightly
# The page is about PostgreSQL: typing it once is enough.
@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="typed beside PostgreSQL's tests")
@pytest.mark.skipif(not machine.may_be_made(), reason="needs root, namespaces, Debian's PostgreSQL")
def test_who_types_what_the_page_says_gets_what_it_shows() -> None:
    typed = subprocess.run(
        [sys.executable, "-m", "tests.operations.machine"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert typed.returncode == 0, typed.stderr[-3000:]
    ran = [Ran(**one) for one in json.loads(typed.stdout)]
    assert len(ran) >= 12, "the page has lost its commands"
    for one, (_, shown) in zip(ran, machine.snippets(), strict=True):
        assert one.ended == 0, (one, typed.stderr[-3000:])
        assert set(one.statuses) <= {200}, one
        assert_shown(shown, one)


def assert_shown(shown: str, ran: Ran) -> None:
    """Check that the last lines are as the page shows them."""
    lines = shown.splitlines()
    assert ran.out.splitlines()[-len(lines) :] == lines or not lines, ran


def test_the_units_are_what_systemd_accepts(tmp_path: Path) -> None:
    for unit in UNITS:
        # verify wants the programs to be there.
        text = unit.read_text().replace("/opt/openchair/current/.venv/bin/python", "/bin/true")
        text = text.replace("/usr/bin/pg_dump", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    if shutil.which("systemd-analyze"):
        verified = subprocess.run(
            ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)],
            check=False,
            capture_output=True,
            text=True,
        )
        said = [line for line in verified.stderr.splitlines() if "openchair" in line]
        assert said == []
    names = {unit.name for unit in UNITS}
    for unit in UNITS:
        if unit.suffix == ".timer":
            assert f"{unit.stem}.service" in names
        if unit.suffix == ".service":
            settings = dict(read(unit))
            assert settings["User"] == "openchair"
            assert settings["NoNewPrivileges"] == "yes"
            assert settings["ProtectSystem"] == "strict"


def test_sockets_and_stops_are_as_patient_as_gunicorn() -> None:
    socket = dict(read(ROOT / "deploy" / "systemd" / "openchair.socket"))
    service = dict(read(ROOT / "deploy" / "systemd" / "openchair.service"))
    assert socket["Backlog"] == gunicorn_setting("backlog")
    assert int(service["TimeoutStopSec"]) > int(gunicorn_setting("graceful_timeout"))
    working = dict(read(ROOT / "deploy" / "systemd" / "openchair-worker.service"))
    assert int(working["TimeoutStopSec"]) > GRACE


def test_the_page_knows_every_unit_and_every_role() -> None:
    page = machine.PAGE.read_text()
    enabled = re.findall(r"systemctl enable --now (.*)", page)[0].split()
    wanted = {unit.name for unit in UNITS if "[Install]" in unit.read_text()}
    assert set(enabled) == wanted
    roles = (ROOT / "deploy" / "postgresql" / "roles.sql").read_text()
    assert set(re.findall(r"^\| `(openchair_\w+)`", page, re.MULTILINE)) == set(
        re.findall(r"^--     (openchair_\w+) ", roles, re.MULTILINE)
    )
