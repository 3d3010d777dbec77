"""The Idempotency-Key benchmark, small."""

import sys

import pytest

from tests.bench import idempotency


def test_what_is_sent_several_times_happens_once(capsys: pytest.CaptureFixture[str]) -> None:
    figures = idempotency.run(150, clients=8, kill_every=0.7)
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert figures.effects == 150
    assert figures.disagreeing == 0
    assert figures.cut > 20
    assert figures.killed > 0
    assert set(figures.statuses) <= {201, 409, 503}
