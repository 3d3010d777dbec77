"""The failover benchmark, small; on PostgreSQL alone, which it starts itself."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.db import connection

from tests.bench import hosts
from tests.bench.network import Network, NotPermitted, network

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL")


@pytest.fixture
def net(capsys: pytest.CaptureFixture[str]) -> Iterator[Network]:
    try:
        with network("edge", *hosts.APPS, "db1", "db2") as made:
            yield made
    except NotPermitted as why:
        with capsys.disabled():
            sys.stderr.write(f"\nSEVERAL MACHINES ARE NOT TESTED HERE: {why}\n")
        pytest.skip(f"no network namespaces: {why}")


def test_a_host_and_the_primary_are_lost_and_no_acknowledged_write_is(
    net: Network, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("WEB_CONCURRENCY", "1")
    # Long, for a slow machine.
    figures = hosts.run(net, seconds=2, clients=4, patience=60)
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert figures.misses == []
    assert figures.acknowledged > 20
    assert min(figures.hosts[app] for app in hosts.APPS) > 10


def test_a_network_is_removed_with_everything_on_it(net: Network) -> None:
    left = subprocess.Popen([*net.inside("app1"), "sleep", "600"])
    net.remove()
    assert left.wait(timeout=30) == -9
    net.make()
