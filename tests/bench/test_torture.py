"""The torture benchmark, small: on PostgreSQL only, where everything can be killed."""

import sys

import pytest
from django.db import connection

from tests.bench import torture
from tests.bench.partners import Partner
from tests.postgres import cluster
from tests.server import Server

pytestmark = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="slow; script/bench torture --engine sqlite"
)


def lose(server: Server, partners: list[Partner]) -> None:
    """Delete an acknowledged appointment in the database, as no application could."""
    place = next(place for partner in partners for place in partner.places)
    script = (
        "from django.db import connection;"
        "c = connection.cursor();"
        "c.execute('SET session_replication_role = replica');"  # no trigger and no key objects
        f"c.execute('DELETE FROM bookings_appointment WHERE id = %s', ['{place}'])"
    )
    server.manage("shell", "-v0", "-c", script)


def test_nothing_acknowledged_is_lost_and_a_loss_would_be_seen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with cluster(torture.DURABLE) as database:
        figures = torture.run(
            database=database, seconds=8, clients=24, kill_every=2, least=10, before_audit=lose
        )
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert figures.kills
    # Exactly what was deleted on purpose: the appointment; its booking and its events differ.
    assert any("was acknowledged and is lost" in miss for miss in figures.misses)
    lost = {miss.partition(":")[0] for miss in figures.misses}
    assert len(lost) <= 4, figures.misses
