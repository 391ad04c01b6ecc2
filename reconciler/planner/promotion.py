"""Promotion: a trained version serves only if its metrics are within the manifest's bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reconciler.domain.desired import DesiredModel
from reconciler.domain.kinds.fine_tuned_model import PromotionGate
from reconciler.domain.observation import TrainingPhase, Version
from reconciler.planner.training import live_runs


@dataclass(frozen=True)
class Miss:
    """A gate that was not passed. ``value is None``: the training reported no such metric."""

    gate: PromotionGate
    value: Decimal | None
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.value is None:
            reported = ", ".join(self.known) or "none"
            return f"{self.gate.metric} was not reported by the training (reported: {reported})"
        return f"{self.gate.metric} is {self.value.normalize():f}, promotion asks for {_bound(self.gate)}"


def misses(want: DesiredModel, version: Version | None) -> tuple[Miss, ...]:
    """Every gate that the version does not pass; empty where it may be deployed."""
    metrics = final_metrics(version)
    return tuple(_missed(want.resolved.promotion, metrics))


def final_metrics(version: Version | None) -> Mapping[str, Decimal]:
    """Of the last training that completed, here or where it was promoted from; of an imported version there are none."""
    completed = [run for run in live_runs(version) if run.phase is TrainingPhase.COMPLETED]
    return completed[-1].metrics if completed else version.metrics if version else {}


def _missed(gates: Sequence[PromotionGate], metrics: Mapping[str, Decimal]) -> list[Miss]:
    found = [Miss(gate, metrics.get(gate.metric), tuple(sorted(metrics))) for gate in gates]
    return [miss for miss in found if miss.value is None or not _within(miss.gate, miss.value)]


def _within(gate: PromotionGate, value: Decimal) -> bool:
    above = gate.min is None or value >= Decimal(str(gate.min))
    below = gate.max is None or value <= Decimal(str(gate.max))
    return above and below


def _bound(gate: PromotionGate) -> str:
    bounds = (
        f"at least {gate.min}" if gate.min is not None else "",
        f"at most {gate.max}" if gate.max is not None else "",
    )
    return " and ".join(bound for bound in bounds if bound)
