"""What stands in memory through the whole step: weights, adapters, gradients and the optimizer's state, in bytes on one GPU.

Bytes a parameter: the dtype's own; NF4 half a byte and a scale of 4 bytes for each 64 weights, or of one byte and 4 for each 256
scales where they are quantised as well (Dettmers et al. 2023, QLoRA, section 3); GPTQ half a byte, and scale and zero point for each
128. Embedding, head and norms are never quantised.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.estimators.setup import Dtype, Optimizer, Sharding, Stack, TrainingSetup

BYTES = {Dtype.FP32: 4.0, Dtype.BF16: 2.0, Dtype.FP16: 2.0, Dtype.FP8: 1.0, Dtype.INT8: 1.0}

QUANTISED = {
    Dtype.INT8: 1.0,
    Dtype.NF4: 0.5 + 4 / 64,
    Dtype.NF4_DOUBLE: 0.5 + 1 / 64 + 4 / (64 * 256),
    Dtype.GPTQ4: 0.5 + 2.5 / 128,
}

ADAFACTOR_BYTES = 0.008
"""A parameter: one FP32 figure for each row and column of its matrix (Shazeer and Stern 2018)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Bytes on one GPU. ``step``: temporaries of the optimizer's step. ``whole``: unsharded for a moment, or kept by collectives."""

    weights: float
    adapters: float
    gradients: float
    head_gradient: float
    """Of the head's weights, or of the embedding that is the head: the first that there is."""
    optimizer: float
    step: float
    whole: float

    @property
    def resting(self) -> float:
        """Between two steps."""
        return self.weights + self.adapters + self.optimizer


def states(setup: TrainingSetup) -> States:
    return States(
        weights=_weights(setup) * _share(setup, of_weights=True),
        adapters=(_trained(setup) if setup.trains_adapters else 0.0) * _share(setup, of_weights=True),
        gradients=_gradients(setup) * _share(setup, of_gradients=True),
        head_gradient=_head_gradient(setup) * _share(setup, of_gradients=True),
        optimizer=_optimizer(setup) * _share(setup),
        step=_step(setup) * _share(setup),
        whole=_whole(setup),
    )


def compute_bytes(setup: TrainingSetup) -> int:
    """Of one activation: two where weights are 16 bits wide, or autocast or FSDP's mixed precision makes them so."""
    if setup.weights is not Dtype.FP32 or setup.autocast:
        return 2
    return 2 if setup.is_sharded and setup.compute is not Dtype.FP32 else 4


def keeps_fp32_weights(setup: TrainingSetup) -> bool:
    """Accelerate's FSDP holds what is trained in FP32 under mixed precision, however it was loaded (``fsdp2_prepare_model``)."""
    upcast = setup.is_sharded and setup.autocast and not setup.trains_adapters
    return setup.weights is Dtype.FP32 or upcast


def trained_bytes(setup: TrainingSetup) -> float:
    """Of one trained parameter, and so of its gradient."""
    if setup.trains_adapters:
        return BYTES[setup.adapters]
    return 4.0 if keeps_fp32_weights(setup) else BYTES[setup.weights]


def trained_parts(setup: TrainingSetup) -> tuple[tuple[int, float], ...]:
    """Parameters that are trained, and the bytes of each: copies of whole modules keep the precision of the base weights."""
    parts = ((setup.trained_parameters, trained_bytes(setup)),)
    if not setup.whole_modules:
        return parts
    return (*parts, (len(setup.whole_modules) * setup.dims.embedding_parameters, BYTES.get(setup.weights, 2.0)))


def block_bytes(setup: TrainingSetup) -> float:
    """Of one weight in a linear layer."""
    return QUANTISED.get(setup.weights) or BYTES[setup.weights]


def largest_parameter(setup: TrainingSetup) -> int:
    """Embedding or a feed-forward matrix."""
    return max(setup.dims.embedding_parameters, setup.dims.hidden * setup.dims.ffn)


def dequantised(setup: TrainingSetup) -> float:
    """The largest quantised matrix of a layer, as it is multiplied with."""
    dims = setup.dims
    return max(dims.ffn, dims.query) * dims.hidden * 2.0 if setup.weights.is_quantised else 0.0


def dequantised_head(setup: TrainingSetup) -> float:
    """Where the head is quantised as well: in FP16, as the scales are, and once more in BF16."""
    return setup.dims.embedding_parameters * 4.0 if _quantises_head(setup) else 0.0


