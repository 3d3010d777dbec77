"""Query plans of PostgreSQL: no request reads a large table from end to end."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connection

from bookings.api import digest
from bookings.desk import entering
from bookings.messages import reminders
from bookings.models import Appointment, Task
from bookings.patients import terms
from bookings.patients.search import search
from bookings.scheduling.availability import Criteria, days, next_free
from practices.models import Kind, Location, OwnSystem, Practice
from tests.conftest import Caller
from tests.factories import NOON, Scene

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's plans")

# 60 practices, or the last of them alone, with 2 locations each and 12 000 openings in all: one in
# 25 of them open, one in 10 held, the others booked; made as time goes by, so that those of a
# practice lie far apart.
CROWD = """
    INSERT INTO practices_practice (id, name, kind, active)
    SELECT 'p' || p, 'Practice', %(kind)s, true FROM generate_series(%(first)s, 60) p;
    INSERT INTO practices_location (id, practice_id, name, timezone, office_phone, street_address,
                                    city, state, zip)
    SELECT 'l' || p || '-' || l, 'p' || p, 'Office', 'America/New_York', '', '', '', '', ''
    FROM generate_series(%(first)s, 60) p, generate_series(1, 2) l;
    INSERT INTO practices_doctor (id, practice_id, name)
    SELECT 'd' || p, 'p' || p, 'Dr. Reyes' FROM generate_series(%(first)s, 60) p;
    INSERT INTO bookings_booking (id, status, length, recurring, start_datetime, location_id,
        doctor_id, practice_id, total_appointments, places_pending, places_reserved, places_booked,
        whole_pending, whole_reserved, whole_booked, partner_id, updated_at, created_at, shown,
        shown_as, pending_until)
    SELECT 'b' || p || '-' || l || '-' || n,
        CASE WHEN n %% 25 = 0 THEN 'open' WHEN n %% 10 = 1 THEN 'pending' ELSE 'booked' END,
        60, false, timestamptz '2026-06-01' + n * interval '1 hour', 'l' || p || '-' || l,
        'd' || p, 'p' || p, 1, CASE WHEN n %% 10 = 1 THEN 1 ELSE 0 END, 0,
        CASE WHEN n %% 25 = 0 OR n %% 10 = 1 THEN 0 ELSE 1 END,
        0, 0, 0, %(partner)s, '2026-05-01', '2026-05-01', '', '',
        CASE WHEN n %% 10 = 1 THEN timestamptz '2026-06-30' + n * interval '1 second' END
    FROM generate_series(%(first)s, 60) p, generate_series(1, 2) l, generate_series(1, %(each)s) n
    ORDER BY n, p, l;
    INSERT INTO bookings_appointment (id, booking_id, status, partner_id, updated_at, created_at,
        held_since, pending_until)
    SELECT 'a' || id, id, status, CASE WHEN status = 'booked' THEN partner_id END,
        '2026-05-01', '2026-05-01',
        CASE WHEN status = 'pending' THEN timestamptz '2026-05-01' END, pending_until
    FROM bookings_booking WHERE status <> 'open';
    INSERT INTO practices_apikey (partner_id, label, prefix, digest, created_at)
    SELECT %(partner)s, '', 'oc_aaaaaa', md5(n::text) || md5(n::text), '2026-05-01'
    FROM generate_series(1, 2000) n;
    ANALYZE
"""
LARGE = {"bookings_booking", "bookings_appointment", "bookings_searchterm", "practices_apikey"}
WAYS = {
    "GET location/l30-1/bookings?status=open": ("booking_location_list",),
    "GET location/l30-1/bookings": ("booking_location_",),
    "GET practice/p30/bookings": ("booking_practice_list",),
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


def plans(sql: str, params: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Explain a statement as planned for these values, and for any (once it is prepared)."""
    written = psycopg.ClientCursor(connection.connection).mogrify(sql, params)
    numbered = sql
    for number in range(1, len(params) + 1):
        numbered = numbered.replace("%s", f"${number}", 1)
    listed = f"({', '.join(['%s'] * len(params))})" if params else ""
    values = psycopg.ClientCursor(connection.connection).mogrify(listed, params)
    with connection.connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {written}")
        yield cursor.fetchone()[0][0]["Plan"]
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE asked AS {numbered}")
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE asked {values}")
        yield cursor.fetchone()[0][0]["Plan"]
        cursor.execute("DEALLOCATE asked; RESET plan_cache_mode")


def crowd(scene: Scene, *, first: int, kind: str = Kind.EXACT) -> Caller:
    """Make the practices from a number on; return an API client of their partner."""
    scene.partner.all_practices = True
    scene.partner.save()
    each = 6000 // (61 - first)
    said: dict[str, str | int] = {
        "partner": scene.partner.pk,
        "first": first,
        "each": each,
        "kind": kind,
    }
    with connection.cursor() as cursor:
        # Without triggers and foreign keys, which take longer than all else and change no plan.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in CROWD.split(";"):
            cursor.execute(statement, said if "%" in statement else None)
        cursor.execute("SET LOCAL session_replication_role = origin")
    return Caller(scene.key)


