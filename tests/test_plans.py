"""By which way PostgreSQL gets what requests ask: a cost that does not grow with the table."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.conftest import Caller
from tests.factories import Scene

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's plans")

# 60 practices with 2 locations and 12 000 openings, one in 25 of them open, the others booked; made
# as time goes by, so that those of a practice lie far apart.
CROWD = """
    INSERT INTO practices_practice (id, name, kind, active)
    SELECT 'p' || p, 'Practice', 'exact', true FROM generate_series(1, 60) p;
    INSERT INTO practices_location (id, practice_id, name, timezone, office_phone, street_address,
                                    city, state, zip)
    SELECT 'l' || p || '-' || l, 'p' || p, 'Office', 'America/New_York', '', '', '', '', ''
    FROM generate_series(1, 60) p, generate_series(1, 2) l;
    INSERT INTO practices_doctor (id, practice_id, name)
    SELECT 'd' || p, 'p' || p, 'Dr. Reyes' FROM generate_series(1, 60) p;
    INSERT INTO bookings_booking (id, status, length, recurring, start_datetime, location_id,
        doctor_id, practice_id, total_appointments, places_pending, places_reserved, places_booked,
        partner_id, updated_at, created_at)
    SELECT 'b' || p || '-' || l || '-' || n, CASE WHEN n %% 25 = 0 THEN 'open' ELSE 'booked' END,
        60, false, timestamptz '2026-06-01' + n * interval '1 hour', 'l' || p || '-' || l,
        'd' || p, 'p' || p, 1, 0, 0, CASE WHEN n %% 25 = 0 THEN 0 ELSE 1 END,
        %(partner)s, '2026-05-01', '2026-05-01'
    FROM generate_series(1, 60) p, generate_series(1, 2) l, generate_series(1, 100) n
    ORDER BY n, p, l;
    INSERT INTO bookings_appointment (id, booking_id, status, has_patient, partner_id, first_name,
        last_name, email, phone, guardian_name, zip_code, message, updated_at, created_at)
    SELECT 'a' || id, id, 'booked', false, partner_id,
        '', '', '', '', '', '', '', '2026-05-01', '2026-05-01'
    FROM bookings_booking WHERE places_booked = 1;
    INSERT INTO practices_apikey (partner_id, label, prefix, digest, created_at)
    SELECT %(partner)s, '', 'oc_aaaaaa', md5(n::text) || md5(n::text), '2026-05-01'
    FROM generate_series(1, 2000) n;
    ANALYZE
"""
LARGE = {"bookings_booking", "bookings_appointment", "practices_apikey"}
WAYS = {
    "GET location/l30-1/bookings?status=open": ("booking_location_list",),
    "GET location/l30-1/bookings": ("booking_location_",),
    "GET practice/p30/bookings": ("booking_practice_list",),
    # an id has two indexes, of which one knows LIKE; either will do
    "GET booking/b30-1-25": ("bookings_booking_",),
    "PUT booking/b30-1-25": ("bookings_booking_", "appointment_live_holds"),
}
"""How the names of the indexes begin that have to be used."""
SORTED = {"GET location/l30-1/bookings", "GET practice/p30/bookings"}
"""Whole lists this short PostgreSQL may sort, rather than jump about in the rows."""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def plans(sql: str, params: Any) -> Iterator[dict[str, Any]]:
    """Explain a statement as it is planned for these values, and for any (once it is prepared)."""
    written = psycopg.ClientCursor(connection.connection).mogrify(sql, params)
    numbered = sql
    for number, name in enumerate(params if isinstance(params, dict) else ["s"] * len(params), 1):
        if name == "s":
            numbered = numbered.replace("%s", f"${number}", 1)
        numbered = numbered.replace(f"%({name})s", f"${number}")
    values = psycopg.ClientCursor(connection.connection).mogrify(
        f"({', '.join(['%s'] * len(params))})",
        [*params.values()] if isinstance(params, dict) else params,
    )
    with connection.connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {written}")
        yield cursor.fetchone()[0][0]["Plan"]
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE asked AS {numbered}")
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE asked {values}")
        yield cursor.fetchone()[0][0]["Plan"]
        cursor.execute("DEALLOCATE asked; RESET plan_cache_mode")


@pytest.fixture
def crowd(scene: Scene) -> Scene:
    scene.partner.all_practices = True
    scene.partner.save()
    with connection.cursor() as cursor:
        for statement in CROWD.split(";"):
            cursor.execute(statement, {"partner": scene.partner.pk} if "%" in statement else None)
    return scene


def test_what_is_hot_is_found_by_an_index_and_never_sorted(crowd: Scene) -> None:
    api = Caller(crowd.key)
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    for request, expected in WAYS.items():
        method, path = request.split(" ")
        if method == "GET":
            api(method, f"/onlinescheduling/{path}")  # writes the JSON beside the rows
        asked.clear()
        with connection.execute_wrapper(note):
            body = {"status": "pending"} if method == "PUT" else None
            assert api(method, f"/onlinescheduling/{path}", body).status_code == 200
        used = set()
        for sql, params in [one for one in asked if one[0].split()[0] in {"SELECT", "WITH"}]:
            for plan in plans(sql, params):
                for node in nodes(plan):
                    scans_all = node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
                    assert not scans_all, (request, sql)
                    sorts = node["Node Type"] == "Sort" and 'FROM "bookings_booking" WHERE' in sql
                    assert not sorts or request in SORTED, (request, sql)
                    used.add(node.get("Index Name", ""))
        for name in ("practices_apikey_digest", *expected):
            assert any(index.startswith(name) for index in used), (request, name, used)
