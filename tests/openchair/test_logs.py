"""The log: a line for each request, and redaction of everything that was sent."""

import json
import logging
import re
import sqlite3
import sys
import time
from http.cookies import SimpleCookie
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from openchair import env
from openchair.serving import logs
from openchair.serving.middleware import RequestLogMiddleware
from practices import keys
from tests.conftest import Caller, only_once
from tests.factories import Scene
from tests.server import Answer, Server, running_server
from tests.test_server import raw, talk

pytestmark = only_once

PLANTED = "Quillette"
PHONE, MAIL = "5550147733", f"{PLANTED}@example.org"
FIELDS = {"first_name": PLANTED, "last_name": PLANTED, "phone": PHONE, "email": MAIL}


def lines(log: Path) -> list[dict[str, Any]]:
    whole = log.read_text().rpartition("\n")[0]  # the last line may be about to be written
    return [json.loads(line) for line in whole.splitlines()]


def execute(server: Server, *statements: str) -> None:
    """Run SQL on the server's database, past the server."""
    url = server.environment["DATABASE_URL"]
    if url.startswith("postgres"):
        with psycopg.connect(url, autocommit=True) as there:
            for statement in statements:
                there.execute(statement.encode())
    else:
        with sqlite3.connect(url.removeprefix("sqlite:///")) as here:
            for statement in statements:
                here.execute(statement)
        here.close()


