"""README and docs: commands run, answers compared, links, settings and names looked up."""

import ast
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command, get_commands
from django.db.migrations.loader import MigrationLoader

from tests.conftest import only_once_on_sqlite
from tests.server import ROOT, Server
from tests.snippets import FENCE, Ran, run_in_bash, with_server

pytestmark = only_once_on_sqlite

README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
# What differs between runs, and its replacement when answers are compared.
VARYING = {
    r"tour-((?:range-|weekly-)?)\d+": r"tour-\1N",
    r"http://127\.0\.0\.1:\d+": "http://HOST",
    r"\boc_[A-Za-z0-9]{38}\b": "KEY",
    r"\bpassword \S+": "password P",
    r"\bstart_after=\S+Z": "start_after=NOW",
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d")
OF_THE_CLOCK = {"updated_at", "created_at", "pending_until"}


@dataclass
class Step:
    """Commands of the first session, and the answer that the README shows for them, if any."""

    commands: str
    kind: str = ""
    answer: str = ""

    @property
    def status(self) -> int:
        """The HTTP status of the answer shown; 200 is any success."""
        if not self.kind.startswith("json"):
            return 200
        shown = json.loads(self.answer)
        is_problem = isinstance(shown, dict) and str(shown.get("type")).startswith("http")
        return int(shown["status"]) if is_problem else 200


def section(title: str) -> str:
    """Return a section of the README, with its sub-sections."""
    _, heading, rest = README.partition(f"\n## {title}\n")
    assert heading, f"the README has no section {title!r}"
    return rest.partition("\n## ")[0]


def steps() -> list[Step]:
    """Parse the first session."""
    found: list[Step] = []
    for kind, text in FENCE.findall(section("A first session")):
        assert kind in {"sh", "text", "json", "json part", "json first"}, kind
        if kind == "sh":
            found.append(Step(text))
        else:
            found[-1].kind, found[-1].answer = kind, text
    return found


def plain(text: str) -> str:
    """Replace what differs from run to run."""
    for pattern, instead in VARYING.items():
        text = re.sub(pattern, instead, text)
    return text


def documented_settings() -> dict[str, str]:
    """Parse the table of settings: rows by the name in the first column."""
    return dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", SETTINGS, re.MULTILINE))


def run_first_session(server: Server, home: Path) -> list[tuple[Step, Ran]]:
    """Run the first session against a server; return each step with its output."""
    session = steps()
    first = session[0].commands
    assert re.findall(r"^(?:API|KEY)=", first, re.MULTILINE) == ["API=", "KEY="]
    assert sum(step.commands.count("KEY=") for step in session) == 1, "the key is set in one place"
    session[0].commands = with_server(first, url=server.url, key=server.key)
    ran = run_in_bash([step.commands for step in session], home, {"PATH": os.environ["PATH"]})
    return list(zip(session, ran, strict=True))


def assert_it_succeeded(session: list[tuple[Step, Ran]]) -> None:
    """Check that every command succeeded, and each answer's status is as in the README."""
    called = 0
    for step, ran in session:
        assert ran.ended == 0, f"{step.commands}\nended with {ran.ended}: {ran.out}"
        assert len(ran.statuses) == step.commands.count("curl "), step.commands
        for status in ran.statuses:
            called += 1
            expected = {200, 201} if step.status == 200 else {step.status}
            assert status in expected, f"{step.commands}\nanswered {status}: {ran.out}"
    assert called >= 15, "the first session has lost its commands"


@pytest.fixture(scope="module")
def session(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Step, Ran]]:
    return run_first_session(server, tmp_path_factory.mktemp("session"))


def test_every_command_of_the_first_session_succeeds(session: list[tuple[Step, Ran]]) -> None:
    assert_it_succeeded(session)


def test_answers_are_as_the_readme_shows_them(session: list[tuple[Step, Ran]]) -> None:
    compared = 0
    for step, ran in session:
        if not step.kind:
            continue
        compared += 1
        out = ran.out
        if step.kind == "text":
            assert plain(out) == plain(step.answer)
        else:
            shown, answered = json.loads(plain(step.answer)), json.loads(plain(out))
            assert list(differences(step.kind, shown, answered)) == [], step.commands
    assert compared >= 15, "the first session has lost its answers"


def differences(kind: str, shown: Any, answered: Any) -> Iterator[str]:
    """Yield where an answer is not as shown.

    kind: "json" is the whole answer; "json part" some fields of it; "json first" the first element
    of a list whose values depend on the day.
    """
    if kind == "json first":
        (example,) = shown
        if not answered:
            yield "the list is empty"
        for row in answered:
            yield from _row_differences(example, row)
    elif isinstance(shown, dict) and isinstance(answered, dict):
        names = [name for name in answered if kind == "json" or name in shown]
        if list(shown) != names:
            yield f"fields are {names}, not {list(shown)}"
        for name in set(names) & set(shown):
            if name in OF_THE_CLOCK and shown[name] is not None:
                yield from _moment_differences(name, answered[name])
            elif shown[name] != answered[name]:
                yield f"{name} is {answered[name]!r}, not {shown[name]!r}"
    elif shown != answered:
        yield f"{answered} is not {shown}"


