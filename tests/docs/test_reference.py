"""The reference at /docs/reference/: all operations are in it, and its examples work as printed."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from bookings.demo.examples import Examples
from openchair.api.problems import CATALOGUE
from openchair.docs.examples import names
from openchair.docs.reference import Operation, for_search, operations
from openchair.docs.samples import KEY
from tests.conftest import only_once_on_sqlite
from tests.factories import Scene
from tests.server import ROOT, Server

pytestmark = only_once_on_sqlite

# Each runs files as they stand, in one process, and prints the name of a file before its output.
NODE = """
for (const file of process.argv.slice(1)) {
  console.log(`== ${file}`);
  await import(`${process.cwd()}/${file}`);
}
"""
PYTHON = """
import runpy, sys
for file in sys.argv[1:]:
    print("==", file)
    runpy.run_path(file)
"""
CURL = """
for file in "$@"; do
    echo "== $file"
    . "./$file"
done
"""
RUNNERS = {
    "curl": ("sh", ["sh", "-c", CURL, "sh"]),
    "python": ("py", [sys.executable, "-W", "error", "-c", PYTHON]),
    "javascript": ("mjs", ["node", "--input-type=module", "-e", NODE]),
}
SAMPLE = re.compile(
    r'<div class="docs-code oc-code" data-language="(\w+)">.*?<code>(.*?)</code></pre>', re.DOTALL
)


@pytest.fixture
def printed(server: Server) -> dict[str, dict[str, str]]:
    """Return each operation's examples by their language, as a reader sees them."""
    found = {}
    for one in operations().values():
        page = server.call("GET", one.address, key="").body.decode()
        found[one.id] = {name: html.unescape(code) for name, code in SAMPLE.findall(page)}
    return found


@pytest.mark.parametrize("language", RUNNERS)
def test_every_example_works_as_it_is_printed(
    language: str, printed: dict[str, dict[str, str]], server: Server, tmp_path: Path
) -> None:
    ending, command = RUNNERS[language]
    if not (shutil.which(command[0]) or os.environ.get("CI")):
        pytest.skip(f"there is no {command[0]} on this machine")
    for name, code in printed.items():
        (tmp_path / f"{name}.{ending}").write_text(code[language])
    # curl tells no status unless asked to: here as the others do, before the answer.
    (tmp_path / ".curlrc").write_text(
        'silent\noutput = "/dev/null"\nwrite-out = "%{http_code} \\n"'
    )
    done = subprocess.run(
        [*command, *(f"{name}.{ending}" for name in printed)],
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "CURL_HOME": str(tmp_path), KEY: server.key},
        capture_output=True,
        text=True,
    )
    statuses = re.findall(r"^== (\w+)\.\w+\n(\d+) ", done.stdout, re.MULTILINE)
    expected = [(name, str(one.answer.status)) for name, one in operations().items()]
    assert statuses == expected, done.stdout + done.stderr


def test_the_page_for_trying_is_filled_with_ids_that_there_are(server: Server) -> None:
    document = server.call("GET", "/docs/try/openapi.json", key="").json()
    for kind in ("booking", "appointment"):
        (path,) = [each for each in document["paths"] if each.endswith(f"{kind}/{{{kind}_id}}")]
        (known,) = [each["example"] for each in document["paths"][path]["get"]["parameters"][:1]]
        assert server.call("GET", path.replace(f"{{{kind}_id}}", known)).status == 200


def test_answers_about_the_demo_are_printed_as_they_are(server: Server) -> None:
    for name in ("get_practice", "list_practice_locations", "get_location", "get_doctor"):
        one = operations()[name]
        known = {each.name: each.example for each in one.parameters if each.where == "path"}
        told = server.call("GET", one.path.format(**known)).json()
        assert (told[-1:] if isinstance(told, list) else told) == one.answer.example, name


def test_every_operation_of_the_published_document_has_its_page() -> None:
    document = json.loads((ROOT / "openapi.json").read_text())
    published = {
        one["operationId"] for methods in document["paths"].values() for one in methods.values()
    }
    assert set(operations()) == published
    assert {address for _, address, _ in for_search()} == {
        f"/docs/reference/{name}" for name in published
    }


@pytest.mark.parametrize("one", operations().values(), ids=list(operations()))
def test_what_an_example_sends_is_among_the_fields(one: Operation) -> None:
    names = {each.name for each in one.fields}
    for body in one.bodies:
        assert set(body.value) <= names, body.title


def page_of(one: Operation) -> str:
    page = Client().get(one.address)
    assert page.status_code == 200
    return page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("one", operations().values(), ids=list(operations()))
def test_a_page_has_every_parameter_field_and_error_of_its_operation(one: Operation) -> None:
    page = page_of(one)
    addresses = re.findall(r'id="((?:parameter|field)-[^"]+)"', page)
    assert addresses[: len(one.parameters)] == [f"parameter-{each.name}" for each in one.parameters]
    assert {f"field-{each.name}" for each in one.fields} <= set(addresses)
    assert len(set(addresses)) == len(addresses)
    assert "None to" not in page
    required = [each.is_required for each in one.parameters], [f.is_required for f in one.fields]
    assert [sorted(each, reverse=True) for each in required] == [*required]
    linked = set(re.findall(r"/docs/problems/([\w-]+)\"", page))
    statuses = {each.status for each in one.failures}
    assert linked >= {kind.slug for kind in CATALOGUE.values() if kind.status in statuses}


def test_a_webhook_that_the_reader_made_is_not_the_one_to_delete() -> None:
    found = Examples([], [], [], ["first", "second", "third", "the reader's"], [])
    assert names("delete_webhook", found, datetime.now(UTC))["wH7qLm2x9K"] == "second"


@pytest.mark.django_db
def test_ids_of_a_practice_are_shown_to_nobody_unless_it_is_the_demos(scene: Scene) -> None:
    opening = scene.booking()
    page = page_of(operations()["take_place"])
    assert opening.pk not in page
    assert "/onlinescheduling/booking/BOOKING_ID/appointments" in page
    assert "Put ids of your own in place of <code>BOOKING_ID</code>." in page


@pytest.mark.django_db
def test_the_examples_have_the_address_by_which_the_reader_came(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["openchair.example"]
    page = Client(HTTP_HOST="openchair.example").get("/docs/reference/list_practices")
    assert "http://openchair.example/scheduling/practices" in page.content.decode()


def test_an_operation_that_there_is_not_has_no_page(client: Client) -> None:
    assert client.get("/docs/reference/list_everything").status_code == 404
