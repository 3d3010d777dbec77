"""The curl samples of the published API document, run against the server.

Samples and answers are copied as they are printed. What keeps a sample from working is corrected by
the smallest change there is; MENDS has each of them, in words.
"""

import json
import os
import re
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import only_once_on_sqlite
from tests.server import Server

pytestmark = only_once_on_sqlite

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d")
LOCATION, DOCTOR, PRACTICE = "b2rGH", "DD3456", "rtGB2"


@dataclass
class Mending:
    """What samples are corrected with: this server's address and key, and a booking."""

    server: Server
    booking_id: str


def _continue_lines(text: str, _: Mending) -> str:
    return " \\\n".join(line.rstrip() for line in text.strip().splitlines())


MENDS: dict[str, Callable[[str, Mending], str]] = {
    "a backslash at the end of each line that goes on": _continue_lines,
    "this server's address": lambda text, real: text.replace(
        "https://api.threadcommunication.com", real.server.url
    ),
    "a real key": lambda text, real: text.replace("superlongcharacterstring", real.server.key),
    "a real practice's id": lambda text, _: text.replace("[:id]", PRACTICE),
    "a real location's id": lambda text, _: text.replace("[:id]", LOCATION),
    "a real booking's id": lambda text, real: text.replace("[:id]", real.booking_id),
    "location, spelt locaiton": lambda text, _: text.replace("locaiton", "location"),
    "no comma before the closing brace": lambda text, _: re.sub(r",\s*}", "}", text),
    "a real location in the body": lambda text, _: text.replace("4DFDr", LOCATION),
    "a real booking in the body": lambda text, real: text.replace("2f4Dr", real.booking_id),
    "an id that is not taken": lambda text, _: text.replace("2f4Dr", new_id()),
}
ALWAYS = [
    "a backslash at the end of each line that goes on",
    "this server's address",
    "a real key",
]
BODY = ["a real location in the body", "no comma before the closing brace"]

PRACTICE_PRINTED = """
{
    "id": "3rt42",
    "name": "ABC 123 Orthodontics",
    "location_ids": ["dr556", "rfW2X"]
}
"""
LOCATION_PRINTED = """
{
  "id": "b2rGH",
  "practice_id": "rtGB2",
  "name": "Chesterfield",
  "office_phone": "555 555 5555",
  "street_address": "1234 Main Street",
  "city": "Ney York",
  "state": "New York",
  "zip": "12345",
  "timezone": "America/New_York",
  "latitude": 26.6545731,
  "longitude": -80.2043307,
}
"""
BOOKING_PRINTED = """
{
    "id": "2f4Dr",
    "status": "pending",
    "length": 60,
    "recurring": false,
    "start_datetime": "2018-09-25T16:44:02.722-06:00",
    "location_id": "4DFDr",
    "doctor_id": "DD3456",
    "available_appointments": 2,
    "total_appointments": 3,
    "updated_at": "2018-10-25T16:44:02.722-06:00",
    "created_at": "2017-02-23T16:44:02.722-06:00",
    "range_booking": false
}
"""
SHORT_BOOKING_PRINTED = """
{
    "id": "2f4Dr",
    "status": "pending",
    "length": 60,
    "recurring": false,
    "location_id": "4DFDr",
    "doctor_id": "DD3456",
  }
"""
CREATE = """
curl "https://api.threadcommunication.com/onlinescheduling/booking"
  -H "Authorization: superlongcharacterstring"
  -H "Content-Type: application/json"
  -d '{"id": "2f4Dr", "status": "pending", "length": 60, "recurring": false, \
"location_id": "4DFDr", "doctor_id": "DD3456",}'
  -X POST
"""
EDIT = """
curl "https://api.threadcommunication.com/onlinescheduling/booking"
  -H "Authorization: superlongcharacterstring"
  -H "Content-Type: application/json"
  -X PUT
  -d '{"id": "2f4Dr", "status": "pending", "length": 60, "recurring": false, \
"location_id": "4DFDr", "doctor_id": "DD3456",}'
"""
DELETE = """
curl "https://api.threadcommunication.com/onlinescheduling/booking/[:id]"
  -H "Authorization: superlongcharacterstring"
  -X DELETE
"""


