"""What one forward and backward pass asks of one GPU: floating-point operations, bytes moved, kernels started.

Counted from the operations, for a batch of ``micro_batch`` × ``sequence`` tokens:

- A linear layer of N weights takes 2N operations a token forward, 2N for the gradient of its input, 2N for that of its weights
  (Kaplan et al. 2020, Scaling Laws, section 2.1). Frozen weights need no gradient; gradient checkpointing runs forward again.
- Causal attention takes 2 × sequence × (heads × head size) a token and layer forward, half of the full square, and 2.5 times that
  backward (Dao 2023, FlashAttention-2, section 4.1).
- What is not a matrix product is bound by memory: its reads and writes are counted, kernel by kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.estimators.setup import (
    Attention,
    Dimensions,
    Dtype,
    Loss,
    Method,
    Optimizer,
    Sharding,
    Stack,
    TrainingSetup,
)

BACKWARD_ATTENTION = 2.5

QUANTISED_BYTES = {Dtype.INT8: 1.0, Dtype.NF4: 0.5625, Dtype.NF4_DOUBLE: 0.5159, Dtype.GPTQ4: 0.52, Dtype.FP32: 4.0}
"""A weight, scales included: NF4 has a scale of 4 bytes for 64 weights, or one byte for 64 and 4 bytes for 256 scales (Dettmers et
al. 2023, QLoRA, section 3); GPTQ one of 2 bytes for 128. All others take 2 bytes."""

RMS_NORM, FUSED_NORM = 32.0, 6.0
"""Bytes an entry forward. Transformers' RMSNorm is six kernels, most of them in FP32; a fused one, or PyTorch's LayerNorm, reads the
entry twice and writes it."""
RESIDUALS, INPUT_COPY = 12.0, 4.0
"""Bytes a hidden entry and layer forward: two sums, each of two reads and a write; one copy."""
FP32_STREAM = 76.0
"""More of them where norms are FP32: norms and sums of twice the size, and a cast to BF16 for each of the five matrices and three
adapters that read a norm's output."""
ROTARY, FUSED_ROTARY = 22.0, 4.0
"""Bytes an entry of query and key: two products, a rotation in halves and a sum; or one pass."""
ACTIVATION, GATED_ACTIVATION, FUSED_GATE = 4.0, 10.0, 6.0
"""Bytes an entry of the feed-forward layer."""
LOSS_BYTES = {
    Loss.FULL: 50.0,
    Loss.FULL_SHIFTED: 50.0,
    Loss.HALF: 50.0,
    Loss.FUSED: 18.0,
    Loss.FUSED_LINEAR: 18.0,
    Loss.CHUNKED: 30.0,
    Loss.COMPILED: 24.0,
    Loss.COMPILED_CHUNKED: 24.0,
    Loss.CHUNKED_128: 24.0,
}
"""Bytes a token and entry of the vocabulary, both passes: BF16 logits and FP32 copies; or logits and their gradient in BF16."""

