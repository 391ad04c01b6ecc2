from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.measurement import History, Measured, Measurement, Predicted
from reconciler.domain.quantity import Range
from reconciler.estimators.correction import LAST, Correction, factor_of, memory_correction, time_correction
from tests.builders import NOW, fp

ratio = st.floats(min_value=0.01, max_value=100)


def measured(number: int = 0, *, times: str = "1", peak: float | None = None, **more: Any) -> Measurement:
    """Predicted are two hours and 10 GiB."""
    fields: dict[str, Any] = {
        "model": "bot",
        "fingerprint": fp("a"),
        "run": f"bot-{number}",
        "base_model": "llama-3.1-8b-instruct",
        "instance_type": "ml.g5.2xlarge",
        "method": "lora",
        "ended_at": NOW + timedelta(days=number),
        "predicted": Predicted(hours=Range.exactly(2), peak_gib=10.0),
        "measured": Measured(billable_seconds=int(7200 * Decimal(times)), peak_gib=peak),
    }
    return Measurement(**(fields | more))


def time_of(*measurements: Measurement) -> Correction:
    return time_correction(History(measurements=measurements), "llama-3.1-8b-instruct", "ml.g5.2xlarge")


@pytest.mark.parametrize(
    ("ratios", "factor"),
    [
        ([], "1.000"),
        ([1.0], "1.000"),
        ([1.728], "1.200"),
        ([1.21, 1.21], "1.100"),
        ([1.5] * 100, "1.383"),
        ([0.5, 2.0], "1.000"),
        ([1000.0] * 8, "2.000"),
        ([0.001] * 8, "0.500"),
    ],
)
def test_few_trainings_say_little_and_none_says_all(ratios: list[float], factor: str) -> None:
    assert factor_of(ratios) == Decimal(factor)


@given(st.lists(ratio, max_size=20))
def test_it_lies_between_one_and_the_farthest_and_within_its_bounds(ratios: list[float]) -> None:
    last = [*ratios[-LAST:], 1.0]
    assert min(last) - 0.001 <= factor_of(ratios) <= max(last) + 0.001
    assert Decimal("0.5") <= factor_of(ratios) <= Decimal(2)


@given(st.lists(ratio, min_size=1, max_size=LAST), ratio)
def test_a_longer_training_never_corrects_downward(ratios: list[float], more: float) -> None:
    assert factor_of([*ratios[:-1], ratios[-1] + more]) >= factor_of(ratios)


def test_only_the_same_model_on_the_same_machine() -> None:
    alike = [measured(times="1.728")]
    others = [
        measured(1, times="9", base_model="qwen3-8b"),
        measured(2, times="9", instance_type="ml.g6.2xlarge"),
        measured(3, times="9", simulated=True),
    ]
    assert time_of(*alike, *others) == Correction(factor=Decimal("1.200"), trainings=1)


def test_spot_and_what_is_unknown_tell_nothing_of_time() -> None:
    unpredicted = measured(1, predicted=Predicted())
    unbilled = measured(2, measured=Measured())
    assert time_of(measured(times="9", spot=True), unpredicted, unbilled) == Correction()


def test_the_last_count_whatever_order_they_come_in() -> None:
    old = [measured(number, times="2") for number in range(8)]
    new = [measured(number, times="1") for number in range(8, 16)]
    assert time_of(*new, *old).factor == 1


def test_memory_is_corrected_upward_alone() -> None:
    def of(peak: float) -> Decimal:
        history = History(measurements=(measured(peak=peak),))
        return memory_correction(history, "llama-3.1-8b-instruct", "ml.g5.2xlarge").factor

    assert of(17.28) == Decimal("1.200")
    assert of(5.0) == 1
    assert time_of(measured(peak=17.28)).factor == 1