class Browser:
    """An HTTP client of the admin: keeps cookies, sends forms."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}

    def send(self, method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        token = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Content-Type": "application/x-www-form-urlencoded",
            "Referer": f"{self.server.url}/{PLANTED}",
        }
        body = urlencode({**token, **form}).encode() if form else None
        answer = self.server.call(method, path, body, headers=headers)
        for name, morsel in SimpleCookie(answer.headers.get("Set-Cookie", "")).items():
            self.cookies[name] = morsel.value
        return answer


def sign_in(server: Server, secrets: set[str]) -> Browser:
    """Log in as the operator, after a wrong password; add the secrets to `secrets`."""
    browser, account = Browser(server), server.demo["staff"]["operator"]
    browser.send("GET", "/admin/login/")
    for password in ("wrong-Wombat-71", account["password"]):
        secrets.add(password)
        form = {"username": account["username"], "password": password, "next": "/admin/"}
        answer = browser.send("POST", "/admin/login/", form)
    assert answer.status == 302
    # http.client folds Set-Cookie into one; ask for the page anew to learn both.
    secrets |= {value for value in browser.cookies.values() if len(value) > 8}
    return browser


def plant(server: Server) -> set[str]:
    """Put secrets into everything that a client can send."""
    secrets = {PLANTED, PLANTED.lower(), PHONE, MAIL, keys.new_key(), *server.demo["keys"].values()}
    location = "/onlinescheduling/location/b2rGH/bookings"
    booking = server.call("GET", f"{location}?status=open").json()[-1]["id"]
    places = f"/onlinescheduling/booking/{booking}/appointments"
    for key in server.demo["keys"].values():
        assert server.call("GET", "/scheduling/practices", key=key).status in {200, 401, 403}
    made = server.call("POST", places, {"status": "booked", **FIELDS})
    assert made.status == 201
    for path, status in {
        f"{location}?status={PLANTED}": 400,
        f"{location}?email={MAIL}&key={server.key}": 400,
        f"/onlinescheduling/booking/{PLANTED}": 404,
        f"/onlinescheduling/{PLANTED}/{server.key}": 404,
        f"/admin/{PLANTED}/?q={PHONE}": 302,
        f"/{PLANTED}?q={MAIL}": 404,
        f"/static/{PLANTED}.css": 404,
        f"/docs/problems/{PLANTED}": 404,
    }.items():
        headers = {"User-Agent": PLANTED, "X-Request-ID": server.key, "X-Forwarded-For": PLANTED}
        assert server.call("GET", path, headers=headers).status == status
    for body in (
        {PLANTED: 1},
        {"status": PLANTED},
        b'{"' + PLANTED.encode(),
        b"\xff" + MAIL.encode(),
    ):
        assert server.call("POST", places, body).status == 400
    for field in (f"X-{PLANTED}: {server.key}", f"Bad {server.key}: x", f"X: {server.key}\0"):
        talk(server, raw(server, f"GET /{PLANTED}?{PHONE} HTTP/1.1", field))
    talk(server, raw(server, f"{PLANTED.upper()} / HTTP/1.1"))
    talk(server, f"GET /{server.key}{PLANTED} HTTP/9.9\r\n\r\n".encode())
    talk(server, raw(server, "GET /docs/ HTTP/1.1", host=f"{PLANTED}.example"))
    chunked = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    talk(server, raw(server, f"POST {places} HTTP/1.1", *chunked, body=f"zz{PLANTED}".encode()))
    browser = sign_in(server, secrets)
    desk = f"/admin/desk/{server.demo['practices']['exact']['id']}/"
    assert browser.send("GET", f"{desk}openings/?status={PLANTED}").status == 400
    browser.send("POST", "/admin/practices/partner/add/", {"name": PLANTED * 30, "contact": MAIL})
    assert browser.send("POST", f"{desk}find/", {"q": f"{PLANTED} {PHONE}"}).status == 200
    # An unexpected exception whose text quotes a row.
    execute(server, f"UPDATE practices_location SET timezone = '{PLANTED}' WHERE id = 'HK295'")
    elsewhere = "/onlinescheduling/location/HK295/bookings"
    assert server.call("GET", elsewhere).status == 500
    break_database(server)
    assert server.call("POST", places, {"status": "booked", **FIELDS}).status >= 409
    assert server.call("PUT", f"/onlinescheduling/booking/{booking}", {"length": 20}).status == 503
    assert browser.send("GET", f"{desk}history/?q={PLANTED}").status >= 500
    return secrets


def break_database(server: Server) -> None:
    """Make a write fail after its row was sent; PostgreSQL quotes that row."""
    if connection.vendor == "postgresql":
        execute(
            server,
            "CREATE FUNCTION quote() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'broken by %', NEW; END $$",
            "CREATE TRIGGER quote BEFORE INSERT ON bookings_appointment "
            "FOR EACH ROW EXECUTE FUNCTION quote()",
        )
    execute(server, "ALTER TABLE bookings_event RENAME TO elsewhere")


def test_nothing_that_was_sent_is_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running_server(log, LOG_FORMAT="json", DEBUG="off") as server:
        secrets = plant(server)
    text = log.read_text()
    assert len(secrets) >= 14
    assert [secret for secret in secrets if secret in text] == []
    written = lines(log)  # each is JSON
    requests = [line for line in written if line["logger"] == "openchair.request"]
    assert len(requests) > 30
    assert {line["status"] for line in requests} >= {200, 201, 302, 400, 401, 403, 404, 500, 503}
    errors = [line for line in written if "error" in line]
    assert errors
    assert all(re.search(r'File ".*", line \d+, in ', line["error"]) for line in errors)
    assert {line["request_id"] for line in errors} <= {line["request_id"] for line in requests}


def test_a_request_is_told_in_one_line(server_log: tuple[Server, Path]) -> None:
    server, log = server_log
    sent = "0190b0c7-2c1b-7d2e-8f6a-1a2b3c4d5e6f"
    path = "/onlinescheduling/location/b2rGH/bookings?status=open"
    answer = server.call("GET", path, headers={"X-Request-ID": sent})
    assert answer.headers["X-Request-ID"] == sent
    line = the_line(log, sent)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("time"))
    assert line.pop("ms") > 0
    assert 0 < line.pop("sql") < 20
    assert line == {
        "level": "INFO",
        "logger": "openchair.request",
        "request_id": sent,
        "method": "GET",
        "route": "/onlinescheduling/location/<id:location_id>/bookings",
        "status": 200,
        "key": server.key[:9],
        "user": None,
    }


def test_a_persons_request_is_told_with_their_name(server_log: tuple[Server, Path]) -> None:
    server, log = server_log
    browser = sign_in(server, set())
    answer = browser.send("GET", "/admin/practices/doctor/")
    line = the_line(log, answer.headers["X-Request-ID"])
    assert (line["user"], line["key"]) == (server.demo["staff"]["operator"]["username"], None)
    assert line["route"] == "/admin/practices/doctor/"
    probe = server.call("GET", "/livez")
    line = the_line(log, probe.headers["X-Request-ID"])
    assert (line["route"], line["sql"], line["user"]) == ("/livez", 0, None)


@pytest.fixture(scope="module")
def server_log(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run a server, and return the file of its standard error."""
    log = tmp_path_factory.mktemp("log") / "log"
    with running_server(log, LOG_FORMAT="json", WEB_CONCURRENCY="1") as running:
        yield running, log


def the_line(log: Path, request_id: str) -> dict[str, Any]:
    """Return the log line of a request: written before its answer is sent."""
    deadline = time.monotonic() + 30
    while True:
        found = [line for line in lines(log) if line.get("request_id") == request_id]
        if found or time.monotonic() > deadline:
            (line,) = found
            return line
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("0190b0c7-2c1b-7d2e-8f6a-1a2b3c4d5e6f", True),
        ("f" * 64, True),
        ("req-12.34_a", True),
        ("f" * 65, False),
        ("abc", False),
        ("", False),
        ("two words", False),
        ("jane@example.org", False),
        ("555-014-7733", False),
        ('"}', False),
        ("a\u00e9bc", False),
        ("oc_w3ZkQ8rT1yBvN5mXcA7dLfJh2GpEs9Ut0aR4bq", False),
        ("the-session-of-this-request", False),
    ],
)
def test_an_id_is_taken_from_the_client_if_it_is_one(sent: str, *, kept: bool) -> None:
    asked = RequestFactory().get(
        "/livez",
        headers={"X-Request-ID": sent, "Cookie": "sessionid=the-session-of-this-request"},
    )
    told = RequestLogMiddleware(lambda request: HttpResponse())(asked).headers["X-Request-ID"]
    assert (told == sent) is kept
    assert kept or re.fullmatch("[0-9a-f]{24}", told)


