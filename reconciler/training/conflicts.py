"""What cannot be trained as it was asked for, told before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.training.arguments import FIXED, OWN, Machine, keeps_best
from reconciler.training.bounds import lacking, misshapen, needing_names, out_of_bounds
from reconciler.training.failure import refuse
from reconciler.training.hyperparameters import Hyperparameters


def check(asked: Hyperparameters, machine: Machine, *, validated: bool, weights: bool) -> None:
    """``validated``: there is validation data; ``weights``: the channel ``model`` is there. Raises BadInput with all of them."""
    refuse(
        [
            *_base(asked, weights=weights),
            *_named_twice(asked),
            *_values(asked),
            *_precision(asked, machine),
            *_attention(asked, machine),
            *_evaluation(asked, validated=validated),
            *_adapters(asked, machine),
        ]
    )


def _base(asked: Hyperparameters, *, weights: bool) -> Iterator[str]:
    if asked.model_id is None and not weights:
        yield "there is no base model: neither a hyperparameter model_id nor a channel `model`"


def _named_twice(asked: Hyperparameters) -> Iterator[str]:
    for name in asked.sft:
        if name in OWN:
            yield f"sft_config.{name} is set by the hyperparameter {OWN[name]}"
        elif name in FIXED:
            yield f"sft_config.{name} cannot be set: {FIXED[name]}"


def _values(asked: Hyperparameters) -> Iterator[str]:
    for part, values in (("sft_config", asked.sft), ("lora_config", asked.lora if asked.use_lora else {})):
        for name, expected in (*out_of_bounds(part, values), *misshapen(part, values)):
            yield f"{part}.{name} is {values[name]!r}; expected {expected}"
        for name, other in lacking(part, values):
            yield f"{part}.{name} has no effect without {part}.{other}"
        for name in needing_names(part, values):
            yield f"{part}.{name} needs {part}.target_modules to be a list of names, not {values['target_modules']}"


def _precision(asked: Hyperparameters, machine: Machine) -> Iterator[str]:
    bf16, fp16 = (asked.sft.get(name) is True for name in ("bf16", "fp16"))
    if bf16 and fp16:
        yield "sft_config has both bf16 and fp16: keep one of them"
    if fp16 and not machine.cuda:
        yield "sft_config.fp16 needs a GPU; on a CPU use bf16 or neither"
    if bf16 and machine.cuda and not machine.bf16:
        yield "sft_config.bf16: this GPU does not compute in bf16; use fp16, or an instance with a newer GPU (Ampere or later)"


def _attention(asked: Hyperparameters, machine: Machine) -> Iterator[str]:
    if not asked.wants_flash_attention:
        return
    if asked.sft.get("fp16") is True or asked.sft.get("bf16") is False:
        yield f"{asked.attention} computes in bf16: remove fp16 and bf16 from sft_config"
    if not machine.cuda:
        yield f"model_init_config.attn_implementation {asked.attention} needs a GPU; use sdpa"
    elif not machine.bf16:
        yield f"model_init_config.attn_implementation {asked.attention} needs a GPU with bf16; use sdpa"
    elif asked.attention == "flash_attention_2" and not machine.flash_attention:
        yield "model_init_config.attn_implementation flash_attention_2: the package flash-attn is not in this container; use sdpa"


def _evaluation(asked: Hyperparameters, *, validated: bool) -> Iterator[str]:
    rhythm = asked.sft.get("eval_strategy", "epoch" if validated else "no")
    stops = asked.early_stopping_patience is not None
    if rhythm != "no" and not validated:
        yield f"sft_config.eval_strategy {rhythm} needs validation data"
    if asked.sft.get("eval_on_start") is True and not validated:
        yield "sft_config.eval_on_start needs validation data"
    if not stops and asked.early_stopping_threshold is not None:
        yield "early_stopping_threshold has no effect without early_stopping_patience"
    if not keeps_best(asked):
        return
    what = "early stopping" if stops else "sft_config.load_best_model_at_end"
    if not validated:
        yield f"{what} needs validation data"
    elif rhythm == "no":
        yield f"{what} needs evaluation: sft_config.eval_strategy is no"
    saving = asked.sft.get("save_strategy", rhythm)
    if saving != rhythm:
        yield f"{what} keeps the best checkpoint: sft_config.save_strategy {saving} must be as eval_strategy, {rhythm}"


def _adapters(asked: Hyperparameters, machine: Machine) -> Iterator[str]:
    if not asked.load_in_4bit:
        return
    if not asked.use_lora:
        yield "load_in_4bit trains adapters over quantised weights: add use_lora"
    if not machine.cuda:
        yield "load_in_4bit needs a GPU"
    elif not machine.bitsandbytes:
        yield "load_in_4bit needs the package bitsandbytes, which is not in this container"
