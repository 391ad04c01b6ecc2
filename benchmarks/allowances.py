"""Allowances of memory without one source: fitted to all others, and tried on it. What PyTorch's tensors take has nothing to fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.errors import Miss, memory_misses, summed
from reconciler.estimators.memory import Allowances, estimate_memory
from reconciler.estimators.memory_rows import predict
from reconciler.estimators.rows import Row

UNKNOWN = Allowances(rounding=0.0, cache=0.0, cache_sharded=0.0, lengths=0.0)
"""Before any run is looked at."""

CANDIDATES: dict[str, tuple[float, ...]] = {
    "lengths": (0.0, 0.5, 1.0, 1.4, 1.8, 2.2),
    "cache": (0.0, 0.03, 0.06, 0.1, 0.2),
    "cache_sharded": (0.0, 0.05, 0.1, 0.15, 0.2, 0.3),
    "rounding": (0.0, 0.25, 0.5, 0.75),
}


def left_out() -> Iterator[tuple[str, list[Miss]]]:
    """Each source that measured more than tensors, and its errors."""
    held = [miss.row for miss in memory_misses(lambda _row: 0.0) if miss.row["measure"] in ("torch_reserved", "device")]
    for source in sorted({row["group"] for row in held}):
        fitted = fitted_to([row for row in held if row["group"] != source])
        yield source, misses([row for row in held if row["group"] == source], fitted)


def fitted_to(rows: Sequence[Row]) -> Allowances:
    """One after the other, the candidate with the smallest median error; the first of equals, so that what no run asks for stays zero."""
    found = UNKNOWN
    for name, values in CANDIDATES.items():
        found = min(
            (replace(found, **{name: value}) for value in values), key=lambda tried: summed(misses(rows, tried)).median
        )
    return found


def misses(rows: Sequence[Row], allowances: Allowances) -> list[Miss]:
    return [Miss(row, (_predicted(row, allowances) or 0.0) / float(row["peak_gib"]) - 1) for row in rows]


def _predicted(row: Row, allowances: Allowances) -> float | None:
    return predict(row, lambda setup: estimate_memory(setup, allowances)).predicted_gib