def reading(path: str) -> str:
    """Return a sample that reads; they differ only in the path."""
    return f"""
curl "https://api.threadcommunication.com{path}"
  -H "Authorization: superlongcharacterstring"
"""


SAMPLES: list[tuple[str, str, list[str], int, str]] = [
    ("get all practices", reading("/scheduling/practices"), [], 200, PRACTICE_PRINTED),
    (
        "get an individual location",
        reading("/scheduling/location/[:id]"),
        ["a real location's id"],
        200,
        LOCATION_PRINTED,
    ),
    (
        "get all bookings for a practice",
        reading("/onlinescheduling/practice/[:id]/bookings"),
        ["a real practice's id"],
        200,
        BOOKING_PRINTED,
    ),
    (
        "get all bookings for a location",
        reading("/onlinescheduling/locaiton/[:id]/bookings"),
        ["a real location's id", "location, spelt locaiton"],
        200,
        SHORT_BOOKING_PRINTED,
    ),
    (
        "get an individual booking",
        reading("/onlinescheduling/booking/[:id]"),
        ["a real booking's id"],
        200,
        SHORT_BOOKING_PRINTED,
    ),
    ("create a booking", CREATE, ["an id that is not taken", *BODY], 201, SHORT_BOOKING_PRINTED),
    ("edit a booking", EDIT, ["a real booking in the body", *BODY], 200, SHORT_BOOKING_PRINTED),
]


def new_id() -> str:
    return f"doc{uuid.uuid4().hex[:12]}"


def make_booking(server: Server, location: str = LOCATION, doctor: str = DOCTOR) -> str:
    fields = {"location_id": location, "doctor_id": doctor, "start_datetime": "2031-06-02T09:00"}
    made = server.call("POST", "/onlinescheduling/booking", {**fields, "total_appointments": 3})
    assert made.status == 201, made.body
    booking_id: str = made.json()["id"]
    return booking_id


@pytest.fixture
def real(server: Server) -> Mending:
    return Mending(server, make_booking(server))


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], tuple[int, str]]:
    """Run a command as it stands; .curlrc makes curl print the status after the body."""
    (tmp_path / ".curlrc").write_text('silent\nshow-error\nwrite-out = "\\n%{http_code}"\n')

    def run(command: str) -> tuple[int, str]:
        environment = {"PATH": os.environ["PATH"], "CURL_HOME": str(tmp_path)}
        said = subprocess.check_output(["sh", "-c", command], env=environment, text=True)
        body, _, status = said.rpartition("\n")
        return int(status), body

    return run


def mended(text: str, mends: list[str], real: Mending) -> str:
    for words in [*ALWAYS, *mends]:
        changed = MENDS[words](text, real)
        assert changed != text, f"needless: {words}"
        text = changed
    return text


def printed(text: str) -> dict[str, Any]:
    """Parse an answer as printed, without the comma at its end."""
    read: dict[str, Any] = json.loads(re.sub(r",\s*}", "}", text))
    return read


def assert_shaped_as(shape: dict[str, Any], answer: dict[str, Any]) -> None:
    """Compare names, their order, types, and the format of datetimes."""
    assert [name for name in answer if name in shape] == list(shape)
    for name, value in shape.items():
        assert type(answer[name]) is type(value), name
        if isinstance(value, str) and MOMENT.fullmatch(value):
            assert MOMENT.fullmatch(answer[name]), name


@pytest.mark.parametrize(
    ("curl", "mends", "status", "shape"),
    [pytest.param(*sample, id=title) for title, *sample in SAMPLES],
)
def test_a_sample_works_and_is_answered_as_printed(
    curl: str, mends: list[str], status: int, shape: str, real: Mending, run: Any
) -> None:
    got, body = run(mended(curl, mends, real))
    assert got == status, body
    answer = json.loads(body)
    if isinstance(answer, list):
        entries = {entry["id"]: entry for entry in answer}
        answer = entries.get(real.booking_id) or entries["3rt42"]
    assert_shaped_as(printed(shape), answer)


