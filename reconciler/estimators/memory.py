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
from typing import NamedTuple

from reconciler.estimators.moments import Term, moments_of
from reconciler.estimators.setup import Attention, Dtype, TrainingSetup

GIB = 2**30
COMFORTABLE_SHARE = 0.97
"""Of the memory that the device leaves to programs: what needs more has been seen to run, and to die."""

ERROR = 0.06
_STANDING = (Term.WEIGHTS, Term.ADAPTERS, Term.OPTIMIZER, Term.GRADIENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """What device and allocator take besides tensors: GiB, and shares of what comes and goes within a step. From measured runs."""

    context: float = 0.75
    """CUDA's context with PyTorch's kernels, and cuBLAS's workspace."""
    collectives: float = 0.6
    """NCCL's buffers."""
    lost: float = 0.03
    """What the allocator cannot make use of before it gives up."""
    lost_sharded: float = 0.10
    rounding: float = 0.75
    """Held and not used, by itself."""
    cache: float = 0.06
    """Held and not used where memory is plenty; freed before the allocator gives up."""
    cache_sharded: float = 0.20
    lengths: float = 1.7
    """The same where batches differ in length: of the logits, whose blocks fit no other length."""


ALLOWANCES = Allowances()


class Span(NamedTuple):
    """GiB (2^30 bytes) on one GPU."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """GiB (2^30 bytes) on one GPU. ``terms`` are those of the moment that sets the peak, and add up to ``needed``."""

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


def estimate_memory(setup: TrainingSetup, allowances: Allowances = ALLOWANCES) -> MemoryEstimate:
    """The peak of one GPU; the GPU that has most, where they differ."""
    peak = max(moments_of(setup), key=lambda moment: moment.size)
    terms = {term: size / GIB for term, size in peak.terms.items() if size}
    likely, passing = peak.size / GIB, _passing(terms)
    context = allowances.context + (allowances.collectives if setup.gpus > 1 else 0.0)
    lost = (allowances.lost_sharded if setup.is_sharded else allowances.lost) * passing
    return MemoryEstimate(
        peak=around(likely),
        reserved=likely + _held(setup, terms, allowances),
        needed=likely + context + lost,
        context=context,
        moment=peak.name,
        terms={**terms, Term.OVERHEAD: context + lost},
        assumptions=_assumptions(setup),
    )


def around(likely: float) -> Span:
    """Nine of ten peaks that were measured as PyTorch counts them lie within (``make bench-estimators``)."""
    return Span(likely * (1 - ERROR), likely, likely * (1 + ERROR))


def _passing(terms: Mapping[Term, float]) -> float:
    """What comes and goes within a step."""
    return sum(size for term, size in terms.items() if term not in _STANDING)


def _held(setup: TrainingSetup, terms: Mapping[Term, float], allowances: Allowances) -> float:
    share = allowances.cache_sharded if setup.is_sharded else allowances.cache
    lengths = allowances.lengths * terms.get(Term.LOGITS, 0.0) if setup.variable_length else 0.0
    return allowances.rounding + share * _passing(terms) + lengths


def _assumptions(setup: TrainingSetup) -> tuple[str, ...]:
    mask = ", with a padding mask" if setup.padded and setup.attention is Attention.SDPA else ""
    adapters = f", adapters in {setup.adapters}" if setup.trains_adapters else ""
    autocast = " under autocast" if setup.autocast and setup.weights is Dtype.FP32 else ""
    return (
        f"memory: weights in {setup.weights}{adapters}{autocast}, optimizer {setup.optimizer}, loss {setup.loss}, attention "
        f"{setup.attention}{mask}; the longest record has {setup.sequence:,} tokens",
    )