ADAPTER_INPUT, ADAPTER_OUTPUT = 12.0, 12.0
"""Bytes an entry that adapters add forward: the input cast to FP32, as peft holds them, and back by autocast; their output scaled and
added."""
FUSED_ADAPTER = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Of one pass forward and backward on one GPU."""

    matmul_flops: float
    attention_flops: float
    traffic: float
    """Bytes of everything that is not a matrix product."""
    weight_reads: float
    """Bytes of weights that matrix products read, over all passes."""
    dequantised: float
    """Weights that are made whole, over all passes."""
    kernels: float
    collectives: float
    """Gathers and scatters of weights and gradients among the GPUs."""


def work(setup: TrainingSetup) -> Work:
    dims, passes = setup.dims, _passes(setup)
    held = dims.linear_parameters + dims.embedding_parameters
    return Work(
        matmul_flops=setup.tokens * matmul_flops(setup),
        attention_flops=setup.tokens * attention_flops(setup),
        traffic=setup.tokens * traffic(setup),
        weight_reads=2.0 * held * (passes - 1 if setup.trains_adapters else passes),
        dequantised=dims.linear_parameters * (passes - 1) if setup.weights.is_quantised else 0.0,
        kernels=_kernels(setup) * passes,
        collectives=_collectives(setup),
    )


def matmul_flops(setup: TrainingSetup) -> float:
    """A token."""
    dims = setup.dims
    layers, head = 2.0 * dims.active_linear_parameters, 2.0 * dims.embedding_parameters
    again = 1 if setup.gradient_checkpointing else 0
    if not setup.trains_adapters:
        return layers * (3 + again) + head * (3 + _head_again(setup))
    adapters = 2.0 * dims.lora_parameters(setup.lora_rank, setup.lora_targets)
    trained = 1 if "lm_head" in setup.whole_modules else 0
    return layers * (2 + again) + head * (2 + trained + _head_again(setup)) + adapters * (3 + again)


def forward_flops(setup: TrainingSetup) -> float:
    """A token, of matrix products alone."""
    dims = setup.dims
    adapters = dims.lora_parameters(setup.lora_rank, setup.lora_targets) if setup.trains_adapters else 0
    return 2.0 * (dims.active_linear_parameters + dims.embedding_parameters + adapters)


def attention_flops(setup: TrainingSetup) -> float:
    """A token. Where a padding mask or plain matrix products are used, the upper half of the square is computed too."""
    forward = 2.0 * setup.dims.layers * setup.sequence * setup.dims.query
    square = 2 if setup.attention is Attention.EAGER or (setup.padded and setup.attention is not Attention.FLASH) else 1
    return forward * square * (1 + BACKWARD_ATTENTION + (1 if setup.gradient_checkpointing else 0))


def traffic(setup: TrainingSetup) -> float:
    """Bytes a token outside matrix products: forward, twice that backward, and forward again where checkpoints are kept."""
    layer = _norms(setup) + _feed_forward(setup) + _rotary(setup) + _adapters(setup) + _attention_scores(setup)
    return setup.dims.layers * layer * _passes(setup) + LOSS_BYTES[setup.loss] * setup.dims.vocab


def fused(setup: TrainingSetup) -> bool:
    """Whether norms, rotary embedding and the feed-forward's gate are one kernel each: by ``torch.compile``, or by Triton kernels such
    as Liger's, which come with a fused loss."""
    return setup.compiled or setup.fused_norms or setup.loss in (Loss.FUSED, Loss.FUSED_LINEAR)


def optimizer_bytes(setup: TrainingSetup) -> float:
    """Moved by one step of the optimizer, all GPUs together: gradient and states read, weights and states written, by one kernel or
    by several over lists of tensors."""
    each = 4.0 if setup.weights is Dtype.FP32 or (setup.trains_adapters and setup.adapters is Dtype.FP32) else 2.0
    match setup.optimizer:
        case Optimizer.ADAMW_FOREACH:
            passes = 14.0
        case Optimizer.ADAMW_8BIT | Optimizer.ADAMW_4BIT | Optimizer.LION | Optimizer.SGD_MOMENTUM:
            passes = 5.0
        case Optimizer.SGD:
            passes = 3.0
        case Optimizer.ADAMW_FUSED | Optimizer.ADAMW_IN_BACKWARD | Optimizer.ADAFACTOR:
            passes = 7.0
    return setup.trained_parameters * each * passes


def weight_bytes(setup: TrainingSetup) -> float:
    """Of the base weights, as they are held and sent from GPU to GPU."""
    linear = setup.dims.linear_parameters * QUANTISED_BYTES.get(setup.weights, 2.0)
    return linear + setup.dims.other_parameters * (4.0 if setup.weights is Dtype.FP32 else 2.0)


def _passes(setup: TrainingSetup) -> int:
    """Forward, a backward that is worth two, and forward again."""
    return 4 if setup.gradient_checkpointing else 3


