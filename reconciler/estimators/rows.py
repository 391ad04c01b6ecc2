"""The setup behind one row of a table of measured runs (CSV), from its columns alone: models outside the catalog work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

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

Row = Mapping[str, str]
_T = TypeVar("_T")


class UnusableRow(ValueError):
    """The row cannot be predicted; the text says why, all problems at once."""


_ATTENTION = {
    "eager": Attention.EAGER,
    "math": Attention.EAGER,
    "flash": Attention.FLASH,
    "flex": Attention.FLASH,
    "xformers": Attention.FLASH,
    "cudnn": Attention.FLASH,
    "sdpa": Attention.SDPA,
}
"""By the word that the cell holds; Transformers takes SDPA where none is named."""

_SHARDING = {
    "grad_op": Sharding.FSDP_GRAD_OP,
    "fsdp2": Sharding.FSDP2,
    "fsdp": Sharding.FSDP,
    "zero1": Sharding.ZERO1,
    "zero2": Sharding.ZERO2,
    "zero3": Sharding.ZERO3,
    "ddp": Sharding.DDP,
    "none": Sharding.NONE,
}
"""By the first of these words that the cell holds: ``deepspeed_zero3``, ``fsdp_full_shard``."""

_LOSS = {
    "": Loss.FULL_SHIFTED,
    "full": Loss.FULL_SHIFTED,
    "fused_ce": Loss.FUSED,
    "fused": Loss.FUSED,
    "fused_linear": Loss.FUSED_LINEAR,
    "liger": Loss.FUSED_LINEAR,
    "chunked": Loss.CHUNKED,
    "chunked128": Loss.CHUNKED_128,
    "chunked_compiled": Loss.COMPILED_CHUNKED,
    "torchtune_chunked": Loss.COMPILED_CHUNKED,
    "compiled": Loss.COMPILED,
}


def setup_of(row: Row) -> TrainingSetup:
    """Raises :exc:`UnusableRow`."""
    read = _Reader(row)
    setup = _setup(read)
    if read.problems:
        raise UnusableRow("; ".join(read.problems))
    return setup


def _setup(read: _Reader) -> TrainingSetup:
    method = read.one_of("method", {item.value: item for item in Method}, Method.FULL)
    stack = _stack(read.text("stack"))
    gpus = read.whole("gpus", default=1)
    varying = read.flag("varlen")
    weights = read.one_of("weight_dtype", {item.value: item for item in Dtype}, Dtype.BF16)
    return TrainingSetup(
        dims=_untied(_dimensions(read)) if stack is Stack.LITGPT else _dimensions(read),
        method=method,
        weights=weights,
        compute=read.one_of("compute_dtype", {"": Dtype.BF16, **{item.value: item for item in Dtype}}, Dtype.BF16),
        autocast=read.text("amp").lower() in ("true", "1") and not _is_qwen_qlora(read),
        lora_rank=read.whole("lora_r") if method is not Method.FULL else 8,
        lora_targets=_targets(read) if method is not Method.FULL else (),
        lora_dropout=0.05 if stack is Stack.LITGPT else _dropout(read.text("notes")),
        adapters=_adapters(read, stack),
        whole_modules=("embed_tokens", "lm_head") if "(modules_to_save)" in read.text("notes") else (),
        fp32_norms=_has_fp32_norms(read),
        fp32_ends=_is_qwen_qlora(read),
        optimizer=_optimizer(read),
        paged="paged" in read.text("optimizer").lower(),
        micro_batch=read.whole("micro_batch"),
        sequence=read.whole("seq_len"),
        gradient_accumulation=read.whole("grad_accum", default=1),
        gradient_checkpointing=read.flag("grad_ckpt"),
        attention=read.word_of("attn", _ATTENTION, Attention.SDPA),
        variable_length=varying,
        packed=not varying,
        loss=_loss(read),
        gpus=gpus,
        nodes=max(1, -(-gpus // 8)),
        sharding=read.word_of("sharding", _SHARDING, Sharding.NONE),
        stack=stack,
        fused_norms="foak" in read.text("notes"),
        keeps_quantised_inputs=stack is Stack.LITGPT,
        compiled="compiled" in _loss_name(read),
    )


def _dimensions(read: _Reader) -> Dimensions:
    hidden, heads = read.whole("hidden_size"), read.whole("num_attention_heads")
    return Dimensions(
        hidden=hidden,
        layers=read.whole("num_hidden_layers"),
        heads=heads,
        kv_heads=read.whole("num_key_value_heads", default=heads),
        head_dim=read.whole("head_dim", default=hidden // heads),
        ffn=read.whole("intermediate_size"),
        vocab=read.whole("vocab_size"),
        tied=read.flag("tie_word_embeddings"),
        gated=read.flag("gated_mlp", default=True),
        experts=read.whole("num_experts", default=1),
        experts_per_token=read.whole("experts_per_token", default=1),
        stated_parameters=read.whole("parameters") if read.text("parameters") else None,
    )


def _has_fp32_norms(read: _Reader) -> bool:
    """peft's ``prepare_model_for_kbit_training``, which recipes for bitsandbytes on one GPU call; notes of those that were run both
    ways tell."""
    if read.whole("gpus", default=1) > 1 or read.text("stack") != Stack.HF:
        return False
    if "framework_config=" in read.text("notes"):
        return "prepare_model_for_kbit_training upcasts" in read.text("notes")
    return read.text("weight_dtype") in (Dtype.NF4, Dtype.NF4_DOUBLE, Dtype.INT8)


def _is_qwen_qlora(read: _Reader) -> bool:
    """Qwen's script trains quantised weights with DeepSpeed in FP16, without autocast."""
    return "Qwen finetune.py" in read.text("framework") and read.text("method") == Method.QLORA