def test_a_booking_has_the_printed_fields_in_order_and_then_those_added(
    real: Mending, run: Any
) -> None:
    sample = reading("/onlinescheduling/booking/[:id]")
    _, body = run(mended(sample, ["a real booking's id"], real))
    assert list(json.loads(body)) == [*printed(BOOKING_PRINTED), "time_range", "pending_until"]
    assert_shaped_as(printed(BOOKING_PRINTED), json.loads(body))


def test_what_the_create_sample_sends_is_what_is_answered(real: Mending, run: Any) -> None:
    command = mended(CREATE, ["an id that is not taken", *BODY], real)
    _, body = run(command)
    sent = re.search(r"-d '(.*)'", command)
    assert sent
    assert json.loads(sent[1]).items() <= json.loads(body).items()
    assert json.loads(body)["start_datetime"] is None


def test_the_delete_sample_is_answered_exactly_as_printed(real: Mending, run: Any) -> None:
    command = mended(DELETE, ["a real booking's id"], real)
    first, second = run(command), run(command)
    assert first == second
    assert first[0] == 200
    assert list(json.loads(first[1]).items()) == [("id", real.booking_id), ("status", "closed")]


@pytest.mark.parametrize("curl", [CREATE, EDIT], ids=["create", "edit"])
def test_the_comma_at_the_end_of_a_body_is_named_with_line_and_column(
    curl: str, real: Mending, run: Any
) -> None:
    command = mended(curl, ["a real location in the body", "a real booking in the body"], real)
    status, body = run(command)
    sent = re.search(r"-d '(.*)'", command)
    assert sent
    assert status == 400
    assert json.loads(body)["detail"] == (
        f"The body is not JSON at line 1, column {len(sent[1])}: take away the comma before it."
    )


FORMS = {
    "PUT, the id in the body": ("PUT", "", True),
    "PUT, the id in the path": ("PUT", "/[:id]", False),
    "POST, the id in the path": ("POST", "/[:id]", False),
    "PATCH, the id in the path": ("PATCH", "/[:id]", False),
    "PATCH, the id in the body": ("PATCH", "", True),
}


@pytest.mark.parametrize(("method", "path", "id_in_body"), FORMS.values(), ids=list(FORMS))
def test_every_form_of_the_edit_takes_the_body_printed_for_it(
    method: str, path: str, *, id_in_body: bool, server: Server, run: Any
) -> None:
    booking_id = make_booking(server, "dr556", "DR7001")
    body = '{"id": "2f4Dr", "status": "reserved"}' if id_in_body else '{"status": "reserved"}'
    sample = re.sub(r"-d '.*'", f"-d '{body}'", EDIT.replace("-X PUT", f"-X {method}"))
    sample = sample.replace('/booking"', f'/booking{path}"')
    mend = "a real booking in the body" if id_in_body else "a real booking's id"
    status, answer = run(mended(sample, [mend], Mending(server, booking_id)))
    assert status == 200
    assert_shaped_as(printed(SHORT_BOOKING_PRINTED), json.loads(answer))
    changed = {"id": booking_id, "status": "reserved", "length": 60, "available_appointments": 0}
    assert changed.items() <= json.loads(answer).items()


def test_several_statuses_are_asked_for_with_several_queries(real: Mending, run: Any) -> None:
    for status in ("pending", "booked"):
        edited = real.server.call(
            "PUT", f"/onlinescheduling/booking/{make_booking(real.server)}", {"status": status}
        )
        assert edited.status == 200
    sample = reading("/onlinescheduling/location/[:id]/bookings?status=pending&status=booked")
    got, body = run(mended(sample, ["a real location's id"], real))
    assert got == 200
    assert {booking["status"] for booking in json.loads(body)} == {"pending", "booked"}


def test_the_key_goes_into_the_header_bare(real: Mending, run: Any) -> None:
    sample = reading("/scheduling/practices")
    assert run(mended(sample, [], real))[0] == 200
    bearer = mended(sample, [], real).replace("Authorization: ", "Authorization: Bearer ")
    status, body = run(bearer)
    assert status == 401
    assert "bare" in json.loads(body)["detail"]
