"""Fits the rates of the step's roofline to measured runs: ``python -m benchmarks.calibration`` prints them.

Each rate starts from what is known of the hardware (``ASSUMED``) and is moved only as far as measured runs pull it: few rows of one
source do not turn a rate over. What is printed stands in ``reconciler/estimators/step.py``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from benchmarks.tables import measured_rows
from reconciler.catalog import load
from reconciler.domain.catalog import Catalog
from reconciler.estimators.gpu import Gpu, GpuClass
from reconciler.estimators.rows import Row, UnusableRow, setup_of
from reconciler.estimators.setup import TrainingSetup
from reconciler.estimators.step import RATES, Rates, step_time
from reconciler.estimators.time_rows import gpu_of_row, rates_for

ASSUMED = Rates(
    matmul={
        GpuClass.A100: 0.75,
        GpuClass.HOPPER: 0.65,
        GpuClass.BLACKWELL: 0.60,
        GpuClass.CARD: 0.90,
        GpuClass.FULL_RATE_CARD: 0.60,
        GpuClass.LOW_POWER: 0.45,
    },
    attention={
        GpuClass.A100: 0.50,
        GpuClass.HOPPER: 0.35,
        GpuClass.BLACKWELL: 0.25,
        GpuClass.CARD: 0.60,
        GpuClass.FULL_RATE_CARD: 0.35,
        GpuClass.LOW_POWER: 0.35,
    },
    width=300.0,
    memory=0.85,
    kernel_seconds=15e-6,
    collective_seconds=0.1e-3,
    nf4_bytes=8.0,
    gptq_bytes=16.0,
    nvlink=0.5,
    network=0.5,
    pcie_gb_s=8.0,
    exposed=0.5,
)
"""Before any run is looked at. Matrix products: less the more a chip's peak exceeds what its power sustains. Attention:
FlashAttention-2's own figures on A100 and H100, forward and backward (Dao 2023, section 4). Kernels: PyTorch's dispatch and autograd."""

ROBUST = 0.1
"""Relative error from which on a run counts by the error, no longer by its square."""

CAUTION = 0.3
"""Of the logarithm of a rate: as far from what is assumed as costs half of what ``ROBUST`` does of one run that stands alone."""

ROUNDS = 25


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run with everything but the rates worked out."""

    row: Row
    source: str
    setup: TrainingSetup
    gpu: Gpu
    tokens_per_second: float

    def error(self, rates: Rates) -> float:
        """Predicted over measured tokens a second, less one."""
        step = step_time(self.setup, self.gpu, rates_for(self.row, rates))
        return step.tokens_per_second / self.tokens_per_second - 1


@dataclass(frozen=True, slots=True)
class Knob:
    """One rate that is fitted, within bounds that hardware sets."""

    name: str
    low: float
    high: float
    kind: GpuClass | None = None

    def of(self, rates: Rates) -> float:
        value = getattr(rates, self.name)
        return float(value if self.kind is None else value[self.kind])

    def turned(self, rates: Rates, factor: float) -> Rates:
        value = min(self.high, max(self.low, self.of(rates) * factor))
        changed: Any = value if self.kind is None else {**getattr(rates, self.name), self.kind: value}
        return replace(rates, **{self.name: changed})


KNOBS = (
    *(
        Knob("matmul", 0.3, 0.97, kind)
        for kind in (GpuClass.A100, GpuClass.HOPPER, GpuClass.CARD, GpuClass.FULL_RATE_CARD)
    ),
    *(Knob("attention", 0.1, 0.85, kind) for kind in (GpuClass.A100, GpuClass.HOPPER)),
    Knob("width", 50.0, 1500.0),
    Knob("memory", 0.5, 0.95),
    Knob("kernel_seconds", 5e-6, 4e-5),
    Knob("collective_seconds", 2e-5, 1e-3),
    Knob("nf4_bytes", 2.0, 25.0),
    Knob("gptq_bytes", 4.0, 50.0),
    Knob("nvlink", 0.1, 0.9),
    Knob("network", 0.2, 0.9),
    Knob("pcie_gb_s", 3.0, 25.0),
    Knob("exposed", 0.1, 1.0),
)
"""Of Blackwell and of low-power cards there are no runs to fit to."""


def complete_runs(catalog: Catalog) -> list[Run]:
    """Rows with a complete configuration and tokens a second."""
    rows = (row for row in measured_rows("throughput") if row["evaluable"] == "1" and row["tokens_per_s_per_gpu"])
    return [run for row in rows if (run := _run(row, catalog)) is not None]


def _run(row: Row, catalog: Catalog) -> Run | None:
    try:
        setup, gpu = setup_of(row), gpu_of_row(row, catalog)
    except UnusableRow:
        return None
    return Run(row, row["group"], setup, gpu, float(row["tokens_per_s_per_gpu"]))


def calibrated(runs: Sequence[Run], start: Rates = ASSUMED) -> Rates:
    """The rates that lie closest to the runs: a pattern search, one rate after the other."""
    distance = distance_of(runs, start)
    best, least, strides = start, distance(start), dict.fromkeys(KNOBS, 0.2)
    for _ in range(ROUNDS):
        for knob in KNOBS:
            stride = 1 + strides[knob]
            found = min((knob.turned(best, factor) for factor in (stride, 1 / stride)), key=distance)
            closer = distance(found) < least
            strides[knob] *= 1.3 if closer else 0.5
            if closer:
                best, least = found, distance(found)
    return best


def distance_of(runs: Sequence[Run], start: Rates) -> Callable[[Rates], float]:
    """Of all runs, each source by the square root of its rows, and of the rates from where they started."""
    counts = Counter(run.source for run in runs)

    def distance(rates: Rates) -> float:
        misses = sum(_robust(math.log1p(run.error(rates))) / math.sqrt(counts[run.source]) for run in runs)
        return misses + sum(0.5 * (math.log(knob.of(rates) / knob.of(start)) / CAUTION) ** 2 for knob in KNOBS)

    return distance


def _robust(error: float) -> float:
    return math.sqrt(1 + (error / ROBUST) ** 2) - 1


@click.command(help=__doc__)
def main() -> None:
    fitted = calibrated(complete_runs(load()))
    for knob in KNOBS:
        name = f"{knob.name}[{knob.kind.name}]" if knob.kind else knob.name
        click.echo(f"{name:24} {knob.of(fitted):.3g}  (assumed {knob.of(ASSUMED):.3g}, in use {knob.of(RATES):.3g})")


if __name__ == "__main__":
    main()
