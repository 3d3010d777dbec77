"""The bench for slow clients, small; with PostgreSQL alone, for it is not about the database."""

import sys

import pytest
from django.db import connection

from tests.bench import slow
from tests.server import Server


@pytest.mark.skipif(connection.vendor != "postgresql", reason="tested with PostgreSQL")
def test_500_slow_clients_stop_nobody(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with slow.behind_nginx(server) as edge:
        figures = slow.healthy(edge, 500, 2)
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert figures.unanswered == 0
    assert len(figures.seconds) > 10
