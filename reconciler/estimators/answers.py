"""What is told of a row of measured runs: cells of CSV, by the question that the table's header asks."""

from __future__ import annotations

from collections.abc import Callable, Collection

from reconciler.domain.catalog import Catalog
from reconciler.estimators import memory_rows, time_rows
from reconciler.estimators.memory import MemoryEstimate, estimate_memory
from reconciler.estimators.rows import Row
from reconciler.estimators.setup import TrainingSetup

MEMORY_COLUMNS = ("predicted_gib", "need_gib", "fits")
TIME_COLUMNS = ("predicted_tokens_per_s_per_gpu", "predicted_hours", "predicted_usd")

_ASKS_MEMORY = frozenset({"peak_gib", "device_gib", "measure", "capacity_gib", "outcome"})
_ASKS_TIME = frozenset({"tokens_per_s_per_gpu", "mfu", "wall_hours", "cost_usd"})


def columns_for(header: Collection[str]) -> tuple[str, ...]:
    """Memory where a column is about memory, time where one is about time, both where none tells."""
    memory, time = _ASKS_MEMORY.intersection(header), _ASKS_TIME.intersection(header)
    asked = (*(MEMORY_COLUMNS if memory or not time else ()), *(TIME_COLUMNS if time or not memory else ()))
    return ("id", *asked, "reason")


def answer(
    row: Row,
    columns: Collection[str],
    catalog: Catalog,
    region: str,
    memory_by: Callable[[TrainingSetup], MemoryEstimate] = estimate_memory,
) -> dict[str, str]:
    """Cells of one row, as ``csv.DictReader`` reads it. What cannot be told is empty, and ``reason`` says why."""
    cells: dict[str, str] = {"id": row.get("id") or ""}
    if None in row:
        return cells | {"reason": "the line has more cells than the header"}
    reasons: list[str] = []
    if "predicted_gib" in columns:
        memory = memory_rows.predict(row, memory_by)
        cells |= {"predicted_gib": _digits(memory.predicted_gib, 3), "need_gib": _digits(memory.need_gib, 3)}
        cells["fits"] = "" if memory.fits is None else str(memory.fits).lower()
        reasons.append(memory.reason)
    if "predicted_hours" in columns:
        time = time_rows.predict(row, catalog, region)
        rate, hours, usd = time.tokens_per_second, time.hours, time.usd
        cells |= dict(zip(TIME_COLUMNS, (_digits(rate, 1), _digits(hours, 4), _digits(usd, 2)), strict=True))
        reasons.append(time.reason)
    return cells | {"reason": "; ".join(dict.fromkeys(filter(None, reasons)))}


def _digits(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"
