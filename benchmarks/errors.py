"""Errors of the estimators on the tables of measured runs, and how they are summed up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import quantiles

from benchmarks.tables import measured_rows
from reconciler.estimators import memory_rows
from reconciler.estimators.rows import Row

GROUPS = ("group", "gpu_model", "method", "measure")


@dataclass(frozen=True)
class Summary:
    """Relative errors; ``bias`` is the median with its sign."""

    errors: tuple[float, ...]

    @property
    def count(self) -> int:
        return len(self.errors)

    @cached_property
    def _sizes(self) -> list[float]:
        return sorted(abs(error) for error in self.errors)

    @property
    def median(self) -> float:
        return _quantile(self._sizes, 0.5)

    @property
    def p90(self) -> float:
        return _quantile(self._sizes, 0.9)

    @property
    def bias(self) -> float:
        return _quantile(sorted(self.errors), 0.5)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was said of runs that went well and of runs that died of memory."""

    right: int
    false_fits: int
    """Said to fit, and died."""
    false_alarms: int
    """Said not to fit, and ran."""

    @property
    def count(self) -> int:
        return self.right + self.false_fits + self.false_alarms


@dataclass(frozen=True, slots=True)
class Miss:
    row: Row
    error: float
    """Predicted over measured, less one."""


def memory_misses(predict: Callable[[Row], float | None]) -> list[Miss]:
    """On rows with a complete configuration and a measured peak."""
    rows = (row for row in measured_rows("memory") if row["evaluable"] == "1" and row["peak_gib"])
    return [Miss(row, value / float(row["peak_gib"]) - 1) for row in rows if (value := predict(row)) is not None]


def verdicts(fits: Callable[[Row], bool | None]) -> Verdicts:
    """On rows with a complete configuration whose run is known to have gone well, or to have died."""
    told = [
        (said, row["outcome"] == "ok")
        for row in measured_rows("memory")
        if row["evaluable"] == "1" and row["outcome"] in ("ok", "oom") and (said := fits(row)) is not None
    ]
    return Verdicts(
        right=sum(said == ran for said, ran in told),
        false_fits=sum(said and not ran for said, ran in told),
        false_alarms=sum(ran and not said for said, ran in told),
    )


def closed_form_gib(row: Row) -> float | None:
    return memory_rows.predict(row).predicted_gib


def closed_form_fits(row: Row) -> bool | None:
    return memory_rows.predict(row).fits


def summed(misses: Iterable[Miss]) -> Summary:
    return Summary(tuple(miss.error for miss in misses))


def by(name: Callable[[Row], str], misses: Sequence[Miss]) -> dict[str, Summary]:
    """By what ``name`` says of a row, in the order of the alphabet."""
    return {
        group: summed(miss for miss in misses if name(miss.row) == group)
        for group in sorted({name(m.row) for m in misses})
    }


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Between the neighbours, as NumPy has it."""
    if len(ordered) < 2:
        return ordered[0] if ordered else float("nan")
    return quantiles(ordered, n=10, method="inclusive")[round(share * 10) - 1]
