"""The rule that teams use: weights, gradients as large as the weights, and twice that for the optimizer; with LoRA a fifth of gradients and
optimizer. No activations, no logits, no framework. Kept to be compared with.

7 billion parameters in FP16: 14 + 14 + 28 = 56 GB; with LoRA 14 + 0.2 × (14 + 28) = 22.4 GB.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.estimators.memory import GIB, MemoryEstimate, Span
from reconciler.estimators.moments import Term
from reconciler.estimators.setup import Dtype, Sharding, TrainingSetup

LORA_SHARE = 0.2
OPTIMIZER_COPIES = 2

_BYTES = {Dtype.FP32: 4.0, Dtype.BF16: 2.0, Dtype.FP16: 2.0, Dtype.FP8: 1.0, Dtype.INT8: 1.0}
_QUANTISED_BYTES = 0.5


@dataclass(frozen=True, slots=True)
class RuleOfThumb:
    """Bytes."""

    weights: float
    gradients: float
    optimizer: float

    @property
    def total(self) -> float:
        return self.weights + self.gradients + self.optimizer


def rule_of_thumb(parameters: float, *, weight_bytes: float = 2, trained_bytes: float = 2, lora: bool) -> RuleOfThumb:
    """``trained_bytes``: of a gradient, and of each of the optimizer's copies."""
    share = LORA_SHARE if lora else 1.0
    gradients = parameters * trained_bytes * share
    return RuleOfThumb(parameters * weight_bytes, gradients, OPTIMIZER_COPIES * gradients)


def estimate_by_rule(setup: TrainingSetup) -> MemoryEstimate:
    """Of one GPU: an equal share where anything is sharded."""
    found = rule_of_thumb(
        setup.dims.parameters,
        weight_bytes=_BYTES.get(setup.weights, _QUANTISED_BYTES),
        trained_bytes=_BYTES.get(setup.weights, 2.0) if not setup.weights.is_quantised else 2.0,
        lora=setup.trains_adapters,
    )
    share = 1 if setup.sharding in (Sharding.NONE, Sharding.DDP) else 1 / setup.gpus
    terms = {
        Term.WEIGHTS: found.weights * share / GIB,
        Term.GRADIENTS: found.gradients * share / GIB,
        Term.OPTIMIZER: found.optimizer * share / GIB,
    }
    total = sum(terms.values())
    return MemoryEstimate(
        peak=Span(total, total, total),
        reserved=total,
        needed=total,
        context=0.0,
        moment="all at once",
        terms=terms,
        assumptions=("memory: a rule of thumb; activations, logits and framework are left out",),
    )
