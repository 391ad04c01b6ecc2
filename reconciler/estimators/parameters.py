"""Parameters that a training holds and those that it trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.domain.catalog import Architecture
from reconciler.domain.desired import Hyperparameters

DEFAULT_RANK = 8
"""peft's LoraConfig: r=8."""

DEFAULT_TARGETS = ("q_proj", "v_proj")
"""peft's choice for Llama and Qwen2 where ``target_modules`` is not given."""

_ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def uses_lora(chosen: Hyperparameters) -> bool:
    return chosen.optional.get("use_lora") is True


def lora_parameters(architecture: Architecture, chosen: Hyperparameters) -> int:
    """Of all adapters: rank × (inputs + outputs) for each target module in each layer (Hu et al. 2021, LoRA, section 4)."""
    shapes = _shapes(architecture)
    width = sum(sum(shapes[target]) for target in lora_targets(chosen) if target in shapes)
    return lora_rank(chosen) * width * architecture.num_hidden_layers


def lora_rank(chosen: Hyperparameters) -> int:
    rank = _config(chosen).get("r")
    return rank if isinstance(rank, int) else DEFAULT_RANK


def lora_targets(chosen: Hyperparameters) -> tuple[str, ...]:
    named = _config(chosen).get("target_modules")
    match named:
        case "all-linear":
            return _ALL_LINEAR
        case str():
            return tuple(part.strip() for part in named.split(","))
        case [*parts]:
            return tuple(str(part) for part in parts)
        case _:
            return DEFAULT_TARGETS


def sequence_limit(chosen: Hyperparameters) -> int:
    """Longest sequence that the training program keeps: 1,024 tokens, TRL's SFTConfig default, unless ``sft_config`` says otherwise."""
    config = chosen.optional.get("sft_config")
    given = config.get("max_length") if isinstance(config, Mapping) else None
    return given if isinstance(given, int) and given > 0 else 1024


def _config(chosen: Hyperparameters) -> Mapping[str, Any]:
    config = chosen.optional.get("lora_config")
    return config if isinstance(config, Mapping) else {}


def _shapes(a: Architecture) -> dict[str, tuple[int, int]]:
    """Inputs and outputs of the linear layers of one block."""
    hidden, ffn = a.hidden_size, a.intermediate_size
    query, key = a.num_attention_heads * a.head_dim, a.num_key_value_heads * a.head_dim
    return {
        "q_proj": (hidden, query),
        "k_proj": (hidden, key),
        "v_proj": (hidden, key),
        "o_proj": (query, hidden),
        "gate_proj": (hidden, ffn),
        "up_proj": (hidden, ffn),
        "down_proj": (ffn, hidden),
    }