def _quantises_head(setup: TrainingSetup) -> bool:
    """Lightning's plugin for bitsandbytes takes every linear layer; Transformers leaves the head as it is."""
    return setup.weights.is_quantised and setup.stack is Stack.LITGPT


def _weights(setup: TrainingSetup) -> float:
    dims = setup.dims
    if keeps_fp32_weights(setup):
        return dims.parameters * 4.0
    other = 4.0 if setup.fp32_norms or setup.fp32_ends else 2.0 if setup.weights.is_quantised else BYTES[setup.weights]
    quantised = dims.linear_parameters + (dims.head_parameters if _quantises_head(setup) else 0)
    return quantised * block_bytes(setup) + (dims.parameters - quantised) * other


def _gradients(setup: TrainingSetup) -> float:
    """One parameter's at a time where the optimizer steps in the backward pass."""
    if setup.optimizer is Optimizer.ADAMW_IN_BACKWARD:
        return min(largest_parameter(setup), setup.trained_parameters) * trained_bytes(setup)
    return _trained(setup)


def _head_gradient(setup: TrainingSetup) -> float:
    return setup.dims.embedding_parameters * trained_parts(setup)[-1][1] if setup.trains_head else 0.0


def _trained(setup: TrainingSetup) -> float:
    """One copy of all that is trained."""
    return sum(count * width for count, width in trained_parts(setup))


def _optimizer(setup: TrainingSetup) -> float:
    if setup.paged:
        return 0.0
    return sum(count * _optimizer_bytes(setup.optimizer, width) for count, width in trained_parts(setup))


def _optimizer_bytes(optimizer: Optimizer, width: float) -> float:
    """A parameter: AdamW's two moments have the parameter's dtype, or 8 or 4 bits each."""
    match optimizer:
        case Optimizer.ADAMW_FUSED | Optimizer.ADAMW_FOREACH | Optimizer.ADAMW_IN_BACKWARD:
            return 2 * width
        case Optimizer.ADAMW_8BIT:
            return 2 * (1 + 4 / 256)
        case Optimizer.ADAMW_4BIT:
            return 2 * (0.5 + 4 / 128)
        case Optimizer.LION | Optimizer.SGD_MOMENTUM:
            return width
        case Optimizer.ADAFACTOR:
            return ADAFACTOR_BYTES
        case Optimizer.SGD:
            return 0.0


def _step(setup: TrainingSetup) -> float:
    """``foreach`` works on all parameters at once and holds one temporary of each; Adafactor on one, with FP32 temporaries."""
    match setup.optimizer:
        case Optimizer.ADAMW_FOREACH:
            return _trained(setup)
        case Optimizer.ADAFACTOR:
            size = min(largest_parameter(setup), setup.trained_parameters)
            return size * (16.0 if trained_bytes(setup) == 2 else 8.0)
        case _:
            return 0.0


def _share(setup: TrainingSetup, *, of_weights: bool = False, of_gradients: bool = False) -> float:
    """Of one GPU; of the optimizer's state where nothing else is said."""
    if setup.gpus == 1:
        return 1.0
    match setup.sharding:
        case Sharding.NONE | Sharding.DDP:
            spread = False
        case Sharding.ZERO1:
            spread = not (of_weights or of_gradients)
        case Sharding.ZERO2:
            spread = not of_weights
        case Sharding.FSDP_GRAD_OP:
            spread = not of_weights
        case Sharding.ZERO3 | Sharding.FSDP | Sharding.FSDP2:
            spread = True
    return 1 / setup.gpus if spread else 1.0


ZERO2_BUCKET = 500_000_000
"""Elements of DeepSpeed's ``reduce_bucket_size`` and of ``allgather_bucket_size`` as they come."""


def _whole(setup: TrainingSetup) -> float:
    """Sharded: embedding and head, two layers, and one layer's gradients. DDP: the buckets are one more copy of the gradients."""
    if setup.gpus == 1:
        return 0.0
    match setup.sharding:
        case Sharding.DDP:
            return _trained(setup)
        case Sharding.ZERO2:
            return 2.0 * ZERO2_BUCKET * compute_bytes(setup)
        case Sharding.NONE | Sharding.ZERO1:
            return 0.0
        case _:
            return _unsharded(setup)


def _unsharded(setup: TrainingSetup) -> float:
    dims = setup.dims
    each = block_bytes(setup) if setup.weights.is_quantised else compute_bytes(setup)
    ends = (dims.embedding_parameters + dims.head_parameters) * compute_bytes(setup)
    layers = 2 if setup.trains_adapters else 3
    return ends + layers * dims.layer_parameters * each
