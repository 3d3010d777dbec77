"""The request body parser: strict JSON in UTF-8, one object (contract, section 3)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from openchair.api.parsers import parse_object
from tests.conftest import Caller

SAMPLE = b"""{
  "id": "2f4Dr",
  "status": "pending",
  "doctor_id": "DD3456",
}"""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (SAMPLE, "line 5, column 1: take away the comma before it"),
        (b"[1,]", "column 4: take away the comma"),
        (b"{'id': 1}", "line 1, column 2"),
        (b'{"id": 1', "line 1, column 9"),
        (b'{"id": 1} {}', "line 1, column 11"),
        (b'\xef\xbb\xbf{"id": 1}', "BOM"),
        (b'{"id": "\xff"}', "not UTF-8 at byte 9"),
        (b'{"id": NaN}', "NaN"),
        (b'{"id": -Infinity}', "-Infinity"),
        (b'{"id": 1e999}', "too large"),
        (b'{"id": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"id": 1, "id": 2}', '"id" twice'),
        (b'{"a": {"id": 1, "id": 2}}', '"id" twice'),
        (b'{"id": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'{"id": "a\\u0000"}', "NUL"),
        (b'{"a\\u0000": 1}', "NUL"),
        (b'{"id": ' + b"[" * 20 + b"]" * 20 + b"}", "too deep"),
        (b"[" * 30_000, "too deep"),
        (b'{"a":' * 10_000, "too deep"),
        (b"[]", "object"),
        (b'"text"', "object"),
        (b"null", "object"),
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(ParseError, match=says):
        parse_object(body)


def test_twenty_levels_and_a_whole_surrogate_pair_are_fine() -> None:
    assert parse_object(b'{"a": ' + b"[" * 19 + b"]" * 19 + b"}")
    assert parse_object(b'{"a": "\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


@given(st.binary(max_size=200))
def test_no_bytes_at_all_do_more_than_be_refused(body: bytes) -> None:
    try:
        value = parse_object(body)
    except ParseError:
        return
    assert value == json.loads(body)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"length": 30}', "application/json", 200),
        (b'{"length": 30}', "application/json; charset=UTF-8", 200),
        (b'{"length": 30}', "application/json; charset=utf-16", 415),
        (b'{"length": 30}', "application/json; charset=nonsense", 415),
        (b'{"length": 30}', "text/plain", 415),
        (b"length=30", "application/x-www-form-urlencoded", 415),
        (b'{"length": 30}', "", 415),
        (b"", "application/json", 400),
        (b"", "", 400),
        (b'{"length": 30}' + b" " * 65_536, "application/json", 413),
    ],
)
def test_a_body_is_declared_as_what_it_is(
    scene: Any, api: Caller, body: bytes, content_type: str, status: int
) -> None:
    path = f"/onlinescheduling/booking/{scene.booking().pk}"
    answer = api.client.generic("PUT", path, body, content_type=content_type, headers=api.headers)
    assert answer.status_code == status


def test_a_content_encoding_is_refused(scene: Any, api: Caller) -> None:
    path = f"/onlinescheduling/booking/{scene.booking().pk}"
    assert api("PUT", path, {"length": 30}, {"Content-Encoding": "gzip"}).status_code == 415
