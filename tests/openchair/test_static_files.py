"""Static files: hashed, compressed, kept by browsers; what is said if none were collected."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from openchair import settings as shipped
from openchair.operations import checks, startup
from tests.conftest import only_once_on_sqlite
from tests.server import Server

pytestmark = only_once_on_sqlite


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    """Serve static files as shipped, from a directory of the test."""
    settings.STORAGES = shipped.STORAGES
    settings.STATIC_ROOT = tmp_path / "staticfiles"
    return tmp_path / "staticfiles"


def said() -> list[str]:
    return [f"{each.id} {each.msg} {each.hint}" for each in checks.static_files_are_collected()]


def collect() -> None:
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.mark.usefixtures("root")
def test_where_none_were_collected_the_server_does_not_start_and_says_what_to_run() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"run manage\.py collectstatic --noinput"):
        startup.refuse_without_static_files()
    (message,) = said()
    assert message.startswith("openchair.E109")
    assert "Run manage.py collectstatic --noinput" in message


def test_a_file_that_is_older_than_the_code_is_told_until_it_is_collected_again(root: Path) -> None:
    collect()
    assert said() == []
    (root / "board.css").write_text("/* of another release */")
    startup.refuse_without_static_files()
    (message,) = said()
    assert message.startswith("openchair.W110 The static file board.css is older than the code")


def test_with_debug_files_are_taken_from_the_code(root: Path, settings: Any) -> None:
    settings.DEBUG = True
    startup.refuse_without_static_files()
    assert said() == []
    assert not root.exists()


def test_what_no_page_loads_is_not_collected(root: Path) -> None:
    collect()
    names = {path.name for path in root.rglob("*")}
    assert {"board.css.gz", "swagger-ui-bundle.js"} <= names
    assert not {"redoc", "rest_framework", "swagger-ui-bundle.js.map"} & names


def test_files_come_compressed_and_are_kept_for_good_by_their_hashed_names(server: Server) -> None:
    page = server.call("GET", "/", headers={"Accept-Encoding": "identity"}).body.decode()
    (style,) = re.findall(r"/static/openchair\.[0-9a-f]{12}\.css", page)
    answer = server.call("GET", style, headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert {"immutable", "public"} <= set(answer.headers["Cache-Control"].split(", "))
    assert int(re.findall(r"max-age=(\d+)", answer.headers["Cache-Control"])[0]) >= 31_536_000
    plain = server.call("GET", "/static/openchair.css", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Cache-Control"] == "max-age=60, public"


def test_pages_come_compressed_and_the_api_does_not(server: Server) -> None:
    asking = {"Accept-Encoding": "gzip"}
    for path, encoding in {
        "/": "gzip",
        "/admin/login/": "gzip",
        "/scheduling/practices": None,
    }.items():
        assert server.call("GET", path, headers=asking).headers.get("Content-Encoding") == encoding
