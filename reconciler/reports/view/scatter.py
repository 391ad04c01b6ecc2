"""Time against cost of the machines that a training could run on → where each stands in a drawing.

Both axes are logarithmic: the dearest machine costs some fifty times the cheapest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reconciler.cost.options import TrainingOption
from reconciler.domain.plan import Verdict
from reconciler.reports.figures import money
from reconciler.reports.view.curve import Mark

NARROWEST = 2.0
"""The least ratio of an axis' ends."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 310, 12, 132


@dataclass(frozen=True)
class Spot:
    """``across`` and ``up`` are shares of the axes, 0 to 1; ``x`` and ``y`` places in the drawing of 320 × 160."""

    across: float
    up: float
    kind: str
    """``pareto``, ``fits`` or ``tight``."""
    instance: str
    cost: str
    time: str

    @property
    def x(self) -> float:
        return round(_LEFT + self.across * (_RIGHT - _LEFT), 1)

    @property
    def y(self) -> float:
        return round(_BOTTOM - self.up * (_BOTTOM - _TOP), 1)

    @property
    def text(self) -> str:
        return f"{self.instance}, {self.cost} in {self.time}"


@dataclass(frozen=True)
class Scatter:
    title: str
    spots: tuple[Spot, ...]
    """The best last, so that it is drawn on top."""
    cost: tuple[str, str]
    """Where the axis begins and ends, as text; so ``time``."""
    time: tuple[str, str]

    @property
    def said(self) -> str:
        """For who does not see it."""
        best = "; ".join(spot.text for spot in self.by_cost if spot.kind == "pareto")
        return f"{len(self.spots)} instance types. The best choices: {best or 'none'}."

    @property
    def by_cost(self) -> tuple[Spot, ...]:
        return tuple(sorted(self.spots, key=lambda spot: (spot.across, spot.instance)))

    @property
    def best(self) -> str:
        """``points`` of an SVG polyline through the best."""
        return " ".join(f"{spot.x},{spot.y}" for spot in self.by_cost if spot.kind == "pareto")

    @property
    def rows(self) -> tuple[Mark, ...]:
        return (Mark(_LEFT, _BOTTOM, self.time[0]), Mark(_LEFT, _TOP, self.time[1]))

    @property
    def columns(self) -> tuple[Mark, ...]:
        return (Mark(_LEFT, _BOTTOM, self.cost[0]), Mark(_RIGHT, _BOTTOM, self.cost[1]))

    @property
    def table(self) -> tuple[tuple[str, str, str, str], ...]:
        told = {"pareto": "best", "fits": "fits", "tight": "tight, or too long"}
        return tuple((spot.instance, spot.cost, spot.time, told[spot.kind]) for spot in self.by_cost)


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    @classmethod
    def over(cls, values: Sequence[Decimal]) -> _Axis:
        """No narrower than :data:`NARROWEST`, so that what is nearly equal looks so."""
        low, high = float(min(values)), float(max(values))
        wider = max(1.0, math.sqrt(NARROWEST * low / high))
        return cls(low / wider, high * wider)

    def share(self, value: Decimal) -> float:
        return math.log(float(value) / self.low) / math.log(self.high / self.low)

    def ends(self, text: Callable[[Decimal], str]) -> tuple[str, str]:
        return (text(Decimal(str(self.low))), text(Decimal(str(self.high))))


def scatter(title: str, options: Sequence[TrainingOption]) -> Scatter | None:
    """Of what runs on the GPU, be it barely, and of which time and cost are known; ``None`` where those are fewer than two."""
    known = [(option, option.usd, option.hours.likely) for option in options if option.hours and _runs(option)]
    placed = [(option, usd, hours) for option, usd, hours in known if usd]
    if len(placed) < 2:
        return None
    costs, times = _Axis.over([usd for _, usd, _ in placed]), _Axis.over([hours for _, _, hours in placed])
    spots = [
        Spot(
            across=costs.share(usd),
            up=times.share(hours),
            kind=_kind(option),
            instance=option.instance_type or "",
            cost=money(usd),
            time=hours_text(hours),
        )
        for option, usd, hours in placed
    ]
    return Scatter(
        title=title,
        spots=tuple(sorted(spots, key=lambda spot: ("tight", "fits", "pareto").index(spot.kind))),
        cost=costs.ends(money),
        time=times.ends(hours_text),
    )


def hours_text(hours: Decimal) -> str:
    """``14 min``, ``2.6 h``."""
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:,.1f} h"


def _runs(option: TrainingOption) -> bool:
    return option.fit is not None and option.fit.verdict in (Verdict.FITS, Verdict.TIGHT) and not option.lacks


def _kind(option: TrainingOption) -> str:
    if option.pareto:
        return "pareto"
    return "fits" if option.is_eligible else "tight"
