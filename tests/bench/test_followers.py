"""The benchmark of followers, small."""

import sys

import pytest

from tests.bench import followers


def test_every_follower_proves_its_copy_after_cuts_and_deaths_and_one_that_drops_a_change_finds_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = followers.run(8, 20, seconds=10, kill_every=4)
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert figures.changes > 10
    assert figures.happened["deaths"] + figures.happened["answers cut"] > 0
    assert not figures.happened["proofs False"]
    assert (figures.wrong, figures.found_out) == ([], True)
