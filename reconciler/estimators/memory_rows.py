"""Memory of one row of a table of measured runs, from its columns alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.estimators.memory import COMFORTABLE_SHARE, MemoryEstimate, estimate_memory
from reconciler.estimators.rows import Row, setup_of
from reconciler.estimators.setup import TrainingSetup


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMemory:
    """GiB (2^30 bytes) on one GPU. ``None``: cannot be told from the row; ``reason`` says why."""

    predicted_gib: float | None = None
    """Comparable with the row's ``measure``."""
    need_gib: float | None = None
    fits: bool | None = None
    """Against ``capacity_gib``."""
    reason: str = ""


def predict(row: Row, estimated: Callable[[TrainingSetup], MemoryEstimate] = estimate_memory) -> RowMemory:
    """``estimated`` raises ValueError where it cannot tell."""
    try:
        estimate = estimated(setup_of(row))
    except ValueError as why:
        return RowMemory(reason=str(why))
    capacity = _capacity(row)
    return RowMemory(
        predicted_gib=_measured(row, estimate),
        need_gib=estimate.needed,
        fits=None if capacity is None else estimate.needed <= COMFORTABLE_SHARE * capacity,
    )


def _measured(row: Row, estimate: MemoryEstimate) -> float:
    """What the row's tool would have shown; PyTorch's peak where it names none."""
    match (row.get("measure") or "").strip():
        case "torch_reserved":
            return estimate.reserved
        case "device":
            return estimate.reserved + estimate.context
        case "device_limit":
            return estimate.needed
        case _:
            return estimate.peak.likely


def _capacity(row: Row) -> float | None:
    try:
        return float(row.get("capacity_gib") or "")
    except ValueError:
        return None
