"""LoRA: peft's configuration out of ``lora_config``. Imports torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.training.arguments import check_arguments
from reconciler.training.bounds import beyond_model
from reconciler.training.failure import BadInput, refuse
from reconciler.training.hyperparameters import Hyperparameters


def lora_config(asked: Hyperparameters, model: Any) -> Any:
    """Raises BadInput for what peft does not know, or what this model does not have."""
    from peft import LoraConfig

    known = {field.name for field in dataclasses.fields(LoraConfig)}
    check_arguments(asked.lora.keys(), known, of="lora_config", library="peft")
    try:
        config = LoraConfig(task_type="CAUSAL_LM", **{**_default_targets(model), **asked.lora})
    except (TypeError, ValueError) as wrong:
        raise BadInput(f"lora_config: {wrong}") from wrong
    refuse([*_missing_targets(config.target_modules, model), *_missing_names(config, model), *_beyond(asked, model)])
    return config


def check_saved(model: Any, asked: Hyperparameters, *, sharded: bool) -> None:
    """Raises BadInput where this version of peft would leave out of the adapters' file some of what is trained.

    Seen in peft 0.19, with ``bias: lora_only``.
    """
    from peft import get_peft_model_state_dict

    kept_apart = not asked.merge_adapters or asked.load_in_4bit or sharded
    if not kept_apart or asked.lora.get("bias", "none") == "none":
        return
    saved = get_peft_model_state_dict(model, save_embedding_layers=False)
    biases = [
        name for name, parameter in model.named_parameters() if parameter.requires_grad and name.endswith(".bias")
    ]
    if biases and not any(name.endswith(".bias") for name in saved):
        raise BadInput(
            f"lora_config.bias {asked.lora['bias']}: the version of peft in this container trains the biases, but does not save them with "
            "adapters that are kept apart; use merge_adapters, or bias all"
        )


def check_head(model: Any) -> None:
    """Raises BadInput where this version of TRL cannot compute the loss: newer ones take weights and bias out of the head.

    Seen in TRL 1.16, with tokens that are trained where the head is the embedding: peft wraps both.
    """
    from trl.trainer import utils

    if hasattr(utils, "add_fused_lm_head") and not hasattr(model.get_output_embeddings(), "bias"):
        raise BadInput(
            "lora_config.trainable_token_indices: the head of this model is its embedding, and the version of TRL here cannot train single "
            "tokens of it; remove it, or train the embedding whole: modules_to_save [embed_tokens]"
        )


def _default_targets(model: Any) -> dict[str, Any]:
    """peft's own choice, where it has one for the architecture; else every linear layer but the head."""
    from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN

    return {"target_modules": KNOWN.get(model.config.model_type, "all-linear")}


def _missing_targets(targets: Any, model: Any) -> Iterator[str]:
    """A name that matches nothing is a slip, even where others match."""
    if not isinstance(targets, set | list | tuple):
        return
    missing = _unmatched(targets, (name for name, _ in model.named_modules()))
    if missing:
        linear = sorted(
            {name.rpartition(".")[2] for name, module in model.named_modules() if hasattr(module, "in_features")}
        )
        yield f"lora_config.target_modules: the model has no {', '.join(missing)}; its linear layers are {', '.join(linear)}"


def _missing_names(config: Any, model: Any) -> Iterator[str]:
    """peft passes over them. Modules to save it takes by how their names end, dot or no dot."""
    there = [name for name, _ in model.named_modules()]
    modules = sorted(each for each in config.modules_to_save or () if not any(name.endswith(each) for name in there))
    if modules:
        yield f"lora_config.modules_to_save: the model has no {', '.join(modules)}"
    parameters = _unmatched(
        getattr(config, "target_parameters", None) or (), (name for name, _ in model.named_parameters())
    )
    if parameters:
        yield f"lora_config.target_parameters: the model has no {', '.join(parameters)}"


def _unmatched(asked: Iterable[str], names: Iterable[str]) -> list[str]:
    """Those that are no name and no end of one."""
    ends = {".".join(parts[at:]) for parts in (name.split(".") for name in names) for at in range(len(parts))}
    return sorted({*asked} - ends)


def _beyond(asked: Hyperparameters, model: Any) -> Iterator[str]:
    layers = model.config.get_text_config().num_hidden_layers
    tokens = model.get_input_embeddings().weight.shape[0]
    for name, missing, of, there in beyond_model(asked.lora, layers=layers, tokens=tokens):
        told = ", ".join(map(str, missing))
        yield f"lora_config.{name}: the model has no {of.removesuffix('s')} {told}; its {there} {of} are counted from 0"
