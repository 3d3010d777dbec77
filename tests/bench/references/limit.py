"""LIMIT, a reference server: the same work in WSGI, psycopg and orjson, without a framework.

Two prepared queries, the key's and the rows'; rows become dicts in Python, and orjson writes them.
"""

import hashlib
import os
import threading
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import psycopg

ALL = ["open", "pending", "reserved", "booked"]
FROM = {
    "pending": ["open"],
    "reserved": ["pending"],
    "booked": ["pending", "reserved"],
    "open": ["pending"],
}
COLUMNS = (
    "b.public_id, b.status, b.length, b.recurring, b.start_at, b.doctor_id,"
    " b.available_appointments, b.total_appointments, b.updated_at, b.created_at, b.range_booking,"
    " l.public_id, p.public_id, l.timezone"
)
JOIN = (
    "FROM booking b JOIN location l ON l.id = b.location_id JOIN practice p ON p.id = b.practice_id"
)
KEY = "SELECT id, can_write FROM api_key WHERE key_hash = %s AND is_active"
SCOPE = {
    "location": "b.location_id = (SELECT id FROM location WHERE public_id = %s)",
    "practice": "b.practice_id = (SELECT id FROM practice WHERE public_id = %s)",
}
ROWS = {
    scope: f"SELECT {COLUMNS} {JOIN} WHERE {where} AND b.status = ANY(%s) ORDER BY b.start_at"
    for scope, where in SCOPE.items()
}
ONE = f"SELECT {COLUMNS} {JOIN} WHERE b.public_id = %s"
CLAIM = (
    "UPDATE booking b SET status = %s, updated_at = now() FROM location l, practice p"
    " WHERE l.id = b.location_id AND p.id = b.practice_id AND b.public_id = %s"
    f" AND b.created_by_id = %s AND b.status = ANY(%s) RETURNING {COLUMNS}"
)
CREATE = (
    "INSERT INTO booking (public_id, practice_id, location_id, status, length, recurring,"
    " range_booking, start_at, doctor_id, available_appointments, total_appointments,"
    " created_by_id, updated_at, created_at) SELECT %s, practice_id, id, 'open', %s, %s, false,"
    " %s::timestamptz, %s, 1, 1, %s, now(), now() FROM location WHERE public_id = %s"
)
DELETE = "DELETE FROM booking WHERE public_id = %s AND created_by_id = %s"

local = threading.local()
zones: dict[str, ZoneInfo] = {}


def cursor() -> Any:
    """Return this thread's cursor, on a connection that stays open."""
    connection = getattr(local, "connection", None)
    if connection is None or connection.closed:
        connection = psycopg.connect(
            os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0
        )
        connection.execute("SET TimeZone = 'UTC'")
        local.connection, local.cursor = connection, connection.cursor(binary=True)
    return local.cursor


def render(row: Any) -> dict[str, Any]:
    """Return a row's JSON fields."""
    zone = zones.get(row[13])
    if zone is None:
        zone = zones[row[13]] = ZoneInfo(row[13])
    return {
        "id": row[0],
        "status": row[1],
        "length": row[2],
        "recurring": row[3],
        "start_datetime": row[4].astimezone(zone),
        "location_id": row[11],
        "practice_id": row[12],
        "doctor_id": row[5],
        "available_appointments": row[6],
        "total_appointments": row[7],
        "updated_at": row[8],
        "created_at": row[9],
        "range_booking": row[10],
    }


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer one request."""
    status, data = answer(environ)
    body = orjson.dumps(data)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]


def answer(environ: dict[str, Any]) -> tuple[str, Any]:
    """Answer a request, if the key may."""
    sql = cursor()
    _, _, scope, *rest = environ["PATH_INFO"].split("/")  # '', 'onlinescheduling', scope, id, …
    digest = hashlib.sha256(environ.get("HTTP_AUTHORIZATION", "").encode()).hexdigest()
    key = sql.execute(KEY, (digest,)).fetchone()
    if key is None:
        return "401 Unauthorized", {"error": "key"}
    if environ["REQUEST_METHOD"] == "GET":
        return read(sql, scope, rest, environ.get("QUERY_STRING", ""))
    if not key[1]:
        return "403 Forbidden", {"error": "read-only key"}
    return write(sql, key[0], rest, environ)


def read(sql: Any, scope: str, rest: list[str], query: str) -> tuple[str, Any]:
    """List bookings, or return one."""
    if len(rest) > 1:
        status = [part[7:] for part in query.split("&") if part.startswith("status=")] or ALL
        found = sql.execute(ROWS[scope], (rest[0], status)).fetchall()
        return "200 OK", [render(row) for row in found]
    row = sql.execute(ONE, (rest[0],)).fetchone()
    return ("200 OK", render(row)) if row else ("404 Not Found", {"error": "not found"})


def write(sql: Any, key: int, rest: list[str], environ: dict[str, Any]) -> tuple[str, Any]:
    """Create, claim or delete a booking."""
    if environ["REQUEST_METHOD"] == "DELETE":
        gone = sql.execute(DELETE, (rest[0], key)).rowcount
        done = {"id": rest[0], "status": "closed"}
        return ("200 OK", done) if gone else ("404 Not Found", {})
    data = orjson.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    if environ["REQUEST_METHOD"] == "PUT":
        claim = (data["status"], rest[0], key, FROM[data["status"]])
        row = sql.execute(CLAIM, claim).fetchone()
        return ("200 OK", render(row)) if row else ("409 Conflict", {"error": "conflict"})
    made = os.urandom(6).hex()
    values = (made, data["length"], data["recurring"], data["start_datetime"], data["doctor_id"])
    sql.execute(CREATE, (*values, key, data["location_id"]))
    return "201 Created", render(sql.execute(ONE, (made,)).fetchone())
