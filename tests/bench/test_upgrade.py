"""The bench for upgrades, small."""

import os
import sys

import pytest

from tests.bench import upgrade

URL = os.environ.get("DATABASE_URL", "")


@pytest.mark.skipif(not URL.startswith("postgres"), reason="SQLite stops everybody to migrate")
@pytest.mark.skipif(not upgrade.release_before(), reason="needs the history of a release before")
def test_an_upgrade_and_the_way_back_fail_nobodys_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = upgrade.run(upgrade.release_before(), clients=2, between=15, patience=60)
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert figures.failures == []
    assert figures.lost == 0
    assert figures.migrations
    assert figures.answered > 100