def _head_again(setup: TrainingSetup) -> int:
    return 1 if setup.loss is Loss.CHUNKED else 0


def _norms(setup: TrainingSetup) -> float:
    norm = FUSED_NORM if fused(setup) or _has_layer_norm(setup.dims) else RMS_NORM
    stream = FP32_STREAM if setup.fp32_norms else 0.0
    return setup.dims.hidden * (2 * norm + RESIDUALS + INPUT_COPY + stream)


def _feed_forward(setup: TrainingSetup) -> float:
    dims = setup.dims
    plain = GATED_ACTIVATION if dims.gated else ACTIVATION
    each = min(plain, FUSED_GATE) if fused(setup) else plain
    routed = 12.0 * dims.hidden + 8.0 * dims.ffn if dims.experts > 1 else 0.0
    return dims.experts_per_token * (dims.ffn * each + routed)


def _rotary(setup: TrainingSetup) -> float:
    plain = FUSED_ROTARY if _has_layer_norm(setup.dims) else ROTARY
    return (setup.dims.query + setup.dims.key) * (FUSED_ROTARY if fused(setup) else plain)


def _has_layer_norm(dims: Dimensions) -> bool:
    """GPT-2, StarCoder, MPT, Phi, Falcon: no gate in the feed-forward layer, norms that PyTorch has as one kernel, and positions that
    are learned, biases of the scores, or turn a part of each head."""
    return not dims.gated


def _adapters(setup: TrainingSetup) -> float:
    if not setup.trains_adapters:
        return 0.0
    shapes = (setup.dims.shape(target) for target in setup.lora_targets if target != "lm_head")
    cast = ADAPTER_INPUT if setup.adapters is Dtype.FP32 else 0.0
    moved = sum(cast * shape[0] + ADAPTER_OUTPUT * shape[1] for shape in shapes if shape)
    return moved * (FUSED_ADAPTER if _fused_adapters(setup) else 1.0)


def _fused_adapters(setup: TrainingSetup) -> bool:
    """By the compiler, or by kernels made for quantised weights (Unsloth's, FOAK's); Liger leaves adapters as they are."""
    return setup.compiled or (fused(setup) and setup.weights.is_quantised)


def _attention_scores(setup: TrainingSetup) -> float:
    """Scores in FP32 and BF16, written and read, where no fused kernel keeps them on the chip."""
    return 16.0 * setup.dims.heads * setup.sequence if setup.attention is Attention.EAGER else 0.0


def _kernels(setup: TrainingSetup) -> float:
    """Started forward: some 45 a layer by Transformers' modules, half of that where they are fused; five for each adapter, three for
    each quantised matrix, and a loop over experts."""
    layer = 22.0 if fused(setup) or _has_layer_norm(setup.dims) else 45.0
    if setup.trains_adapters:
        layer += 8.0 * len(setup.lora_targets)
    if setup.weights.is_quantised:
        layer += 21.0
    if setup.dims.experts > 1:
        layer += 12.0 * setup.dims.experts
    return setup.dims.layers * layer


def model_flops(setup: TrainingSetup) -> float:
    """A token of full fine-tuning with nothing computed again: what MFU counts (Chowdhery et al. 2022, PaLM, appendix B)."""
    dims = setup.dims
    weights = dims.active_linear_parameters + dims.embedding_parameters
    return 6.0 * weights + 6.0 * dims.layers * setup.sequence * dims.query


def _collectives(setup: TrainingSetup) -> float:
    """Two gathers and a scatter for each unit that is sharded: a layer; and each half of an adapter, which peft's policy for FSDP wraps
    alone (``peft.utils.fsdp_auto_wrap_policy``) unless quantised weights bring a policy of their own."""
    if not setup.is_sharded:
        return 0.0
    alone = setup.sharding is Sharding.FSDP and setup.method is Method.LORA and setup.stack is Stack.HF
    units = setup.dims.layers * (1 + (2 * len(setup.lora_targets) if alone else 0)) + 1
    return 3.0 * units
