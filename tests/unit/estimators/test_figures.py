"""What the estimators reach on the tables of measured runs, so that no change makes it worse unseen: ``make bench-estimators``."""

from __future__ import annotations

import pytest

from benchmarks.calibration import ASSUMED, KNOBS, complete_runs, distance_of
from benchmarks.errors import (
    Miss,
    fits,
    flat_rate,
    hour_misses,
    hours,
    memory_misses,
    peak_gib,
    rate_misses,
    summed,
    tokens_per_second,
    verdicts,
)
from reconciler.catalog import load
from reconciler.estimators.step import RATES

CATALOG = load()


def of_source(misses: list[Miss], source: str) -> list[Miss]:
    return [miss for miss in misses if miss.row["group"] == source]


@pytest.fixture(scope="module")
def rates() -> list[Miss]:
    return rate_misses(tokens_per_second(CATALOG))


def test_time(rates: list[Miss]) -> None:
    """All complete rows are predicted, and far better than by a flat rate."""
    found = summed(rates)
    assert found.count == 302
    assert found.median <= 0.033
    assert found.p90 <= 0.136
    assert summed(rate_misses(flat_rate(CATALOG))).median > 0.3


@pytest.mark.parametrize(
    ("source", "median", "p90"),
    [("fms", 0.030, 0.155), ("foundry", 0.031, 0.092), ("qwen1", 0.065, 0.115), ("fsdp_qlora", 0.115, 0.32)],
)
def test_time_by_source(rates: list[Miss], source: str, median: float, p90: float) -> None:
    found = summed(of_source(rates, source))
    assert found.median <= median
    assert found.p90 <= p90


def test_hours_of_whole_trainings() -> None:
    found = summed(hour_misses(hours(CATALOG)))
    assert found.count == 9
    assert found.median <= 0.13


def test_rates_are_those_that_the_runs_ask_for() -> None:
    """No single rate can be turned by a tenth and bring the predictions closer to the runs."""
    distance = distance_of(complete_runs(CATALOG), ASSUMED)
    least = distance(RATES)
    assert least < distance(ASSUMED)
    turned = {knob: min(distance(knob.turned(RATES, 1.1)), distance(knob.turned(RATES, 1 / 1.1))) for knob in KNOBS}
    assert {knob.name for knob, found in turned.items() if found < least * 0.999} == set()


def test_memory() -> None:
    misses = memory_misses(peak_gib)
    tensors, all_rows = summed(miss for miss in misses if miss.row["measure"] == "torch_alloc"), summed(misses)
    assert (tensors.count, all_rows.count) == (191, 272)
    assert tensors.median <= 0.02
    assert tensors.p90 <= 0.07
    assert all_rows.median <= 0.025
    assert all_rows.p90 <= 0.13


def test_verdicts() -> None:
    told = verdicts(fits)
    assert told.count == 299
    assert told.right / told.count >= 0.985
    assert told.false_fits / told.count <= 0.01
