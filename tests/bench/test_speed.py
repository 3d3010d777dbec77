"""The speed benchmark, tiny: it runs, and each server does the work."""

import pytest

from tests.bench import speed
from tests.bench.cases import Plan
from tests.conftest import only_once


@only_once
def test_every_case_is_measured_on_every_server(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan(seconds=0.1, batches=1, batch=5, openings=1, large_answers=10)
    figures = speed.run(list(speed.CASES), 1, plan, {"tiny": (1, 40, 60, 80)})
    assert "on tiny" in capsys.readouterr().out
    assert set(figures.samples) == {*speed.READING, *speed.WRITING}
    for by_server in figures.samples.values():
        assert all(sample.bad == 0 for samples in by_server.values() for sample in samples)
    assert {crowd.winners == [1] for crowds in figures.crowds.values() for crowd in crowds} == {
        True
    }
