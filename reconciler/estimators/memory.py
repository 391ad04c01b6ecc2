"""The peak of memory of one training step on one GPU: a closed form.

A step's memory is known at five moments; the largest sets the peak.

=============== ================================================================================================
end of forward  what every layer saved, or its input with gradient checkpointing; logits
loss            the same, with the gradient of the logits
last layer      the first that backward meets: all that was saved, and one layer's own gradients
first layer     the last that backward meets: all gradients, and one layer's activations
optimizer step  all gradients, and the optimizer's temporaries
=============== ================================================================================================

On top come CUDA's context, the collectives' buffers and what the allocator cannot use of what comes and goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from reconciler.estimators.activations import checkpoint, passing, saved
from reconciler.estimators.losses import loss_buffers
from reconciler.estimators.setup import Dtype, TrainingSetup
from reconciler.estimators.states import states, trained_bytes

GIB = 2**30
CONTEXT_GIB = 0.75
COLLECTIVES_GIB = 0.6


class Term(StrEnum):
    WEIGHTS = "weights"
    ADAPTERS = "adapters"
    GRADIENTS = "gradients"
    OPTIMIZER = "optimizer"
    ACTIVATIONS = "activations"
    LOGITS = "logits and loss"
    QUANTISATION = "quantisation"
    CASTS = "mixed-precision copies"
    UNSHARDED = "unsharded weights and buckets"
    OVERHEAD = "framework and allocator"


class Moment(NamedTuple):
    name: str
    terms: Mapping[Term, float]

    @property
    def size(self) -> float:
        return sum(self.terms.values())


class Span(NamedTuple):
    """GiB (2^30 bytes) on one GPU."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """GiB (2^30 bytes) on one GPU. ``terms`` are those of the moment that sets the peak, as in ``peak.likely``."""

    peak: Span
    """What tensors take: ``torch.cuda.max_memory_allocated``."""
    reserved: float
    """What the allocator holds of the GPU, its cache included: ``torch.cuda.max_memory_reserved``."""
    needed: float
    """What must be free on the device, CUDA's context and collectives included."""
    context: float
    """CUDA's context and the collectives' buffers, which no tensor holds."""
    moment: str
    terms: Mapping[Term, float]
    assumptions: tuple[str, ...] = ()


def estimate_memory(setup: TrainingSetup) -> MemoryEstimate:
    moments = moments_of(setup)
    peak = max(moments, key=lambda moment: moment.size)
    standing = (Term.WEIGHTS, Term.ADAPTERS, Term.OPTIMIZER, Term.GRADIENTS)
    passing = max(0.0, peak.size - sum(peak.terms.get(term, 0.0) for term in standing)) / GIB
    likely = peak.size / GIB
    context = CONTEXT_GIB + (COLLECTIVES_GIB if setup.gpus > 1 else 0.0)
    return MemoryEstimate(
        peak=Span(likely - 0.1 * passing, likely, likely + 0.15 * passing),
        reserved=likely + 0.25 + passing * (0.40 if setup.variable_length else (0.15 if setup.is_sharded else 0.06)),
        needed=likely + context + passing * (0.10 if setup.is_sharded else 0.03),
        context=context,
        moment=peak.name,
        terms={term: size / GIB for term, size in peak.terms.items()},
    )


def moments_of(setup: TrainingSetup) -> list[Moment]:
    held, loss = states(setup), loss_buffers(setup)
    dims, tokens = setup.dims, setup.tokens
    resting = {Term.WEIGHTS: held.weights, Term.ADAPTERS: held.adapters, Term.OPTIMIZER: held.optimizer}
    kept_grads = held.gradients if setup.gradient_accumulation > 1 else 0.0
    layer_saved = tokens * saved(setup)
    layer_passing = tokens * passing(setup)
    gc = setup.gradient_checkpointing
    ck = tokens * checkpoint(setup)
    acts = dims.layers * (ck if gc else layer_saved)
    fwd_cast, bwd_cast = _casts(setup)
    dq = max(dims.hidden * dims.ffn, dims.hidden * dims.query) * 2.0 if setup.weights.is_quantised else 0.0
    share = 1 / setup.gpus if setup.is_sharded else 1.0
    full = not setup.trains_adapters
    head = dims.embedding_parameters * trained_bytes(setup) * share if full else 0.0
    tied = 2 * dims.embedding_parameters * trained_bytes(setup) * share if full and dims.tied else 0.0
    one = layer_saved + layer_passing if gc else layer_passing
    held_inputs = 2 * dims.layers if setup.is_sharded and not full else 1
    hold = held_inputs * ck if gc else 0.0
    last = layer_saved + layer_passing
    base = {**resting, Term.UNSHARDED: held.whole}
    return [
        Moment(
            "end of forward",
            {
                **base,
                Term.GRADIENTS: kept_grads,
                Term.ACTIVATIONS: acts,
                Term.LOGITS: loss.forward,
                Term.CASTS: fwd_cast,
                Term.QUANTISATION: 0,
            },
        ),
        Moment(
            "loss",
            {
                **base,
                Term.GRADIENTS: kept_grads,
                Term.ACTIVATIONS: acts,
                Term.LOGITS: loss.backward,
                Term.CASTS: bwd_cast,
            },
        ),
        Moment(
            "last layer",
            {
                **base,
                Term.GRADIENTS: max(kept_grads, head),
                Term.ACTIVATIONS: acts + one,
                Term.QUANTISATION: dq,
                Term.CASTS: bwd_cast,
            },
        ),
        Moment(
            "first layer",
            {**base, Term.GRADIENTS: held.gradients + tied, Term.ACTIVATIONS: hold + last, Term.QUANTISATION: dq},
        ),
        Moment(
            "optimizer step",
            {
                **resting,
                Term.UNSHARDED: 0 if setup.is_sharded else held.whole,
                Term.GRADIENTS: held.gradients,
                Term.OPTIMIZER: held.optimizer + held.step,
            },
        ),
    ]


def _casts(setup: TrainingSetup) -> tuple[float, float]:
    """Autocast's BF16 copies of FP32 weights: kept until the end of forward; of frozen weights until backward."""
    if setup.weights is not Dtype.FP32 or not setup.autocast or setup.is_sharded:
        return 0.0, 0.0
    dims = setup.dims
    every = 2.0 * (dims.linear_parameters + dims.embedding_parameters)
    if not setup.trains_adapters:
        return every, every
    if setup.gradient_checkpointing:
        few = 2.0 * (dims.embedding_parameters + dims.layer_parameters)
        return few, 0.0
    return every, every
