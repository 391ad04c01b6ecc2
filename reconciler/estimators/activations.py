"""Bytes of activations for each token of one layer, by what PyTorch's autograd saves for the backward pass.

Saved by a layer of Llama's kind with BF16 weights, all of it trained (h hidden, f feed-forward, q query and k key width):
two norms keep their input in FP32 and what they normalised (2 × (4h + 2h)), the linear layers their inputs (2 × 2h), attention
its query, key, value and output (4q + 4k), the feed-forward layer gate, up, activation and product (4 × 2f): 16h + 4q + 4k + 8f.
Of frozen weights, what only their gradients need is not saved. Korthikanti et al. 2022 (Reducing Activation Recomputation in Large
Transformer Models, section 4) count a layer of GPT's kind in the same way.
"""

from __future__ import annotations

from reconciler.estimators.setup import ATTENTION_INPUT_TARGETS, Attention, Dtype, Stack, TrainingSetup
from reconciler.estimators.states import compute_bytes


def stream_bytes(setup: TrainingSetup) -> int:
    """Of one element of what runs between the layers: FP32 where weights or norms are."""
    if setup.weights is Dtype.FP32:
        return compute_bytes(setup) if setup.is_sharded else 4
    return 4 if setup.fp32_norms else 2


def checkpoint(setup: TrainingSetup) -> float:
    """A layer's input, which is all that gradient checkpointing keeps of it."""
    return setup.dims.hidden * float(stream_bytes(setup))


def saved(setup: TrainingSetup) -> float:
    """What one layer keeps for its backward pass."""
    return (
        _norms(setup)
        + _inputs(setup)
        + _attention(setup)
        + _feed_forward(setup)
        + _scores(setup)
        + _quantised_inputs(setup)
    )


def passing(setup: TrainingSetup) -> float:
    """What stands besides :func:`saved` while the layer's backward pass runs: the gradients in the feed-forward layer, or those of the
    attention scores, when the feed-forward layer's own is freed."""
    residual = 2.0 * stream_bytes(setup) * setup.dims.hidden
    return residual + max(_feed_forward_gradients(setup), _score_gradients(setup) - _freed(setup))


def forward_passing(setup: TrainingSetup) -> float:
    """What stands while a layer runs forward and saves nothing: eager attention's scores before and after softmax."""
    if setup.attention is not Attention.EAGER:
        return 0.0
    return (8.0 if compute_bytes(setup) == 2 else 12.0) * setup.dims.heads * setup.sequence


def mask(setup: TrainingSetup) -> float:
    """Causal and padding mask, one for all layers: eager attention adds it, the other kernels take one byte for each pair of tokens."""
    if setup.attention is Attention.EAGER:
        return float(compute_bytes(setup) * setup.sequence)
    return float(setup.sequence) if _takes_mask(setup) else 0.0


def _feed_forward_gradients(setup: TrainingSetup) -> float:
    """Of product, activation and up projection, for one expert at a time. The product's copy that an adapter read is freed by then,
    unless its gradient comes in FP32 first."""
    dims = setup.dims
    share = dims.experts_per_token / dims.experts
    freed = "down_proj" in setup.lora_targets and not _adapters_cast(setup)
    return ((3 if dims.gated else 2) - freed) * compute_bytes(setup) * dims.ffn * share


def _score_gradients(setup: TrainingSetup) -> float:
    if setup.attention is Attention.EAGER:
        return (4.0 if compute_bytes(setup) == 2 else 8.0) * setup.dims.heads * setup.sequence
    return float(setup.sequence) if _takes_mask(setup) else 0.0


def _freed(setup: TrainingSetup) -> float:
    """Of :func:`saved`, what the feed-forward layer and its norm held."""
    return _feed_forward(setup) + _norms(setup) / 2


def _norms(setup: TrainingSetup) -> float:
    """Two norms: the input in FP32, and what was normalised where the norm's weight is trained; Qwen3 norms query and key as well."""
    dims = setup.dims
    if setup.fused_norms or setup.compiled:
        return stream_bytes(setup) * float(dims.hidden)
    if not dims.gated:
        return 2.0 * stream_bytes(setup) * dims.hidden
    normalised = 0 if setup.trains_adapters else stream_bytes(setup)
    return (4.0 + normalised) * (2 * dims.hidden + (dims.query + dims.key if dims.qk_norm else 0))


