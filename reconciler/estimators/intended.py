"""The setup that the training program makes of a manifest: its own defaults, and what ``optional`` changes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.domain.catalog import Accelerator, Architecture, InstanceType
from reconciler.domain.desired import DesiredModel, Hyperparameters
from reconciler.estimators.libraries import PINNED, Libraries
from reconciler.estimators.parameters import lora_rank, lora_targets, sequence_limit, uses_lora
from reconciler.estimators.setup import Attention, Dimensions, Dtype, Method, Optimizer, Sharding, TrainingSetup

DEFAULT_BATCH = 4
COPY_SHARE = 0.6
WHOLE_MODULES = ("embed_tokens", "lm_head")
"""As Llama and Qwen name embedding and head."""

_OPTIMIZERS = {
    "adamw_torch": Optimizer.ADAMW_FOREACH,
    "adamw_torch_fused": Optimizer.ADAMW_FUSED,
    "adamw_8bit": Optimizer.ADAMW_8BIT,
    "adamw_bnb_8bit": Optimizer.ADAMW_8BIT,
    "paged_adamw_8bit": Optimizer.ADAMW_8BIT,
    "paged_adamw_32bit": Optimizer.ADAMW_FUSED,
    "adamw_torch_8bit": Optimizer.ADAMW_8BIT,
    "adamw_torch_4bit": Optimizer.ADAMW_4BIT,
    "adafactor": Optimizer.ADAFACTOR,
    "lion_32bit": Optimizer.LION,
    "sgd": Optimizer.SGD,
}
"""Trainer's names (``OptimizerNames``)."""


def dimensions(architecture: Architecture) -> Dimensions:
    """The catalog's architecture as the estimators take it."""
    return Dimensions(
        hidden=architecture.hidden_size,
        layers=architecture.num_hidden_layers,
        heads=architecture.num_attention_heads,
        kv_heads=architecture.num_key_value_heads,
        head_dim=architecture.head_dim,
        ffn=architecture.intermediate_size,
        vocab=architecture.vocab_size,
        tied=architecture.tie_word_embeddings is True,
        qkv_bias=architecture.attention_qkv_bias is True,
        qk_norm=architecture.qk_norm is True,
        experts=architecture.num_experts,
        experts_per_token=architecture.num_experts_per_tok,
        stated_parameters=architecture.parameters,
    )


def intended(
    model: DesiredModel,
    architecture: Architecture,
    instance: InstanceType,
    instance_count: int = 1,
    *,
    libraries: Libraries = PINNED,
) -> TrainingSetup:
    """``sequence`` is the longest that is kept. Raises ValueError where the instance has no accelerator."""
    if instance.accelerator is None:
        raise ValueError(f"{instance.name} has no accelerator")
    chosen = model.resolved.hyperparameters
    config = _mapping(chosen, "sft_config")
    method, gpus = method_of(chosen), instance.accelerators * instance_count
    compute = _compute(config, instance.accelerator)
    weights = _weights(chosen, architecture, method, compute)
    dims = dimensions(architecture)
    return TrainingSetup(
        dims=dims,
        method=method,
        weights=weights,
        compute=compute,
        lora_rank=lora_rank(chosen),
        lora_targets=lora_targets(chosen) if method is not Method.FULL else (),
        lora_dropout=float(_mapping(chosen, "lora_config").get("lora_dropout", 0) or 0),
        whole_modules=_whole_modules(chosen) if method is not Method.FULL else (),
        adapters=Dtype.BF16 if method is Method.QLORA else Dtype.FP32,
        optimizer=_OPTIMIZERS.get(str(config.get("optim")), libraries.optimizer),
        paged=str(config.get("optim")).startswith("paged_"),
        micro_batch=chosen.batch_size or DEFAULT_BATCH,
        sequence=sequence_limit(chosen),
        gradient_accumulation=_whole(config.get("gradient_accumulation_steps"), 1),
        gradient_checkpointing=config.get("gradient_checkpointing") is not False,
        attention=_attention(chosen),
        padded=config.get("packing") is not True and _attention(chosen) is not Attention.FLASH,
        variable_length=config.get("packing") is not True,
        packed=config.get("packing") is True,
        loss=libraries.loss(config),
        fused_norms=config.get("use_liger_kernel") is True,
        gpus=gpus,
        nodes=instance_count,
        sharding=_sharding(dims, method, weights, instance.accelerator, gpus),
    )


def method_of(chosen: Hyperparameters) -> Method:
    if not uses_lora(chosen):
        return Method.FULL
    quantised = chosen.optional.get("load_in_4bit") is True or _mapping(chosen, "model_init_config").get("load_in_4bit")
    return Method.QLORA if quantised is True else Method.LORA


def _whole_modules(chosen: Hyperparameters) -> tuple[str, ...]:
    named = _mapping(chosen, "lora_config").get("modules_to_save")
    return tuple(str(name) for name in named if name in WHOLE_MODULES) if isinstance(named, list) else ()


def _compute(config: Mapping[str, Any], accelerator: Accelerator) -> Dtype:
    """BF16 where the accelerator has it and nothing else is asked for."""
    if config.get("fp16") is True or accelerator.bf16 is False:
        return Dtype.FP16
    return Dtype.BF16


def _weights(chosen: Hyperparameters, architecture: Architecture, method: Method, compute: Dtype) -> Dtype:
    """As the training program holds the base weights. Any 16 bits take the memory of BF16.

    ==================================== =====================================================
    QLoRA                                NF4
    ``model_init_config.dtype``          that
    flash attention                      BF16
    all are trained in FP16              FP32: gradients of FP16 weights cannot be scaled
    everything else                      as the checkpoint has them
    ==================================== =====================================================
    """
    init = _mapping(chosen, "model_init_config")
    named = init.get("dtype", init.get("torch_dtype"))
    if method is Method.QLORA:
        return Dtype.NF4_DOUBLE
    if named in ("float32", "bfloat16", "float16"):
        return Dtype.FP32 if named == "float32" else Dtype.BF16
    if _attention(chosen) is Attention.FLASH:
        return Dtype.BF16
    whole = (method is Method.FULL and compute is Dtype.FP16) or architecture.dtype == "float32"
    return Dtype.FP32 if whole else Dtype.BF16


def _sharding(dims: Dimensions, method: Method, weights: Dtype, accelerator: Accelerator, gpus: int) -> Sharding:
    """DDP where a copy of weights, gradients and optimizer takes no more than 60 % of a GPU, else FSDP: as the training program does."""
    if gpus == 1:
        return Sharding.NONE
    each = {Dtype.FP32: 4.0, Dtype.NF4_DOUBLE: 0.55}.get(weights, 2.0)
    copy = dims.parameters * each * (4 if method is Method.FULL else 1)
    return Sharding.DDP if copy <= COPY_SHARE * accelerator.usable_mib * 2**20 else Sharding.FSDP2


def _attention(chosen: Hyperparameters) -> Attention:
    """Transformers takes SDPA where the manifest names nothing."""
    named = str(_mapping(chosen, "model_init_config").get("attn_implementation", ""))
    if named.startswith("flash_attention"):
        return Attention.FLASH
    return Attention.EAGER if named == "eager" else Attention.SDPA


def _mapping(chosen: Hyperparameters, key: str) -> Mapping[str, Any]:
    config = chosen.optional.get(key)
    return config if isinstance(config, Mapping) else {}


def _whole(value: Any, default: int) -> int:
    return value if isinstance(value, int) and value > 0 else default
