"""How the loss of a training fell, as far as the cloud tells."""

from __future__ import annotations

from collections.abc import Sequence

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


class LossSummary(Value):
    """``best``: the first of the lowest."""

    first: LossPoint
    last: LossPoint
    best: LossPoint


def summary(points: Sequence[LossPoint]) -> LossSummary | None:
    """``None`` where there are no points."""
    if not points:
        return None
    return LossSummary(first=points[0], last=points[-1], best=min(points, key=lambda point: point.loss))
