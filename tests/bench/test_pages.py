"""The pagination benchmark, small."""

import sys

import pytest

from tests.bench import pages


def test_a_walk_gives_every_row_that_stays_once_while_rows_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = pages.run(300, 50, seconds=3)
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert figures.writes > 10
    assert (figures.missed, figures.repeated) == (0, 0)
