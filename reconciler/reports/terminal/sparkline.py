"""A curve in one line of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 32


def sparkline(heights: Sequence[float], width: int = WIDTH) -> str:
    """One block a value; of more than ``width`` values the means of as many stretches. The lowest and the highest fill the height."""
    drawn = _stretched(heights, width)
    if not drawn:
        return ""
    low, span = min(drawn), max(drawn) - min(drawn)
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[round((height - low) / span * steps) if span else 0] for height in drawn)


def _stretched(heights: Sequence[float], width: int) -> list[float]:
    count = len(heights)
    if count <= width:
        return list(heights)
    ends = [count * n // width for n in range(width + 1)]
    return [sum(heights[a:b]) / (b - a) for a, b in pairwise(ends)]
