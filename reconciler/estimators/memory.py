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

from reconciler.estimators.activations import checkpoint, forward_passing, passing, saved
from reconciler.estimators.losses import loss_buffers
from reconciler.estimators.setup import Dtype, TrainingSetup
from reconciler.estimators.states import dequantised, dequantised_head, states

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


def moments_of(setup: TrainingSetup) -> tuple[Moment, ...]:
    """In the order of a step, in bytes."""
    held, loss, kept = states(setup), loss_buffers(setup), _kept(setup)
    forward_casts, backward_casts = _casts(setup)
    before = held.gradients if setup.gradient_accumulation > 1 else 0.0
    resting = {Term.WEIGHTS: held.weights, Term.ADAPTERS: held.adapters, Term.OPTIMIZER: held.optimizer}
    base = {**resting, Term.UNSHARDED: held.whole}
    return (
        Moment(
            "forward",
            {
                **base,
                Term.GRADIENTS: before,
                Term.ACTIVATIONS: kept + _running_forward(setup),
                Term.QUANTISATION: dequantised(setup),
                Term.CASTS: forward_casts,
            },
        ),
        Moment(
            "end of forward",
            {
                **base,
                Term.GRADIENTS: before,
                Term.ACTIVATIONS: kept,
                Term.LOGITS: loss.forward,
                Term.CASTS: forward_casts,
            },
        ),
        Moment(
            "loss",
            {
                **base,
                Term.GRADIENTS: before,
                Term.ACTIVATIONS: kept,
                Term.LOGITS: loss.backward,
                Term.QUANTISATION: dequantised_head(setup),
                Term.CASTS: backward_casts,
            },
        ),
        Moment(
            "last layer",
            {
                **base,
                Term.GRADIENTS: max(before, held.head_gradient),
                Term.ACTIVATIONS: kept + _running_backward(setup),
                Term.QUANTISATION: dequantised(setup),
                Term.CASTS: backward_casts,
            },
        ),
        Moment(
            "first layer",
            {
                **base,
                Term.GRADIENTS: held.gradients,
                Term.ACTIVATIONS: _kept_at_the_end(setup) + setup.tokens * (saved(setup) + passing(setup)),
                Term.QUANTISATION: dequantised(setup),
            },
        ),
        Moment(
            "embedding",
            {**base, Term.GRADIENTS: held.gradients + (2 * held.head_gradient if setup.dims.tied else 0.0)},
        ),
        Moment(
            "optimizer step",
            {
                **(resting if setup.is_sharded else base),
                Term.GRADIENTS: held.gradients,
                Term.OPTIMIZER: held.optimizer + held.step,
            },
        ),
    )


def _kept(setup: TrainingSetup) -> float:
    """Of all layers, from forward to backward."""
    each = checkpoint(setup) if setup.gradient_checkpointing else saved(setup)
    return setup.dims.layers * setup.tokens * each


def _running_forward(setup: TrainingSetup) -> float:
    """With gradient checkpointing a layer saves nothing, and what it works with is on top."""
    return setup.tokens * forward_passing(setup) if setup.gradient_checkpointing else 0.0


def _running_backward(setup: TrainingSetup) -> float:
    """With gradient checkpointing the layer's activations are computed again, on top of what is kept."""
    again = saved(setup) if setup.gradient_checkpointing else 0.0
    return setup.tokens * (again + passing(setup))


def _kept_at_the_end(setup: TrainingSetup) -> float:
    """The first layer's input; with FSDP and frozen weights all of them and their gradients, which its hooks hold until the end."""
    if not setup.gradient_checkpointing:
        return 0.0
    each = setup.tokens * checkpoint(setup)
    if setup.is_sharded and setup.trains_adapters:
        return 2 * setup.dims.layers * each - 2 * each
    return each


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
