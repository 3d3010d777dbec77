"""The webhooks benchmark, small: every kind of receiver, and a killed worker."""

import sys

import pytest

from tests.bench import webhooks


def test_every_endpoint_is_told_everything_in_order_beside_receivers_that_fail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # One kill among so few changes is more than one in a hundred.
    figures = webhooks.run(changes=200, rate=10, kill_every=8, behind=15)
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert figures.kills
    assert not figures.misses
