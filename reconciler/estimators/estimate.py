"""What an estimator answers."""

from __future__ import annotations

from decimal import Decimal

from reconciler.domain.base import Value
from reconciler.domain.quantity import Range

_Number = Decimal | float | int | str


class Estimate(Value):
    """A range in ``unit``, or nothing and why. ``assumptions`` are for people to read."""

    amount: Range | None
    unit: str
    """``hours``, ``tokens`` or ``GB`` (10^9 bytes)."""
    assumptions: tuple[str, ...] = ()
    why_unknown: str = ""

    @classmethod
    def unknown(cls, unit: str, why: str) -> Estimate:
        return cls(amount=None, unit=unit, why_unknown=why)

    def times(self, factor: Decimal | int) -> Estimate:
        return self.model_copy(update={"amount": self.amount.times(factor) if self.amount else None})


def spread(low: _Number, likely: _Number, high: _Number) -> Range:
    """A range from plain numbers."""
    return Range(low=Decimal(str(low)), likely=Decimal(str(likely)), high=Decimal(str(high)))
