"""What a training tells: a line of the log at a time, and ``metrics.json`` at its end.

Lines are what Hugging Face's Trainer logs, a mapping in Python's spelling, with keys added; numbers stand bare:

    {'loss': 1.31, 'learning_rate': 0.0001, 'epoch': 0.5, 'step': 20, 'tokens': 9120, 'tokens_per_second': 310.5, …}
    {'eval_loss': 1.2, 'epoch': 1, 'step': 40}
    {'train_runtime': 61.2, 'train_loss': 1.1, 'eval_loss': 1.2, 'epoch': 3, 'step': 120, …, 'billable_tokens': 54720}

A metric definition's pattern finds a value by ``'NAME': ([0-9.eE+-]+)``. The last line alone has ``train_runtime``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE = "metrics.json"
NAMES = ("loss", "eval_loss", "train_loss", "tokens_per_second", "peak_memory_bytes", "billable_tokens")
"""What metric definitions look for in the lines."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One line of the log. ``learning_rate`` is that of the step."""

    step: int
    epoch: float
    loss: float | None = None
    eval_loss: float | None = None
    learning_rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The keys of ``metrics.json``.

    ``train_loss``: mean over all steps, those before an interruption included; null where none was logged. ``eval_loss``: of the weights
    that were left; null without validation data, and where it was told to stop. ``epochs``: that were trained, a fraction where it ended
    early. ``tokens``: that this run's steps saw, prompts included, padding not. ``billable_tokens``: of one epoch of the data × ``epochs``.
    ``seconds``: of the training loop, evaluation included. ``tokens_per_second``: of all machines together. ``peak_memory_bytes``: of the
    fullest GPU, as allocated; on a CPU, of the process. ``stopped``: ``stop`` where it was told to, ``early-stopping``, or null.
    """

    train_loss: float | None
    eval_loss: float | None
    steps: int
    epochs: float
    tokens: int
    billable_tokens: int
    seconds: float
    tokens_per_second: float
    peak_memory_bytes: int
    stopped: str | None = None
    trained_parameters: int
    parameters: int
    records: int
    records_cut: int = 0
    records_dropped: int = 0
    processes: int = 1
    parallel: str = "none"
    versions: Mapping[str, str]
    history: tuple[Point, ...]


def line(values: Mapping[str, Any]) -> str:
    """Numbers bare and short, in the order given; what is no finite number stays what it is."""
    return "{" + ", ".join(f"'{name}': {_number(value)}" for name, value in values.items()) + "}"


def last_line(metrics: Metrics) -> str:
    told = {
        "train_runtime": metrics.seconds,
        "train_loss": metrics.train_loss,
        "eval_loss": metrics.eval_loss,
        "epoch": metrics.epochs,
        "step": metrics.steps,
        "tokens": metrics.tokens,
        "tokens_per_second": metrics.tokens_per_second,
        "peak_memory_bytes": metrics.peak_memory_bytes,
        "billable_tokens": metrics.billable_tokens,
    }
    return line({name: value for name, value in told.items() if value is not None})


def write(metrics: Metrics, *folders: Path) -> None:
    text = json.dumps(_finite(asdict(metrics)), indent=2) + "\n"
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(text, encoding="utf-8")


def history(log: list[dict[str, Any]]) -> tuple[Point, ...]:
    """The Trainer's ``log_history``, without its summary."""
    return tuple(_point(entry) for entry in log if ("loss" in entry or "eval_loss" in entry))


def mean_loss(points: Iterable[Point]) -> float | None:
    """Each logged loss is the mean of the steps since the one before it. (The Trainer's own mean forgets what was before a checkpoint.)"""
    total, before = 0.0, 0
    for point in points:
        if point.loss is not None:
            total += point.loss * (point.step - before)
            before = point.step
    return total / before if before else None


def _point(entry: Mapping[str, Any]) -> Point:
    return Point(
        step=int(entry["step"]),
        epoch=float(entry["epoch"]),
        loss=entry.get("loss"),
        eval_loss=entry.get("eval_loss"),
        learning_rate=entry.get("learning_rate"),
    )


def _number(value: Any) -> str:
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    return f"{value:.6g}"


def _finite(value: Any) -> Any:
    """JSON has no NaN: it is unknown, so null."""
    match value:
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
