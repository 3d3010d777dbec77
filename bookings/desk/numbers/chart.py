"""Stacked bars of weeks, as coordinates of an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from bookings.desk.numbers.counts import Counts

PARTS = {
    "came": "came",
    "no_show": "no-show",
    "late": "late cancel",
    "unmarked": "not marked yet",
    "free": "free, unused",
}
"""Properties of Counts, from the ground up, and what they are called."""
_HEIGHT, _BAR, _STEP, _LEFT, _TOP = 200, 34, 54, 36, 10
_ROUND = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)


@dataclass(frozen=True)
class Bar:
    part: str
    x: int
    y: float
    height: float


@dataclass(frozen=True)
class Mark:
    """A label of an axis."""

    text: str
    at: float


@dataclass(frozen=True)
class Chart:
    width: int
    base: int
    left: int
    bar: int
    bars: list[Bar]
    weeks: list[Mark]
    ticks: list[Mark]

    @property
    def height(self) -> int:
        return self.base + 34


def draw(weeks: Sequence[tuple[str, Counts]]) -> Chart:
    """Return the chart of weeks with these labels."""
    most = max((sum(getattr(each, part) for part in PARTS) for _, each in weeks), default=0)
    step = next((each for each in _ROUND if each * 4 >= most), _ROUND[-1])
    top = step * max(1, -(-most // step))
    base = _TOP + _HEIGHT
    bars, marks = [], []
    for nth, (label, counts) in enumerate(weeks):
        x, y = _LEFT + 10 + nth * _STEP, float(base)
        for part in PARTS:
            height = round(getattr(counts, part) / top * _HEIGHT, 1)
            if height:
                y = round(y - height, 1)
                bars.append(Bar(part, x, y, height))
        marks.append(Mark(label, x + _BAR / 2))
    ticks = [Mark(f"{value:,}", base - value / top * _HEIGHT) for value in range(0, top + 1, step)]
    return Chart(_LEFT + 10 + len(weeks) * _STEP, base, _LEFT, _BAR, bars, marks, ticks)
