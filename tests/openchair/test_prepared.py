"""Queries that are compiled once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models.sql.compiler import SQLCompiler

from bookings.models import Booking
from openchair.database.compiled import Prepared
from tests.factories import NOON, Scene


def test_a_prepared_query_finds_what_its_queryset_finds(scene: Scene) -> None:
    early, late = scene.booking(now=NOON - timedelta(days=1)), scene.booking()
    rows: Prepared[Any] = Prepared(
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


def test_a_prepared_query_gives_models_with_their_relations(
    scene: Scene, django_assert_num_queries: Any
) -> None:
    known = Prepared(
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


def test_a_prepared_query_is_compiled_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Prepared(lambda pk: Booking.objects.filter(pk=pk), pk=str)
    made = scene.booking()
    assert known.first(pk=made.pk) == made
    monkeypatch.setattr(SQLCompiler, "as_sql", None)
    assert known.first(pk=made.pk) == made
