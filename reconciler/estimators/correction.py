"""How what was measured corrects what is predicted, for the same base model on the same instance type.

The factor is the geometric mean of real over predicted of the last trainings, drawn toward 1 where they are few, and bounded: n trainings
count for n / (n + 2) of it, and no more than the last eight count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal

from reconciler.domain.base import Value
from reconciler.domain.measurement import History, Measurement
from reconciler.domain.quantity import Exact

LAST = 8
DOUBT = 2
"""So many trainings that went as predicted are added to those that were measured."""
MOST = 2.0
"""A factor lies between 1/2 and 2: beyond, something else was measured than what was predicted."""


class Correction(Value):
    factor: Exact = Decimal(1)
    trainings: int = 0
    """That it comes from."""


def time_correction(history: History, base_model: str, instance_type: str) -> Correction:
    """Of billed hours, and so of the cost. Spot trainings are billed for less than they take, and tell nothing."""
    return _correction(history.like(base_model, instance_type), _time_ratio)


def memory_correction(history: History, base_model: str, instance_type: str) -> Correction:
    """Upward alone: that one training took less does not make another fit."""
    found = _correction(history.like(base_model, instance_type), _memory_ratio)
    return found.model_copy(update={"factor": max(found.factor, Decimal(1))})


def factor_of(ratios: Sequence[float]) -> Decimal:
    """1 where there are none. To a thousandth."""
    last = ratios[-LAST:]
    drawn = sum(map(math.log, last)) / (len(last) + DOUBT)
    bounded = min(max(drawn, -math.log(MOST)), math.log(MOST))
    return Decimal(f"{math.exp(bounded):.3f}")


def _correction(alike: Sequence[Measurement], ratio: Callable[[Measurement], float | None]) -> Correction:
    ratios = [found for found in map(ratio, alike) if found is not None and found > 0]
    return Correction(factor=factor_of(ratios), trainings=min(len(ratios), LAST))


def _time_ratio(one: Measurement) -> float | None:
    real, predicted = one.measured.hours, one.predicted.hours
    return float(real / predicted.likely) if real and predicted and predicted.likely and not one.spot else None


def _memory_ratio(one: Measurement) -> float | None:
    real, predicted = one.measured.peak_gib, one.predicted.peak_gib
    return real / predicted if real and predicted else None