def selected(act: Callable[[], Any]) -> list[tuple[str, Any]]:
    """Return the SELECT statements that something sends."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        act()
    return [one for one in asked if one[0].split()[0] in {"SELECT", "WITH"}]


def selecting(api: Caller, request: str) -> list[tuple[str, Any]]:
    """Send a request; return its SELECT statements."""
    method, path = request.split(" ")
    if method == "GET":
        api(method, f"/onlinescheduling/{path}")  # writes the JSON beside the rows
    body = {"status": "pending"} if method == "PUT" else None

    def send() -> None:
        assert api(method, f"/onlinescheduling/{path}", body).status_code == 200

    return selected(send)


def scanned(plan: dict[str, Any]) -> set[str]:
    """Return the large tables that a plan reads from end to end."""
    scans = [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
    return {node["Relation Name"] for node in scans} & LARGE


def test_what_is_hot_is_found_by_an_index_and_never_sorted(scene: Scene) -> None:
    api = crowd(scene, first=1)
    for request, expected in WAYS.items():
        used = set()
        for sql, params in selecting(api, request):
            for plan in plans(sql, params):
                assert not scanned(plan), (request, sql)
                for node in nodes(plan):
                    sorts = node["Node Type"] == "Sort" and 'FROM "bookings_booking" WHERE' in sql
                    assert not sorts or request in SORTED, (request, sql)
                    used.add(node.get("Index Name", ""))
        for name in ("practices_apikey_digest", *expected):
            assert any(index.startswith(name) for index in used), (request, name, used)


def test_a_practice_that_has_the_whole_table_is_not_read_through_for_holds_that_ended(
    scene: Scene,
) -> None:
    """Trap: PostgreSQL knows that there are many holds, not when they end, and expects one soon."""
    api = crowd(scene, first=60)
    for sql, params in selecting(api, "GET location/l60-1/bookings?status=open"):
        for plan in plans(sql, params):
            assert not scanned(plan), sql


def test_a_digest_reads_the_openings_of_its_location_alone(scene: Scene) -> None:
    crowd(scene, first=1)
    for sql, params in selected(lambda: digest.compute("p30", "l30-1", "America/New_York")):
        for plan in plans(sql, params):
            assert not scanned(plan), sql


def test_the_exact_times_of_a_day_are_found_without_all_that_ever_were(scene: Scene) -> None:
    crowd(scene, first=60)
    with connection.cursor() as cursor:
        cursor.execute("""
            UPDATE bookings_appointment a SET start_datetime = b.start_datetime
            FROM bookings_booking b WHERE b.id = booking_id AND a.status = 'booked'
        """)
        cursor.execute("ANALYZE bookings_appointment")
    locations = Location.objects.filter(practice="p60")
    day = date(2026, 6, 8)
    rows = Appointment.objects.timed_on_local_days(locations, day, day)
    for plan in plans(*rows.values_list("booking_id").query.sql_with_params()):
        assert not scanned(plan)
        assert "appointment_exact_time" in {node.get("Index Name") for node in nodes(plan)}


def test_what_a_practices_own_system_reads_and_has_not_entered_is_found_by_indexes(
    scene: Scene,
) -> None:
    api = crowd(scene, first=1)
    OwnSystem.objects.create(practice_id="p30", partner=scene.partner)
    of_practice = ("GET practice/p30/appointments", "GET practice/p30/changes")
    asked = [each for request in of_practice for each in selecting(api, request)]
    asked += selected(entering.left(["p30"], now=NOON)[:100].count)
    asked += selected(lambda: [*entering.left(["p30"], now=NOON).order_by("updated_at")[:50]])
    for sql, params in asked:
        for plan in plans(sql, params):
            assert not scanned(plan), sql


def test_what_is_free_next_is_found_among_the_open_ones_of_each_location(scene: Scene) -> None:
    crowd(scene, first=1)
    practice = Practice.objects.get(pk="p30")
    for sql, params in selected(lambda: next_free(practice, now=NOON, people=4)):
        for plan in plans(sql, params):
            assert not scanned(plan), sql


def test_the_booking_page_finds_days_among_the_open_ones_of_each_location(scene: Scene) -> None:
    crowd(scene, first=1)
    practice = Practice.objects.get(pk="p30")
    asked = Criteria(
        people=1,
        location_ids=[each.pk for each in practice.locations.all()],
        doctor_ids=[each.pk for each in practice.doctors.all()],
        earliest=NOON,
        latest=NOON + timedelta(days=84),
    )
    for sql, params in selected(lambda: days(practice, asked, first=NOON.date(), limit=10)):
        for plan in plans(sql, params):
            assert not scanned(plan), sql


@pytest.mark.parametrize("kind", Kind)
def test_reminders_are_found_among_the_visits_of_the_next_days(scene: Scene, kind: Kind) -> None:
    crowd(scene, first=60, kind=kind)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bookings_appointment SET email_digest = md5(booking_id)")
        if kind == Kind.RANGE:
            cursor.execute("""
                UPDATE bookings_appointment a SET start_datetime = b.start_datetime
                FROM bookings_booking b WHERE b.id = booking_id AND a.status = 'booked'
            """)
        cursor.execute("ANALYZE")
    for sql, params in selected(partial(reminders.enqueue, NOON)):
        for plan in plans(sql, params):
            assert not scanned(plan), sql
    assert Task.objects.count() > 0


def test_visits_are_found_by_their_terms_however_many_have_them(scene: Scene) -> None:
    crowd(scene, first=60)
    rare, common = (terms.by_word("p60", word)[0] for word in ("nunez", "maria"))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO bookings_searchterm (appointment_id, digest)
            SELECT id, CASE n WHEN 1 THEN %s WHEN 2 THEN hashtext(id) %% 100 + %s ELSE n END
            FROM bookings_appointment, generate_series(1, 5) n
            """,
            [common, rare],
        )
        cursor.execute("ANALYZE bookings_searchterm")
    for text in ("nunez", "maria", "maria nunez", "(212) 555-0177", "ada@example.org", "ab60-1-7"):
        for sql, params in selected(partial(search, "p60", text, now=NOON)):
            for plan in plans(sql, params):
                assert not scanned(plan), (text, sql)
