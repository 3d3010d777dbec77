"""The PostgreSQL backend: broken connections, time-outs, cursors."""

from datetime import UTC
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, close_old_connections, connection, transaction

from bookings.models import Event
from tests.conftest import Caller
from tests.factories import NOON, Scene

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's backend")


def hang_up() -> None:
    """Make the server end our connection, as a restart or a failover does."""
    assert connection.connection is not None
    backend = connection.connection.info.backend_pid
    options = {**connection.get_connection_params(), "cursor_factory": None}
    with psycopg.connect(**options, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_is_replaced_before_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", True)
    connection.close()
    scene = Scene()
    path = f"/onlinescheduling/practice/{scene.practice.pk}/bookings"
    assert Caller(scene.key)("GET", path).status_code == 200
    hang_up()
    close_old_connections()  # what Django does where a request begins
    assert Caller(scene.key)("GET", path).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_server_is_asked_again_only_where_it_was_not_heard_for_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []
    now = [100.0]

    def ask() -> bool:
        asked.append(now[0])
        return True

    monkeypatch.setattr("openchair.database.postgresql.base.monotonic", lambda: now[0])
    monkeypatch.setattr(connection, "is_usable", ask)
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", True)
    connection.close()
    for later in (0.0, 0.5, 0.5, 2.0):
        now[0] += later
        close_old_connections()
        Event.objects.exists()
    assert asked == [103.0]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_takes_long_ends_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("openchair.database.postgresql.base.monotonic", lambda: now[0])
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", True)
    connection.close()
    Event.objects.exists()
    now[0] += 0.5
    close_old_connections()
    with transaction.atomic():
        Event.objects.exists()
        now[0] += 5  # a query in between would begin another transaction
    assert connection.get_autocommit()


@pytest.mark.django_db(transaction=True)
def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "patience", 0.3)
    connection.close()
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60)")
    # Its late answer must not be read as that of another query: the connection is a new one.
    assert connection.connection is None or connection.connection.closed
    close_old_connections()
    monkeypatch.undo()
    connection.close()
    assert not Event.objects.exists()


def test_instants_are_in_utc(scene: Scene) -> None:
    opening = scene.booking()
    opening.refresh_from_db()
    assert opening.created_at == NOON
    assert opening.created_at.tzinfo is UTC


def test_rows_can_be_fetched_a_few_at_a_time(scene: Scene) -> None:
    scene.booking()
    found: list[Any] = list(Event.objects.iterator(chunk_size=1))
    assert [event.at for event in found] == [NOON]