def _inputs(setup: TrainingSetup) -> float:
    """Inputs of linear layers that nothing else keeps: a copy for each layer where they are cast first, else shared."""
    if setup.trains_adapters:
        return _adapter_inputs(setup)
    dims, width = setup.dims, compute_bytes(setup)
    if stream_bytes(setup) > width:
        return width * dims.hidden * (3.0 + (2 if dims.gated else 1))
    return 2.0 * width * dims.hidden


def _adapter_inputs(setup: TrainingSetup) -> float:
    """peft casts the input to the adapter's dtype for each target by itself; autocast casts it back. Dropout keeps a byte as well."""
    dims, targets = setup.dims, setup.lora_targets
    inputs = [shape[0] for target in targets if (shape := dims.shape(target)) and target != "lm_head"]
    kept = len(inputs) * setup.lora_rank * compute_bytes(setup)
    if setup.lora_dropout > 0:
        kept += sum(inputs)
    if _adapters_cast(setup) or setup.lora_dropout > 0:
        width = 4 if setup.adapters is Dtype.FP32 and not setup.autocast else compute_bytes(setup)
        return kept + width * sum(inputs)
    shared = {"attention" if target in ATTENTION_INPUT_TARGETS else target for target in targets}
    shared_inputs = ("attention" in shared) + bool(shared & {"gate_proj", "up_proj"})
    return kept + compute_bytes(setup) * (shared_inputs * dims.hidden + ("down_proj" in shared) * dims.ffn)


def _adapters_cast(setup: TrainingSetup) -> bool:
    return setup.adapters is Dtype.FP32 and (setup.weights is not Dtype.FP32 or setup.autocast)


def _repeats_keys(setup: TrainingSetup) -> bool:
    by_stack = setup.stack in (Stack.LITGPT, Stack.TORCHTUNE)
    return by_stack or _takes_mask(setup) or setup.attention is Attention.EAGER


def _quantised_inputs(setup: TrainingSetup) -> float:
    """Both norms' outputs, attention's output as it is laid out for the next layer, and the feed-forward product."""
    dims = setup.dims
    return (
        2.0 * (2 * dims.hidden + dims.query + dims.ffn)
        if setup.keeps_quantised_inputs and setup.weights.is_quantised
        else 0.0
    )


def _attention(setup: TrainingSetup) -> float:
    """Query, key, value and output. Key and value are repeated for each query head where a mask is given.

    litgpt and torchtune repeat them always; where litgpt has nothing to repeat, its value is a view of query, key and value in one.
    """
    dims, width = setup.dims, compute_bytes(setup)
    if setup.stack is Stack.LITGPT and dims.heads == dims.kv_heads:
        return width * dims.query * 6.0
    key = dims.query if _repeats_keys(setup) else dims.key
    return 2.0 * width * (dims.query + key)


def _feed_forward(setup: TrainingSetup) -> float:
    """Gate, up, activation, and the product where the next layer's weights are trained."""
    dims, width = setup.dims, compute_bytes(setup)
    kept = (3 if dims.gated else 1) + (0 if setup.trains_adapters else 1) - (1 if setup.compiled and dims.gated else 0)
    routed = width * 2.0 * dims.hidden * dims.experts_per_token if dims.experts > 1 else 0.0
    return routed + width * kept * float(dims.ffn) * dims.experts_per_token


def _scores(setup: TrainingSetup) -> float:
    """Eager attention keeps scores of every head: softmax in FP32, its cast, and dropout's output."""
    if setup.attention is Attention.EAGER:
        return (6.0 if compute_bytes(setup) == 2 else 4.0) * setup.dims.heads * setup.sequence
    return float(compute_bytes(setup) * setup.sequence) if _takes_mask(setup) else 0.0


def _takes_mask(setup: TrainingSetup) -> bool:
    return setup.padded and setup.attention is Attention.SDPA
