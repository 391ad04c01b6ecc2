"""How the loss of a training fell, as far as the cloud tells."""

from __future__ import annotations

from reconciler.domain.base import Value


class LossPoint(Value):
    at: float
    """In the curve's ``unit``."""
    loss: float


class LossCurve(Value):
    """Of one training. ``validation`` is empty, or one point, where the data was looked at only at the end."""

    model: str
    run: str
    """The training's name."""
    unit: str
    """What ``at`` counts: ``step`` or ``epoch``."""
    training: tuple[LossPoint, ...] = ()
    validation: tuple[LossPoint, ...] = ()
    simulated: bool = False
    """The embedded cloud made it up, and said so."""
