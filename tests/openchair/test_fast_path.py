"""Compiled queries and row writes; which Django they are tested with (docs/fast-path.md)."""

from datetime import datetime, timedelta
from typing import Any

import django
import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from bookings.models import Booking
from openchair.database import writes
from openchair.database.compiled import CompiledQuery, fetch_together
from tests.factories import NOON, Scene

KNOWN = {(5, 2)}


def test_this_django_is_known() -> None:
    assert django.VERSION[:2] in KNOWN, "Follow docs/fast-path.md, then add this version to KNOWN."


def of_location(location_id: str, since: datetime) -> QuerySet[Booking]:
    return Booking.objects.filter(location_id=location_id, created_at__gte=since).order_by("pk")


KINDS: dict[str, Any] = {
    "instances": of_location,
    "instances with relations": lambda **of: of_location(**of).select_related(
        "location__practice", "series", "partner"
    ),
    "some columns": lambda **of: (
        of_location(**of).select_related("location").only("pk", "location")
    ),
    "tuples": lambda **of: of_location(**of).values_list("pk", "recurring", "created_at"),
    "named tuples": lambda **of: of_location(**of).values_list(
        "pk", "start_datetime", "location__timezone", named=True
    ),
    "annotations": lambda **of: (
        of_location(**of).annotate(places=Count("appointments")).values_list("pk", "places")
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_compiled_query_returns_what_the_orm_returns(scene: Scene, kind: str) -> None:
    for _ in range(3):
        scene.booking()
    query: CompiledQuery[Any] = CompiledQuery(KINDS[kind], location_id=str, since=datetime)
    arguments: dict[str, Any] = {"location_id": scene.location.pk, "since": NOON}
    expected = list(KINDS[kind](**arguments))
    assert len(expected) == 3
    for _ in range(2):
        found = query.all(**arguments)
        assert [_all_of(row) for row in found] == [_all_of(row) for row in expected]
    assert query.all(**arguments | {"location_id": "elsewhere"}) == []


def _all_of(row: Any) -> Any:
    """Return what is in a row: of an instance its columns and those of its relations."""
    if not isinstance(row, Booking):
        return row
    state = row.__dict__ | {"_state": None}
    related = row._state.fields_cache
    return state, {name: one and one.__dict__ | {"_state": None} for name, one in related.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_run_within_another_statement_returns_the_same(scene: Scene, kind: str) -> None:
    scene.booking()
    scene.booking()
    query: CompiledQuery[Any] = CompiledQuery(KINDS[kind], location_id=str, since=datetime)
    arguments: dict[str, Any] = {"location_id": scene.location.pk, "since": NOON}
    along = query.bind(**arguments)
    head = "head AS (SELECT id, name FROM practices_location WHERE id = %s)"
    row = fetch_together(head, [scene.location.pk], row="head", along=along)
    assert row == (scene.location.pk, scene.location.name)
    assert list(map(_all_of, along.rows())) == list(map(_all_of, query.all(**arguments)))


def test_a_query_without_rows_within_another_statement_has_none(scene: Scene) -> None:
    query: CompiledQuery[Any] = CompiledQuery(of_location, location_id=str, since=datetime)
    along = query.bind(location_id="elsewhere", since=NOON)
    head = "head AS (SELECT id FROM practices_location WHERE id = %s)"
    assert fetch_together(head, [scene.location.pk], row="head", along=along) is not None
    assert along.rows() == []
    assert fetch_together(head, ["nowhere"], row="head", along=along) is None


def test_a_compiled_query_finds_what_its_queryset_finds(scene: Scene) -> None:
    early, late = scene.booking(now=NOON - timedelta(days=1)), scene.booking()
    rows: CompiledQuery[Any] = CompiledQuery(
        lambda location, since: (
            Booking.objects.filter(
                location_id=location, created_at__gte=since, status__in=["open", "booked"]
            )
            .order_by("created_at")
            .values_list("id", "recurring", "created_at", "location__timezone", named=True)
        ),
        location=str,
        since=datetime,
    )
    first = (early.pk, False, early.created_at, "America/New_York")
    second = (late.pk, False, NOON, "America/New_York")
    assert rows.all(location=scene.location.pk, since=early.created_at) == [first, second]
    assert rows.all(location=scene.location.pk, since=NOON) == [second]
    assert rows.all(location="elsewhere", since=NOON) == []
    assert rows.all(location=scene.location.pk, since=NOON)[0].location__timezone == second[3]


def test_a_compiled_query_gives_models_with_their_relations(
    scene: Scene, django_assert_num_queries: Any
) -> None:
    known = CompiledQuery(
        lambda pk: Booking.objects.select_related("location__practice").filter(pk=pk), pk=str
    )
    made = scene.booking()
    with django_assert_num_queries(1):
        found = known.first(pk=made.pk)
        assert found is not None
        assert found.location.practice == scene.practice
    assert found == made
    assert found.start_datetime == made.start_datetime
    assert known.first(pk="another") is None


@pytest.mark.parametrize(
    "build",
    [
        lambda now: Booking.objects.filter(created_at__gte=now + timedelta(weeks=60)),
        lambda now: Booking.objects.filter(created_at__date=now.date()),
        lambda now: Booking.objects.filter(created_at__range=(now, now + timedelta(days=1))),
    ],
)
def test_what_is_computed_from_an_instant_is_not_compiled(db: None, build: Any) -> None:
    with pytest.raises(TypeError, match="as it is"):
        CompiledQuery(build, now=datetime).compile()


def test_what_is_made_of_a_text_is_not_compiled(db: None) -> None:
    query = CompiledQuery(lambda text: Booking.objects.filter(pk__contains=text), text=str)
    with pytest.raises(TypeError, match="as it is"):
        query.all(text="a")


def test_a_compiled_query_is_compiled_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    known = CompiledQuery(lambda pk: Booking.objects.filter(pk=pk), pk=str)
    made = scene.booking()
    assert known.first(pk=made.pk) == made
    monkeypatch.setattr(SQLCompiler, "as_sql", None)
    assert known.first(pk=made.pk) == made


def test_a_refused_insert_leaves_no_open_cursor(scene: Scene) -> None:
    """Freed by another thread, it stopped all writes on SQLite for PATIENCE."""
    cursors: list[Any] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith("INSERT"):
            cursors.append(context["cursor"])
        return execute(sql, params, many, context)

    taken = Booking(pk=scene.booking().pk)
    with connection.execute_wrapper(keep), pytest.raises(IntegrityError), transaction.atomic():
        writes.run(booking=writes.insert([taken]))
    (cursor,) = cursors
    with pytest.raises(Exception, match="closed"):
        cursor.fetchall()
