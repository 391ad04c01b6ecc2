"""Time against cost in lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.reports.view.scatter import Scatter

COLUMNS, ROWS = 64, 10
_UNICODE = {"pareto": "●", "fits": "○", "tight": "·"}
_PLAIN = {"pareto": "*", "fits": "o", "tight": "."}


def scatter_lines(drawn: Scatter, *, plain: bool) -> Iterator[str]:
    """Time upward, cost to the right. ``plain``: ASCII alone."""
    marks = _PLAIN if plain else _UNICODE
    grid = [[" "] * COLUMNS for _ in range(ROWS)]
    for spot in drawn.spots:
        grid[ROWS - 1 - round(spot.up * (ROWS - 1))][round(spot.across * (COLUMNS - 1))] = marks[spot.kind]
    least, most = drawn.time
    width, side = max(len(least), len(most)), "|" if plain else "│"
    labels = [most, *[""] * (ROWS - 2), least]
    for label, row in zip(labels, grid, strict=True):
        yield f"{label.rjust(width)} {side}{''.join(row)}".rstrip()
    yield " " * (width + 1) + ("+" + "-" * COLUMNS if plain else "└" + "─" * COLUMNS)
    cheapest, dearest = drawn.cost
    yield " " * (width + 2) + cheapest + dearest.rjust(COLUMNS - len(cheapest))
    legend = ("pareto", "best"), ("fits", "fits"), ("tight", "tight, or too long")
    yield " " * (width + 2) + "  ".join(f"{marks[kind]} {text}" for kind, text in legend)
