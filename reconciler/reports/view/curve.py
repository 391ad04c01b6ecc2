"""A loss curve → where its lines and labels stand in a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.domain.losses import LossCurve, LossPoint

WIDTH, HEIGHT = 320, 160
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 310, 12, 132
MOST_POINTS = 200
"""More cannot be told apart at this width."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """A label beside an axis, and the line that it names."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    title: str
    said: str
    """The curve in a sentence, for who does not see it."""
    unit: str
    training: str
    """``points`` of an SVG polyline."""
    validation: tuple[Point, ...]
    rows: tuple[Mark, ...]
    columns: tuple[Mark, ...]
    table: tuple[tuple[str, str, str], ...]
    """(at, training loss, validation loss), thinned."""
    simulated: bool


def draw_curve(curve: LossCurve) -> Chart:
    """Raises ValueError for a curve of fewer than two points."""
    if len(curve.training) < 2:
        raise ValueError(f"{curve.run}: {len(curve.training)} points make no curve")
    training = _thinned(curve.training, MOST_POINTS)
    low, high = _bounds([*training, *curve.validation])
    start, end = training[0].at, max(point.at for point in (*training, *curve.validation))
    span = (end - start) or 1.0

    def place(point: LossPoint) -> Point:
        x = _LEFT + (point.at - start) / span * (_RIGHT - _LEFT)
        y = _BOTTOM - (point.loss - low) / (high - low) * (_BOTTOM - _TOP)
        return round(min(max(x, _LEFT), _RIGHT), 1), round(y, 1)

    return Chart(
        title=f"Loss of {curve.run}",
        said=_said(curve),
        unit=curve.unit,
        training=" ".join(f"{x},{y}" for x, y in map(place, training)),
        validation=tuple(place(point) for point in _thinned(curve.validation, MOST_POINTS)),
        rows=tuple(
            Mark(_LEFT, _BOTTOM - share * (_BOTTOM - _TOP), f"{low + share * (high - low):.3g}")
            for share in (0, 0.5, 1)
        ),
        columns=(Mark(_LEFT, _BOTTOM, f"{start:g}"), Mark(_RIGHT, _BOTTOM, f"{end:g}")),
        table=_table(curve),
        simulated=curve.simulated,
    )


def _thinned(points: Sequence[LossPoint], most: int) -> tuple[LossPoint, ...]:
    """Evenly, the first and the last kept."""
    if len(points) <= most:
        return tuple(points)
    return tuple(points[round(index * (len(points) - 1) / (most - 1))] for index in range(most))


def _bounds(points: Sequence[LossPoint]) -> tuple[float, float]:
    """A little air around; a level line lies in the middle."""
    losses = [point.loss for point in points]
    low, high = min(losses), max(losses)
    air = (high - low) * 0.05 or max(abs(high) * 0.1, 0.1)
    return low - air, high + air


def _said(curve: LossCurve) -> str:
    first, last = curve.training[0], curve.training[-1]
    training = f"Training loss from {first.loss:.4g} at {curve.unit} {first.at:g} to {last.loss:.4g} at {curve.unit} {last.at:g}"
    return (
        f"{training}; validation loss {curve.validation[-1].loss:.4g} at the end."
        if curve.validation
        else f"{training}."
    )


def _table(curve: LossCurve) -> tuple[tuple[str, str, str], ...]:
    training = {point.at: point.loss for point in _thinned(curve.training, 10)}
    validation = {point.at: point.loss for point in _thinned(curve.validation, 10)}
    return tuple(
        (f"{at:g}", _figure(training.get(at)), _figure(validation.get(at))) for at in sorted(training | validation)
    )


def _figure(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4g}"
