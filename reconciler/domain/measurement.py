"""What a training really took, beside what was predicted. Kept with its artifacts as ``measured.json``."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from reconciler.domain.base import Value
from reconciler.domain.quantity import Exact, Range


class Predicted(Value):
    """By the estimators alone, before what was measured corrected them. ``None``: it could not be told."""

    hours: Range | None = None
    """Billed, of each instance."""
    usd: Range | None = None
    peak_gib: float | None = None
    """What tensors take of the fullest GPU."""


class Measured(Value):
    """As the cloud tells it. ``None``: it does not."""

    billable_seconds: int | None = None
    """Of each instance (BillableTimeInSeconds)."""
    usd: Exact | None = None
    """Billable time of all instances at the price that was known then."""
    tokens: int | None = None
    """Of the data, times the epochs that were trained."""
    tokens_per_second: float | None = None
    peak_gib: float | None = None

    @property
    def hours(self) -> Decimal | None:
        return None if self.billable_seconds is None else Decimal(self.billable_seconds) / 3600


class Measurement(Value):
    """One training that was completed on SageMaker."""

    model: str
    fingerprint: str
    run: str
    """The training job's name."""
    base_model: str
    instance_type: str
    instance_count: int = 1
    method: str
    """``full``, ``lora`` or ``qlora``."""
    ended_at: datetime
    spot: bool = False
    """Billed seconds are fewer than those that it took."""
    simulated: bool = False
    """By the embedded cloud, whose durations say nothing of AWS."""
    predicted: Predicted
    time_factor: Exact = Decimal(1)
    """What earlier trainings corrected the predicted time and cost by, when this one began; so ``memory_factor``."""
    memory_factor: Exact = Decimal(1)
    measured: Measured


class History(Value):
    """What was measured so far."""

    measurements: tuple[Measurement, ...] = ()

    def like(self, base_model: str, instance_type: str) -> tuple[Measurement, ...]:
        """Of the same base model on the same instance type, oldest first; nothing that was simulated."""
        found = (m for m in self.measurements if (m.base_model, m.instance_type) == (base_model, instance_type))
        return tuple(sorted((m for m in found if not m.simulated), key=lambda m: (m.ended_at, m.run)))

    def before(self, moment: datetime) -> History:
        return History(measurements=tuple(m for m in self.measurements if m.ended_at < moment))


NO_HISTORY = History()