def _row_differences(example: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    """Compare names, types and statuses; other values depend on the day."""
    if list(row) != list(example):
        yield f"fields are {list(row)}, not {list(example)}"
    for name in set(example) & set(row):
        may_be = {type(example[name])} | ({str} if name == "pending_until" else set())
        if type(row[name]) not in may_be | ({type(None)} if name == "start_datetime" else set()):
            yield f"{name} is {row[name]!r}"
        elif row[name] is not None and MOMENT.fullmatch(str(example[name])):
            yield from _moment_differences(name, row[name])
    if row.get("status") not in {"open", "pending"}:
        yield f"a booking is {row.get('status')}"


def _moment_differences(name: str, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        yield f"{name} is {value!r}"


@pytest.mark.django_db
def test_the_welcome_is_as_the_readme_shows_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PORT", raising=False)
    call_command("demo", "--welcome")
    (shown,) = re.findall(r"^```text\n(OpenChair is at .*?)^```$", README, re.M | re.S)
    assert plain(capsys.readouterr().out).strip() == plain(shown).strip()


@cache
def settings_read() -> dict[str, dict[str, Any]]:
    """Find every variable that is read from the environment, with the constants said there.

    What the program sets for itself (gunicorn.py does) is no setting.
    """
    found: dict[str, dict[str, Any]] = {}
    of_our_own: set[str] = set()
    for path in sorted((ROOT / "openchair").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
                name = ast.literal_eval(node.slice)
                if isinstance(node.ctx, ast.Store):
                    of_our_own.add(name)
                found.setdefault(name, {})
            if not isinstance(node, ast.Call) or not node.args:
                continue
            reader = ast.unparse(node.func)
            by_env = reader.startswith("env.") and path.name != "env.py"
            name = node.args[0]
            if not isinstance(name, ast.Constant):
                continue
            if by_env or reader in {"os.environ.get", "os.getenv"}:
                found[str(name.value)] = {
                    keyword.arg: keyword.value.value
                    for keyword in node.keywords
                    if keyword.arg and isinstance(keyword.value, ast.Constant)
                }
    return {name: said for name, said in found.items() if name not in of_our_own}


def test_every_setting_is_documented_and_no_other() -> None:
    assert len(settings_read()) >= 13
    assert set(documented_settings()) == set(settings_read())


def test_defaults_and_limits_of_settings_are_those_of_the_code() -> None:
    for name, said in settings_read().items():
        row = documented_settings()[name]
        for what in ("default", "least", "most"):
            if what in said:
                value = said[what]
                text = {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
                assert re.search(rf"\b{re.escape(text)}\b", row), f"{name}: {what} is {text}"


def test_files_that_the_architecture_names_are_there() -> None:
    named = re.findall(r"`((?:bookings|practices|openchair|tests|script)/[\w./]*)`", ARCHITECTURE)
    assert len(named) >= 15
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_commands_of_a_document_resolve(document: Path) -> None:
    text = document.read_text()
    prose = FENCE.sub("", text)
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", prose):
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.is_relative_to(ROOT), f"{target} leaves the repository"
        assert linked.exists(), f"{target} is not there"
        if anchor:
            assert anchor in _anchors(linked), f"{target} has no such heading"
    for command in re.findall(r"manage\.py ([a-z_]+)", text):
        assert command in get_commands(), f"manage.py {command} is no command"
    for script in re.findall(r"(?<![\w/.-])(?:script|tests|docs)/[\w./-]*\w", text):
        assert (ROOT / script).exists(), f"{script} is not there"
    for file, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        assert f"def {test}(" in (ROOT / file).read_text(), f"{file} has no {test}"


def _anchors(document: Path) -> set[str]:
    """Return the headings of a document as links name them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_no_setting_of_the_shell_that_tests_start_in_reaches_them() -> None:
    unset = re.findall(r"^unset ([\w \\\n]+)$", (ROOT / "script/test").read_text(), re.M)
    assert set(settings_read()) <= set(" ".join(unset).replace("\\", " ").split())


def test_the_migrations_of_every_app_are_checked_for_unsafe_steps() -> None:
    folders = [ROOT / name for name in ("openchair", "practices", "bookings")]
    ours = {
        app.label
        for app in apps.get_app_configs()
        if any(Path(app.path).is_relative_to(folder) for folder in folders)
    }
    with_migrations = {label for label, _ in MigrationLoader(None).disk_migrations} & ours
    (checked,) = re.findall(r"include_apps=\[(.*?)\]", (ROOT / "script/test").read_text())
    assert set(json.loads(f"[{checked}]")) == with_migrations
