"""What stands in memory at each moment of a training step, by terms, in bytes on one GPU."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from reconciler.estimators.activations import checkpoint, forward_passing, mask, passing, saved
from reconciler.estimators.losses import loss_buffers
from reconciler.estimators.setup import Dtype, Loss, Sharding, TrainingSetup
from reconciler.estimators.states import dequantised, dequantised_head, states


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
    PROBED = "tensors"
    """All of them, where a probe has counted and not told apart."""


class Moment(NamedTuple):
    name: str
    terms: Mapping[Term, float]

    @property
    def size(self) -> float:
        return sum(self.terms.values())


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
                Term.QUANTISATION: _dequantised(setup),
                Term.CASTS: backward_casts,
            },
        ),
        Moment(
            "first layer",
            {
                **base,
                Term.GRADIENTS: held.gradients,
                Term.ACTIVATIONS: _kept_at_the_end(setup) + setup.tokens * (saved(setup) + passing(setup)),
                Term.QUANTISATION: _dequantised(setup),
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


def _dequantised(setup: TrainingSetup) -> float:
    """A matrix is there before the feed-forward layer's two other gradients are: what it takes beyond those."""
    return max(0.0, dequantised(setup) - 4.0 * setup.tokens * setup.dims.ffn)


def _kept(setup: TrainingSetup) -> float:
    """Of all layers, from forward to backward, and the mask that they share."""
    each = checkpoint(setup) if setup.gradient_checkpointing else saved(setup)
    return setup.tokens * (setup.dims.layers * each + mask(setup))


def _running_forward(setup: TrainingSetup) -> float:
    """With gradient checkpointing a layer saves nothing, and what it works with is on top."""
    return setup.tokens * forward_passing(setup) if setup.gradient_checkpointing else 0.0


def _running_backward(setup: TrainingSetup) -> float:
    """With gradient checkpointing the layer's activations are computed again, on top of what is kept."""
    again = saved(setup) if setup.gradient_checkpointing else 0.0
    return setup.tokens * (again + passing(setup))


def _kept_at_the_end(setup: TrainingSetup) -> float:
    """The first layer's input; with the first FSDP and frozen weights all inputs and their gradients, which its hooks hold to the end."""
    if not setup.gradient_checkpointing:
        return 0.0
    each = setup.tokens * checkpoint(setup)
    if setup.gpus > 1 and setup.trains_adapters and setup.sharding in (Sharding.FSDP, Sharding.FSDP_GRAD_OP):
        return 2 * setup.dims.layers * each - 2 * each
    return each


def _casts(setup: TrainingSetup) -> tuple[float, float]:
    """Autocast's BF16 copies of FP32 weights, in forward and in backward: of trained weights until both are done; of frozen ones as long
    as backward needs them, which with gradient checkpointing is one matrix at a time."""
    if setup.weights is not Dtype.FP32 or not setup.autocast or setup.is_sharded:
        return 0.0, 0.0
    dims = setup.dims
    head = 0 if setup.loss is Loss.CHUNKED else dims.embedding_parameters
    if setup.trains_adapters and setup.gradient_checkpointing:
        return 2.0 * max(head, dims.hidden * dims.ffn), 0.0
    every = 2.0 * (dims.linear_parameters + head)
    return every, every