def _untied(dims: Dimensions) -> Dimensions:
    """litgpt holds a head of its own for every model."""
    if not dims.tied:
        return dims
    stated = dims.stated_parameters
    return replace(dims, tied=False, stated_parameters=stated and stated + dims.embedding_parameters)


def _targets(read: _Reader) -> tuple[str, ...]:
    return tuple(part.strip() for part in read.text("lora_targets").replace(",", "+").split("+") if part.strip())


def _adapters(read: _Reader, stack: Stack) -> Dtype:
    """peft's are FP32 under Trainer; fsdp_qlora and stacks with adapters of their own hold every parameter in the compute type."""
    return Dtype.FP32 if stack is Stack.HF and "fsdp_qlora" not in read.text("framework") else Dtype.BF16


def _stack(text: str) -> Stack:
    known = {item.value: item for item in Stack}
    return known.get(text, Stack.HF if not text else Stack.OTHER)


def _loss(read: _Reader) -> Loss:
    """Runs before 2025 had the loss that shifts the logits; so it is taken where no newer Transformers is named."""
    name = _loss_name(read)
    if name in ("", "full") and read.flag("tie_word_embeddings") and not read.flag("gated_mlp", default=True):
        return Loss.HALF
    if name in ("", "full") and _is_qwen_qlora(read):
        return Loss.HALF
    if name in ("", "full") and "granite" in read.text("source_address"):
        return Loss.FULL
    if name in ("", "full") and re.search(r"transformers[ =]+(5|4\.(49|5))", read.text("notes")):
        return Loss.FULL
    if name not in _LOSS:
        read.problems.append(f"loss_impl {name!r} is not known")
    return _LOSS.get(name, Loss.FULL)


def _loss_name(read: _Reader) -> str:
    """As the column has it, or the notes (``loss=…``, ``compile``)."""
    named = read.text("loss_impl").lower()
    told = re.search(r"\bloss=(\w+)", read.text("notes"))
    compiled = re.search(r"(?<!no )(?<!without )\bcompiled?\b(?!=False)", read.text("notes"), re.IGNORECASE)
    return named or (told[1] if told else "compiled" if compiled else "")


def _dropout(notes: str) -> float:
    """Of adapters, as the notes have it: ``dropout .05``."""
    told = re.search(r"dropout (\d*\.\d+)", notes)
    return float(told[1]) if told else 0.0


def _optimizer(read: _Reader) -> Optimizer:
    """``torch.optim.AdamW`` is the ``foreach`` one on CUDA where nothing else is said; DeepSpeed brings a fused one."""
    text = read.text("optimizer").lower()
    match text:
        case _ if "4bit" in text:
            return Optimizer.ADAMW_4BIT
        case _ if "8bit" in text:
            return Optimizer.ADAMW_8BIT
        case _ if "in_bwd" in text or "in_backward" in text:
            return Optimizer.ADAMW_IN_BACKWARD
        case _ if "adafactor" in text:
            return Optimizer.ADAFACTOR
        case _ if "sgd" in text:
            return Optimizer.SGD_MOMENTUM if "momentum" in text else Optimizer.SGD
        case _ if "fused" in text or "deepspeed" in read.text("sharding"):
            return Optimizer.ADAMW_FUSED
        case _ if "lion" in text:
            return Optimizer.LION
        case _:
            return Optimizer.ADAMW_FOREACH


@dataclass(slots=True)
class _Reader:
    """Reads cells and gathers what is wrong with them."""

    row: Row
    problems: list[str] = field(default_factory=list)

    def text(self, column: str) -> str:
        return (self.row.get(column) or "").strip()

    def whole(self, column: str, default: int | None = None) -> int:
        """1, and a problem, where there is neither a number nor a default."""
        text = self.text(column)
        if not text and default is not None:
            return default
        try:
            number = int(float(text))
        except ValueError:
            number = 0
        if number < 1:
            self.problems.append(f"{column} is {text!r}, not a number" if text else f"{column} is not given")
            return 1
        return number

    def flag(self, column: str, *, default: bool = False) -> bool:
        text = self.text(column).lower()
        return text in ("1", "true", "yes") if text else default

    def one_of(self, column: str, names: Mapping[str, _T], otherwise: _T) -> _T:
        text = self.text(column).lower()
        if text in names:
            return names[text]
        self.problems.append(f"{column} {text!r} is not known" if text else f"{column} is not given")
        return otherwise

    def word_of(self, column: str, words: Mapping[str, _T], otherwise: _T) -> _T:
        """By the first of the words that the cell holds; ``otherwise`` where it is empty."""
        text = self.text(column).lower()
        found = next((value for word, value in words.items() if word in text), None)
        if found is None and text:
            self.problems.append(f"{column} {text!r} is not known")
        return otherwise if found is None else found
