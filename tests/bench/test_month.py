"""The simulated month: what the waiting list is worth to a practice where nobody does anything."""

import sys
from datetime import timedelta
from statistics import median

import pytest

from tests.bench.month import Figures, Month

SEEDS = range(5)


def simulated(
    looks: float, again: timedelta | None, capsys: pytest.CaptureFixture[str]
) -> tuple[Figures, Figures]:
    """Simulate months with the list and without it, print the figures, and return both."""
    with_list, without = Figures(), Figures()
    for seed in SEEDS:
        with_list.add(Month(seed, looks, again, has_list=True).run())
        without.add(Month(seed, looks, again, has_list=False).run())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{looks} new families look a day, {'once' if again is None else 'and again'}:\n"
            f"  with the list: {with_list}\n  without it: {without}\n"
        )
    assert median(with_list.minutes) < median(without.minutes)
    return with_list, without


@pytest.mark.django_db
@pytest.mark.parametrize("looks", [0.5, 1])
def test_fewer_places_stay_empty_than_without_the_list(
    looks: float, capsys: pytest.CaptureFixture[str]
) -> None:
    with_list, without = simulated(looks, None, capsys)
    assert len(with_list.minutes) > len(without.minutes)
    assert with_list.empty < without.empty


@pytest.mark.django_db
def test_where_families_look_again_each_week_as_many_places_are_taken_only_sooner(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with_list, without = simulated(1, timedelta(days=7), capsys)
    assert abs(with_list.empty - without.empty) <= len(SEEDS)
