"""The simulated month: what the waiting list is worth to a practice where nobody does anything."""

import sys
from datetime import timedelta

import pytest

from tests.bench.month import Figures, Month

SEEDS = range(5)
WEEK = timedelta(days=7)


@pytest.mark.django_db
@pytest.mark.parametrize(("looks", "again"), [(0.5, None), (1, None), (1, WEEK)])
def test_fewer_places_stay_empty_than_without_the_list(
    looks: float, again: timedelta | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with_list, without = Figures(), Figures()
    for seed in SEEDS:
        with_list.add(Month(seed, looks, again, has_list=True).run())
        without.add(Month(seed, looks, again, has_list=False).run())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{looks} new families look a day, {'once' if again is None else 'and again'}:\n"
            f"  with the list: {with_list}\n  without it: {without}\n"
        )
    assert len(with_list.minutes) > len(without.minutes)
    assert with_list.empty < without.empty
