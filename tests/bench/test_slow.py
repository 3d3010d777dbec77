"""The slow-client benchmark, small; on PostgreSQL alone, as the engine does not matter."""

import sys

import pytest
from django.db import connection

from tests.bench import slow
from tests.server import running_server


@pytest.mark.skipif(connection.vendor != "postgresql", reason="tested with PostgreSQL")
def test_500_slow_clients_stop_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with running_server(TRUSTED_PROXIES="127.0.0.1") as server, slow.behind_nginx(server) as edge:
        figures = slow.healthy(edge, 500, 2)
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert figures.unanswered == 0
    assert len(figures.seconds) > 10
