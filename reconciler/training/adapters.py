"""LoRA: peft's configuration out of ``lora_config``. Imports torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from reconciler.training.arguments import check_arguments
from reconciler.training.bounds import beyond_layers
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
    refuse([*_missing_targets(config.target_modules, model), *_missing_layers(asked, model)])
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


def _default_targets(model: Any) -> dict[str, Any]:
    """peft's own choice, where it has one for the architecture; else every linear layer but the head."""
    from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN

    return {"target_modules": KNOWN.get(model.config.model_type, "all-linear")}


def _missing_targets(targets: Any, model: Any) -> Iterator[str]:
    """A name that matches nothing is a slip, even where others match."""
    if not isinstance(targets, set | list | tuple):
        return
    names = [name for name, _ in model.named_modules()]
    missing = sorted(each for each in targets if not any(name == each or name.endswith(f".{each}") for name in names))
    if missing:
        linear = sorted(
            {name.rpartition(".")[2] for name, module in model.named_modules() if hasattr(module, "in_features")}
        )
        yield f"lora_config.target_modules: the model has no {', '.join(missing)}; its linear layers are {', '.join(linear)}"


def _missing_layers(asked: Hyperparameters, model: Any) -> Iterator[str]:
    layers = model.config.get_text_config().num_hidden_layers
    missing = beyond_layers(asked.lora, layers)
    if missing:
        told = ", ".join(map(str, missing))
        yield f"lora_config.layers_to_transform: the model has no layer {told}; its {layers} layers are counted from 0"