def told(error: Exception) -> str:
    """Return an error as the log formats it."""
    record = logging.LogRecord("openchair", logging.ERROR, "", 0, "a bug", None, None)
    record.exc_info = (type(error), error, error.__traceback__)
    return str(json.loads(logs.JsonFormatter().format(record))["error"])


def test_of_an_error_its_kind_and_place_are_told_and_not_its_text() -> None:
    def fail(text: str) -> None:
        try:
            int(text)
        except ValueError as error:
            raise KeyError(text) from error

    with pytest.raises(KeyError) as caught:
        fail(PLANTED)
    text = told(caught.value)
    assert PLANTED not in text
    assert text.splitlines()[-1] == "KeyError"
    assert text.index("ValueError") < text.index("KeyError")
    assert "in fail" in text
    assert told(ImproperlyConfigured("PORT is 'x'")) == "ImproperlyConfigured: PORT is 'x'"
    gone = psycopg.OperationalError('connection to server at "10.0.0.3" failed\nDETAIL: a row')
    assert told(gone) == 'OperationalError: connection to server at "10.0.0.3" failed'
    assert told(psycopg.DataError(PLANTED)) == "DataError"
    assert told(FileNotFoundError(2, "No such file", PLANTED)) == "FileNotFoundError: No such file"


@pytest.mark.parametrize(
    ("name", "said", "args", "expected"),
    [
        ("openchair.operations.probes", "not ready: %s", ("x",), "not ready: x"),
        ("django.request", "Bad: %s", (PLANTED,), "request"),
        ("django.security.DisallowedHost", PLANTED, (), "DisallowedHost"),
        ("library", "%s went away", (PLANTED,), "%s went away (x.py, line 7)"),
        ("library", f"{PLANTED} went away", (), "a message (x.py, line 7)"),
        (
            "gunicorn.error",
            f"Invalid request from ip=::1: {PLANTED}",
            (),
            "Invalid request from ip=::1",
        ),
        ("gunicorn.error", "Error handling request %s", (PLANTED,), "Error handling request"),
        ("gunicorn.error", "Booting worker with pid: %s", (7,), "Booting worker with pid: 7"),
    ],
)
def test_a_message_is_told_as_far_as_it_can_hold_nothing_that_was_sent(
    name: str, said: str, args: tuple[Any, ...], expected: str
) -> None:
    record = logging.LogRecord(name, logging.ERROR, "x.py", 7, said, args, None)
    assert json.loads(logs.JsonFormatter().format(record))["message"] == expected


def test_sql_is_counted_as_it_is_sent(
    scene: Scene, api: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    scene.booking(id="one")
    with connection.execute_wrapper(seen := Seen()):
        api("GET", "/onlinescheduling/booking/one")
    (line,) = written(caplog)
    assert line["sql"] == seen.count > 0


def written(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Collect the log lines of requests."""
    caplog.handler.setFormatter(logs.formatter("json"))
    requests = [record for record in caplog.records if record.name == "openchair.request"]
    return [json.loads(caplog.handler.format(record)) for record in requests]


class Seen:
    """Counts statements, to compare with the log's count."""

    count = 0

    def __call__(self, execute: Any, *args: Any) -> Any:
        self.count += 1
        return execute(*args)


def test_what_a_streamed_answer_costs_is_told_at_its_end(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    def rows() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        yield b"1"

    answer = RequestLogMiddleware(lambda _: StreamingHttpResponse(rows()))(
        RequestFactory().get("/")
    )
    assert written(caplog) == []
    assert b"".join(answer) == b"1"
    answer.close()
    assert [line["sql"] for line in written(caplog)] == [1]


def test_a_person_at_a_terminal_gets_text(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    RequestLogMiddleware(lambda _: HttpResponse())(RequestFactory().get("/"))
    (record,) = caplog.records
    line = logs.formatter("text").format(record)
    assert re.fullmatch(r"\d\d:\d\d:\d\d 200 GET   0 ms, 0 SQL, - [0-9a-f]{24}", line)
    monkeypatch.delenv("LOG_FORMAT", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert env.log_format("LOG_FORMAT") == "text"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert env.log_format("LOG_FORMAT") == "json"
    monkeypatch.setenv("LOG_FORMAT", "xml")
    with pytest.raises(ImproperlyConfigured, match="write json or text"):
        env.log_format("LOG_FORMAT")


class FullDisk(StringIO):
    """A file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_stops_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    full, logger = logs.StandardError(FullDisk()), logging.getLogger("openchair.request")
    logger.addHandler(full)
    try:
        answer = RequestLogMiddleware(lambda _: HttpResponse("x"))(RequestFactory().get("/"))
    finally:
        logger.removeHandler(full)
    assert answer.status_code == 200
    assert "Traceback" not in capfd.readouterr().err
