"""Whether a training fits the GPUs: a closed form of the peak on one GPU, in GiB (2^30 bytes).

States: weights, gradients and AdamW's two moments; 8 bytes a parameter where all are BF16, 16 where FP32 copies are kept
(Rajbhandari et al. 2020, ZeRO). LoRA: 2 bytes for each frozen parameter and 16 for each trained one. With more than one GPU
they are sharded (FSDP), and the embedding, the head and two blocks stand unsharded for a moment. Activations with gradient
checkpointing: each block's input, and one block in full. Logits: up to 12 bytes for each token and entry of the vocabulary.
Coefficients of the activations are those of PyTorch's flash and memory-efficient attention.
"""

from __future__ import annotations

from reconciler.domain.base import Value
from reconciler.domain.catalog import Accelerator, Architecture, FoundationModel, InstanceType
from reconciler.domain.desired import DesiredModel, Hyperparameters
from reconciler.domain.plan import Fit, Verdict
from reconciler.estimators.parameters import lora_parameters, lora_targets, sequence_limit, uses_lora

USABLE_SHARE = 0.985
"""Of what EC2 reports: an A10G of 22.35 GiB leaves some 22.0."""

COMFORTABLE_SHARE = 0.97
_GIB = 2**30
_CONTEXT_GIB = 0.75
_COLLECTIVES_GIB = 0.6
_PLAIN_DECODERS = ("LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
_DEFAULT_BATCH = 4


class MemoryNeed(Value):
    """GiB on one GPU."""

    weights: float
    gradients: float
    optimizer: float
    unsharded: float
    activations: float
    logits: float
    overhead: float

    @property
    def total(self) -> float:
        states = self.weights + self.gradients + self.optimizer + self.unsharded
        return states + self.activations + self.logits + self.overhead

    @property
    def at_best(self) -> float:
        """Where gradients take the place of activations as the backward pass frees them, so that both never stand in full."""
        passing = max(self.gradients, self.activations + self.logits)
        return self.weights + self.optimizer + self.unsharded + passing + self.overhead


def fit(model: DesiredModel, base: FoundationModel, instance: InstanceType, instance_count: int = 1) -> Fit:
    """The verdict on a training.

    ============= ==================================================================
    fits          even the high estimate leaves 3 % free
    tight         the low estimate fits, the high one does not, or barely
    does not fit  not even the low estimate fits
    unknown       nothing can be told; the assumptions say why
    ============= ==================================================================

    ``needed_gib`` is the estimate that decides: the high one where it fits, else the low one.
    """
    why = _unknown(base, instance)
    if why:
        return Fit(verdict=Verdict.UNKNOWN, assumptions=(f"memory: {why}",))
    assert base.architecture is not None
    assert instance.accelerator is not None
    gpus = instance.accelerators * instance_count
    low, high = needs(model, base.architecture, gpus)
    available = instance.accelerator.usable_mib / 1024 * USABLE_SHARE
    verdict = _verdict(low.at_best, high.total, available)
    return Fit(
        verdict=verdict,
        needed_gib=round(high.total if verdict is Verdict.FITS else low.at_best, 2),
        available_gib=round(available, 2),
        assumptions=(_assumption(model, instance.accelerator, gpus, low.at_best, high.total),),
    )


def needs(model: DesiredModel, architecture: Architecture, gpus: int) -> tuple[MemoryNeed, MemoryNeed]:
    """The low and the high estimate. They differ in the optimizer's precision, the length of records and the loss's buffers."""
    chosen = model.resolved.hyperparameters
    longest = sequence_limit(chosen)
    mean = max(1, min(longest, _mean_tokens(model)))
    return (
        _need(architecture, chosen, gpus, sequence=mean, state_bytes=8, logit_tokens=256),
        _need(architecture, chosen, gpus, sequence=longest, state_bytes=16, logit_tokens=None),
    )


def _need(
    a: Architecture, chosen: Hyperparameters, gpus: int, *, sequence: int, state_bytes: int, logit_tokens: int | None
) -> MemoryNeed:
    """``state_bytes`` for each parameter of a full fine-tuning; ``logit_tokens``: at a time, ``None`` for all at once."""
    tokens = (chosen.batch_size or _DEFAULT_BATCH) * sequence
    parameters = a.parameters or 0
    trained = lora_parameters(a, chosen) if uses_lora(chosen) else parameters
    each = (4.0, 4.0, 8.0) if uses_lora(chosen) else (state_bytes * 0.25, state_bytes * 0.25, state_bytes * 0.5)
    frozen = 2 * parameters if uses_lora(chosen) else 0
    activations = tokens * (_checkpoints(a, chosen, gpus) + _block(a, chosen))
    logits = min(tokens, logit_tokens or tokens) * a.vocab_size * 12
    return MemoryNeed(
        weights=(frozen + trained * each[0]) / gpus / _GIB,
        gradients=trained * each[1] / gpus / _GIB,
        optimizer=trained * each[2] / gpus / _GIB,
        unsharded=_unsharded(a) / _GIB if gpus > 1 else 0.0,
        activations=activations / _GIB,
        logits=logits / _GIB,
        overhead=_overhead((activations + logits) / _GIB, gpus),
    )


def _checkpoints(a: Architecture, chosen: Hyperparameters, gpus: int) -> float:
    """Bytes a token: each block's input in BF16. FSDP keeps them twice where weights are frozen."""
    copies = 2 if uses_lora(chosen) and gpus > 1 else 1
    return a.num_hidden_layers * a.hidden_size * 2.0 * copies


def _block(a: Architecture, chosen: Hyperparameters) -> float:
    """Bytes a token of one block in backward. Adapters on the feed-forward layers keep those layers' inputs as well."""
    hidden, ffn = a.hidden_size, a.intermediate_size
    attention = 4.0 * (a.num_attention_heads + a.num_key_value_heads) * a.head_dim
    if not uses_lora(chosen):
        return attention + 21.4 * hidden + 11.6 * ffn
    wide = any(target in ("gate_proj", "up_proj", "down_proj") for target in lora_targets(chosen))
    return attention + (30 * hidden + 14 * ffn if wide else 18 * hidden + 12 * ffn)


def _unsharded(a: Architecture) -> float:
    """Bytes: embedding, head and two blocks in BF16."""
    ends = a.vocab_size * a.hidden_size * (1 if a.tie_word_embeddings else 2)
    block = ((a.parameters or 0) - ends) / a.num_hidden_layers
    return 2 * (ends + 2 * block)


def _overhead(dynamic_gib: float, gpus: int) -> float:
    """CUDA's context, collectives, and what the allocator cannot use of what comes and goes."""
    if gpus == 1:
        return _CONTEXT_GIB + 0.03 * dynamic_gib
    return _CONTEXT_GIB + _COLLECTIVES_GIB + 0.10 * dynamic_gib


def _verdict(low: float, high: float, available: float) -> Verdict:
    if high <= COMFORTABLE_SHARE * available:
        return Verdict.FITS
    return Verdict.TIGHT if low <= available else Verdict.DOES_NOT_FIT


def _unknown(base: FoundationModel, instance: InstanceType) -> str:
    architecture, accelerator = base.architecture, instance.accelerator
    if architecture is None or architecture.parameters is None:
        return f"the dimensions of {base.key} are not known"
    if architecture.architecture not in _PLAIN_DECODERS:
        return f"{architecture.architecture} is not a plain decoder, which this estimate is for"
    return "" if accelerator and accelerator.vendor == "NVIDIA" else f"{instance.name} has no CUDA GPU"


def _mean_tokens(model: DesiredModel) -> int:
    facts = model.data.training
    tokens = facts.tokens if facts.tokens is not None else facts.characters // 4
    return tokens // max(1, facts.records)


def _assumption(model: DesiredModel, accelerator: Accelerator, gpus: int, low: float, high: float) -> str:
    chosen = model.resolved.hyperparameters
    method = "LoRA" if uses_lora(chosen) else "full fine-tuning"
    batch = chosen.batch_size or _DEFAULT_BATCH
    precision = "FP16" if accelerator.bf16 is False else "BF16"
    sharded = f", sharded over {gpus} GPUs" if gpus > 1 else ""
    return (
        f"memory: {method} in {precision} with AdamW and gradient checkpointing{sharded}, {batch} records of up to "
        f"{sequence_limit(chosen):,} tokens at a time: {low:.1f} to {high:.1f} GiB on each GPU"
    )
