"""Errors of the estimators on the tables of measured runs, and how they are summed up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.tables import measured_rows
from reconciler.domain.catalog import Catalog
from reconciler.estimators import memory_rows, time_rows
from reconciler.estimators.rows import Row, UnusableRow, setup_of
from reconciler.estimators.rule_of_thumb import estimate_by_rule
from reconciler.estimators.work import model_flops


@dataclass(frozen=True, slots=True)
class Miss:
    row: Row
    error: float
    """Predicted over measured, less one."""


@dataclass(frozen=True, slots=True)
class Summary:
    count: int
    median: float
    p90: float
    """Of the errors' sizes."""
    bias: float
    """The median with its sign."""


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


def memory_misses(predict: Callable[[Row], float | None]) -> list[Miss]:
    """Peaks, on rows with a complete configuration."""
    return _misses("memory", "peak_gib", predict)


def rate_misses(predict: Callable[[Row], float | None]) -> list[Miss]:
    """Tokens a second, on rows with a complete configuration."""
    return _misses("throughput", "tokens_per_s_per_gpu", predict)


def hour_misses(predict: Callable[[Row], float | None]) -> list[Miss]:
    return _misses("throughput", "wall_hours", predict)


def verdicts(fits: Callable[[Row], bool | None]) -> Verdicts:
    """On rows with a complete configuration whose run is known to have gone well, or to have died."""
    told = [
        (said, row["outcome"] == "ok")
        for row in _complete("memory")
        if row["outcome"] in ("ok", "oom") and (said := fits(row)) is not None
    ]
    return Verdicts(
        right=sum(said == ran for said, ran in told),
        false_fits=sum(said and not ran for said, ran in told),
        false_alarms=sum(ran and not said for said, ran in told),
    )


def summed(misses: Iterable[Miss]) -> Summary:
    errors = [miss.error for miss in misses]
    sizes = [abs(error) for error in errors]
    return Summary(len(errors), _quantile(sizes, 0.5), _quantile(sizes, 0.9), _quantile(errors, 0.5))


def peak_gib(row: Row) -> float | None:
    return memory_rows.predict(row).predicted_gib


def fits(row: Row) -> bool | None:
    return memory_rows.predict(row).fits


def peak_by_rule(row: Row) -> float | None:
    """What people reckon with who have no estimator."""
    return memory_rows.predict(row, estimate_by_rule).predicted_gib


def fits_by_rule(row: Row) -> bool | None:
    return memory_rows.predict(row, estimate_by_rule).fits


def tokens_per_second(catalog: Catalog) -> Callable[[Row], float | None]:
    return lambda row: time_rows.predict(row, catalog).tokens_per_second


def hours(catalog: Catalog) -> Callable[[Row], float | None]:
    return lambda row: time_rows.predict(row, catalog).hours


def flat_rate(catalog: Catalog) -> Callable[[Row], float | None]:
    """What people reckon with who have no estimator: six operations a weight and token at 35 % of the peak."""

    def rate(row: Row) -> float | None:
        try:
            return 0.35 * time_rows.gpu_of_row(row, catalog).peak_tflops * 1e12 / model_flops(setup_of(row))
        except UnusableRow:
            return None

    return rate


def _misses(table: str, column: str, predict: Callable[[Row], float | None]) -> list[Miss]:
    rows = (row for row in _complete(table) if row[column])
    return [Miss(row, value / float(row[column]) - 1) for row in rows if (value := predict(row)) is not None]


def _complete(table: str) -> list[dict[str, str]]:
    return [row for row in measured_rows(table) if row["evaluable"] == "1"]


def _quantile(values: Sequence[float], share: float) -> float:
    """Between the neighbours, as NumPy has it."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
