"""What was predicted against what trainings took → the table that people read, and the document that programs read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconciler.domain.measurement import History, Measurement
from reconciler.domain.naming import short
from reconciler.estimators.correction import memory_correction, time_correction
from reconciler.reports.figures import money
from reconciler.reports.view.scatter import hours_text

HEADER = (
    "ENDED",
    "MODEL",
    "BASE MODEL",
    "INSTANCE",
    "TIME: PREDICTED, REAL",
    "COST: PREDICTED, REAL",
    "MEMORY: PREDICTED, REAL",
    "",
)
NOTHING = "No training was measured yet. `reconciler apply` writes down what each took once it has ended."


@dataclass(frozen=True)
class HistoryView:
    rows: tuple[tuple[str, ...], ...]
    corrections: tuple[str, ...]


def view_history(history: History) -> HistoryView:
    """Newest first."""
    ordered = sorted(history.measurements, key=lambda one: (one.ended_at, one.run), reverse=True)
    return HistoryView(rows=tuple(_row(one) for one in ordered), corrections=tuple(_corrections(history)))


def history_data(history: History) -> dict[str, Any]:
    """``predicted`` is the estimators' own; the plan told it times ``timeFactor`` and ``memoryFactor``."""
    return {
        "measurements": [one.model_dump(mode="json", by_alias=True) for one in history.measurements],
        "corrections": [
            {
                "baseModel": base,
                "instanceType": instance,
                "time": time_correction(history, base, instance).model_dump(mode="json", by_alias=True),
                "memory": memory_correction(history, base, instance).model_dump(mode="json", by_alias=True),
            }
            for base, instance in _machines(history)
        ],
    }


def _row(one: Measurement) -> tuple[str, ...]:
    predicted, measured = one.predicted, one.measured
    hours = predicted.hours.likely * one.time_factor if predicted.hours else None
    usd = predicted.usd.likely * one.time_factor if predicted.usd else None
    peak = None if predicted.peak_gib is None else Decimal(str(predicted.peak_gib)) * one.memory_factor
    real_peak = None if measured.peak_gib is None else Decimal(str(measured.peak_gib))
    count = "" if one.instance_count == 1 else f"{one.instance_count} × "
    return (
        f"{one.ended_at:%Y-%m-%d}",
        f"{one.model}-{short(one.fingerprint)}",
        f"{one.base_model} ({one.method})",
        f"{count}{one.instance_type}",
        _compared(hours, measured.hours, hours_text),
        _compared(usd, measured.usd, money),
        _compared(peak, real_peak, lambda size: f"{size:.1f} GiB"),
        _remarks(one),
    )


def _compared(predicted: Decimal | None, real: Decimal | None, text: Callable[[Decimal], str]) -> str:
    """``2.6 h, 2.9 h (+12 %)``."""
    told = f"{'unknown' if predicted is None else text(predicted)}, {'unknown' if real is None else text(real)}"
    if not predicted or real is None:
        return told
    return f"{told} ({(real / predicted - 1) * 100:+.0f} %)"


def _remarks(one: Measurement) -> str:
    remarks = (("simulated", one.simulated), ("spot", one.spot))
    return ", ".join(text for text, holds in remarks if holds)


def _machines(history: History) -> list[tuple[str, str]]:
    return sorted({(one.base_model, one.instance_type) for one in history.measurements})


def _corrections(history: History) -> list[str]:
    told = []
    for base, instance in _machines(history):
        time, memory = time_correction(history, base, instance), memory_correction(history, base, instance)
        parts = [f"time × {time.factor}"] if time.trainings else []
        parts += [f"memory × {memory.factor}"] if memory.factor != 1 else []
        if parts:
            told.append(
                f"{base} on {instance}: {', '.join(parts)}, by {max(time.trainings, memory.trainings)} measured"
            )
    return told
